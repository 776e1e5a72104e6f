"""The tuning league: students' tuners on recorded trials that they cannot see, ranked by regret.

`python league.py FOLDER` plays all FOLDER/*.py (README.md says what such a file is) and writes
two boards: the public one rests on few repetitions with known seeds, and may be tuned to; the final
one on many, with other seeds and other trials.
"""

import argparse
import json
import math
import os
import select
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import grading
import numpy as np
import pandas as pd
from processes import become_subreaper, end_descendants
from releasing import hidden_seed
from sandbox import Limits, confined, environment, make_folders

BASELINES = Path(__file__).resolve().parent / "league"
BUDGET = 24.0  # epochs, over all trials of one run
CHECKPOINTS = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0)  # epochs after which a tuner hears of a trial
REPETITIONS = {"public": 10, "final": 300}
SECONDS = {"public": 30, "final": 300}  # of one core, for all repetitions of a tuner
_SLOWER = 10  # times as long may it take on a busy machine
SPACE = {  # name -> lowest, highest, scale
    "learning_rate": (1e-6, 1e-3, "log"),
    "batch_size": (16, 64, "whole"),
    "warmup_share": (0.0, 0.6, "linear"),
    "classifier_dropout": (0.0, 0.3, "linear"),
    "epochs": (1, 4, "whole"),
}
_COLUMNS = ("rank", "tuner", "mean_regret", "low", "high", "behind", "repetitions", "status")
_TOLD = 2.58  # standard errors of a paired difference, beyond which one tuner is ahead: 99 %


@dataclass(frozen=True, eq=False)
class Pool:
    """Recorded trials: positions in the space, and scores at the checkpoints (NaN after the end).

    `configurations` are those of SPACE; `positions` has shape (n, len(SPACE)), each 0 to 1;
    `validation` and `test` have shape (n, len(CHECKPOINTS)).
    """

    configurations: list[dict]
    positions: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def read_pools(*, secret: int) -> dict[str, list[Pool]]:
    """Return the pools of the two boards: halves of the trials, drawn by the secret."""
    from repro.results.recorded import read_recorded

    recorded = read_recorded("deberta")
    pools = {"public": [], "final": []}
    for model, trials in recorded.trials.groupby("model"):
        of_model = recorded.evaluations[recorded.evaluations["model"] == model]
        # both models were trained with the same configurations: so both are cut alike
        halves = np.array_split(np.random.default_rng(secret).permutation(len(trials)), 2)
        for board, half in zip(REPETITIONS, halves, strict=True):
            pools[board].append(_pool(trials.iloc[half], of_model))
    return pools


def _pool(trials: pd.DataFrame, evaluations: pd.DataFrame) -> Pool:
    table = trials.assign(warmup_share=trials["warmup_steps"] / trials["total_steps"])[list(SPACE)]
    curves = dict(list(evaluations.groupby("trial")))
    scores = {"validation_score": [], "test_score": []}
    for trial, epochs in zip(trials["trial"], trials["epochs"], strict=True):
        curve = curves[trial].sort_values("step")
        at = np.searchsorted(curve["epoch"].to_numpy(), np.array(CHECKPOINTS) + 1e-6) - 1
        known = (at >= 0) & (np.array(CHECKPOINTS) <= epochs)
        for name, rows in scores.items():
            rows.append(np.where(known, curve[name].to_numpy()[np.maximum(at, 0)], np.nan))
    rows = table.astype(object).to_dict("records")
    positions = np.array([_position(row) for row in rows])
    return Pool(rows, positions, *map(np.array, scores.values()))


def _position(configuration: dict) -> np.ndarray:
    """Return where a configuration lies in the space, from 0 to 1 on each axis.

    Raises:
        ValueError: if it has not the names of the space, or no numbers.
    """
    if set(configuration) != set(SPACE):
        raise ValueError(f"a suggestion must have {list(SPACE)}, but has {list(configuration)}")
    places = []
    for name, (low, high, scale) in SPACE.items():
        value = min(max(float(configuration[name]), low), high)
        if scale == "log":
            low, high, value = math.log(low), math.log(high), math.log(value)
        places.append((value - low) / (high - low))
    return np.array(places)


class Player:
    """A tuner in a process of its own, behind pipes; what it is asked it answers in JSON."""

    def __init__(self, file: Path, folder: Path, *, isolation: str, seconds: int):
        make_folders(folder)
        (folder / "work/tuner.py").write_bytes(file.read_bytes())
        program = Path(__file__).with_name("league_player.py")
        limits = Limits(seconds=seconds, memory_gb=2.0)
        words = confined(folder, isolation=isolation, limits=limits, readable=(program,))
        self._deadline = time.monotonic() + _SLOWER * seconds
        self._process = subprocess.Popen(
            [*words, sys.executable, str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder / "work",
            env=environment(folder),
        )
        self._rest = b""

    def ask(self, method: str, *arguments):
        """Return what a method of the tuner returns.

        Raises:
            RuntimeError: if it raises, ends, or is out of time.
        """
        line = json.dumps([method, *arguments]).encode() + b"\n"
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except OSError:
            raise RuntimeError("the tuner has ended") from None
        answer = json.loads(self._line())
        if "error" in answer:
            raise RuntimeError(str(answer["error"])[:200])
        return answer["value"]

    def _line(self) -> bytes:
        pipe = self._process.stdout.fileno()
        while b"\n" not in self._rest:
            left = self._deadline - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                raise RuntimeError("the tuner is out of time")
            part = os.read(pipe, 2**16)
            if not part or len(self._rest) > 2**20:
                raise RuntimeError("the tuner has ended, or says too much")
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def end(self) -> None:
        """End the process and all that it has started."""
        end_descendants()
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def play(player: Player, pool: Pool, *, seed: int) -> float:
    """Return the regret of one tuning run.

    A suggestion is answered by the nearest recorded configuration that was not used yet. Regret is
    the best test score in the pool less that of the checkpoint with the best validation score.
    """
    player.ask("start", SPACE, BUDGET, seed)
    unused, spent, best = np.ones(len(pool.positions), bool), 0.0, (-1.0, 0.0)
    trial = 0
    while spent < BUDGET and unused.any():
        at = _position(player.ask("suggest"))
        distance = ((pool.positions - at) ** 2).sum(axis=1)
        row = int(np.where(unused, distance, np.inf).argmin())
        unused[row], reached = False, 0.0
        for place in np.flatnonzero(np.isfinite(pool.validation[row])):
            if spent + CHECKPOINTS[place] - reached > BUDGET:
                spent = BUDGET
                break
            spent += CHECKPOINTS[place] - reached
            reached = CHECKPOINTS[place]
            score = float(pool.validation[row, place])
            best = max(best, (score, float(pool.test[row, place])))
            told = (trial, pool.configurations[row], reached, score)
            if not player.ask("tell", *told):
                break
        trial += 1
    return float(np.nanmax(pool.test) - best[1])


def play_all(
    file: Path, pools: list[Pool], *, board: str, secret: int, isolation: str
) -> tuple[str, np.ndarray]:
    """Play one tuner on all pools; return what became of it, and the regret of each round."""
    status, regrets = "played", []
    with tempfile.TemporaryDirectory(prefix="league", ignore_cleanup_errors=True) as folder:
        player = Player(file, Path(folder), isolation=isolation, seconds=SECONDS[board])
        try:
            for repetition in range(REPETITIONS[board]):
                seed = repetition if board == "public" else (secret + 7919 * repetition) % 2**31
                pool = pools[repetition % len(pools)]
                regrets.append(play(player, pool, seed=seed))
        except (RuntimeError, ValueError, TypeError) as error:
            status = f"failed: {error}"
        finally:
            player.end()
    return status, np.array(regrets)


def rank(regrets: dict[str, np.ndarray]) -> pd.DataFrame:
    """Rank tuners that have played the same rounds; those that cannot be told apart share a rank.

    A rank is one more than the number of tuners that are ahead by more than _TOLD standard errors
    of the difference, round by round.

    Returns:
        one row a tuner, the smallest regret first: rank, tuner, mean_regret, its 95 % interval,
        behind (the first by so much), repetitions.
    """
    rows, best = [], min((values.mean() for values in regrets.values()), default=0.0)
    for tuner, own in regrets.items():
        gaps = [own - other for name, other in regrets.items() if name != tuner]
        n_ahead = sum(gap.mean() > _TOLD * _error(gap) for gap in gaps)
        mean, half = own.mean(), 1.96 * _error(own)
        row = {"rank": 1 + n_ahead, "tuner": tuner, "mean_regret": mean, "behind": mean - best}
        rows.append(row | {"low": mean - half, "high": mean + half, "repetitions": len(own)})
    return pd.DataFrame(rows, columns=list(_COLUMNS[:-1])).sort_values("mean_regret", kind="stable")


def _error(values: np.ndarray) -> float:
    return float(np.std(values, ddof=1) / math.sqrt(len(values)))


def write_board(files: list[Path], to: Path, *, board: str, secret: int, isolation: str):
    """Play all tuners, write the board and return it, the smallest regret first."""
    pools = read_pools(secret=secret)[board]
    how = {"board": board, "secret": secret, "isolation": isolation}
    played = {file.stem: play_all(file, pools, **how) for file in files}
    ranked = rank({name: regrets for name, (said, regrets) in played.items() if said == "played"})
    status = pd.DataFrame({"tuner": list(played), "status": [said for said, _ in played.values()]})
    table = ranked.merge(status, how="right", on="tuner").sort_values("mean_regret", kind="stable")
    table = table[list(_COLUMNS)].astype({"rank": "Int64", "repetitions": "Int64"})
    to.mkdir(parents=True, exist_ok=True)
    table.round(6).to_csv(to / f"{board}.csv", index=False)
    return table


def main() -> None:
    """Play the tuners of a folder, and the baselines."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--board", choices=tuple(REPETITIONS), default="public")
    parser.add_argument("--secret", default="", help="the course's: draws pools and final seeds")
    parser.add_argument("--to", type=Path, default=BASELINES.parent / "boards")
    options = parser.parse_args()
    become_subreaper()
    isolation = grading.choose_isolation(required=False)
    files = sorted(BASELINES.glob("*.py")) + sorted(options.folder.glob("*.py"))
    how = {"board": options.board, "secret": hidden_seed(options.secret), "isolation": isolation}
    print(write_board(files, options.to, **how).to_string(index=False))


if __name__ == "__main__":
    main()
