"""What tuning runs leave on disk: one folder a run, there complete or not at all.

While a run is in progress, its folder's name ends in `.partial`. Every finished trial is one file
in `trials/`, so that a killed run goes on where it stopped, and a larger budget begins with the
trials of a smaller one. A finished folder holds beside them `run.json`, `trials.parquet`,
`evaluations.parquet`, `losses.parquet`, `segments.parquet` of a population, `examples.parquet`
(what was predicted) and, where asked for, the incumbent's best in `checkpoints/`. `run.json` says
what these files must be, so that damage is seen.
"""

import hashlib
import json
import logging
import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from repro.data.definitions import Task, is_test
from repro.data.tasks import labels_hidden
from repro.records import make_table
from repro.results.files import digest, write_whole
from repro.results.trials import (
    evaluation_row,
    loss_table,
    read_predictions,
    read_trial,
    scores_on_test,
    segment_row,
    trial_identity,
    trial_row,
    write_trial,
)
from repro.training.types import TrialResult
from repro.tuning.runs import Request

FORMAT = 2
_LOG = logging.getLogger("repro.results")
EXAMPLE = ("split", "index", "label")


@dataclass(frozen=True)
class RunFolder:
    """The folder of one tuning run.

    What `smaller` folders hold, of the same search with smaller budgets, finished or not, is not
    trained again. Where checkpoints are kept, a trial that may be the incumbent counts as recorded
    only with its own.
    """

    path: Path  # of the finished folder
    key: dict  # the columns of `records.RUN_KEY`
    about: dict = field(default_factory=dict)  # what else `run.json` says: what was asked, versions
    smaller: tuple[Path, ...] = ()
    keeps_checkpoints: bool = False

    @property
    def finished(self) -> bool:
        return (self.path / "run.json").is_file()

    @property
    def name(self) -> str:
        """The run's id with its fingerprint: unique over all studies."""
        return f"{self.key['run_id']}-{self.about['fingerprint']}"

    @property
    def partial(self) -> Path:
        return _partial(self.path)

    def checkpoint(self, trial: int) -> Path:
        """Where trial number `trial` saves its best checkpoint while the run is in progress."""
        return self.partial / "checkpoints" / _name(trial)

    def state(self, trial: int, generation: int) -> Path:
        """Where a segment leaves its state for those that continue it."""
        return self.partial / "states" / f"{generation:04d}-{_name(trial)}.safetensors"

    def drop_states(self, *, before: int) -> None:
        """Remove the states of the generations that nobody continues any more."""
        for path in self.partial.glob("states/*.safetensors"):
            if int(path.name[:4]) < before:
                path.unlink(missing_ok=True)  # another worker may be as quick

    def recall(self, request: Request) -> TrialResult | None:
        """Return the recorded result of this very trial, of this folder or of a smaller budget.

        A trial that a smaller budget cut short does not count.

        Raises:
            ValueError: if the trial goes on from another, whose state is lost.
        """
        for place in self._places():
            if not (file := _file(place, request.trial)).is_file():
                continue
            try:
                identity, result = read_trial(file)
            except ValueError as error:
                _LOG.warning("%s; it is trained again", error)
                continue
            may_be_best = result.score > request.score_to_beat
            if identity != trial_identity(request):
                continue
            if may_be_best and self._lacks_checkpoint(place, file):
                continue
            if place == self.partial:
                return result
            if result.status != "cut":
                self.record(request, result)
                return result
        if request.segment and request.segment.parent is not None:
            self._check_state(request.segment.parent, request.segment.generation - 1)
        return None

    def _check_state(self, trial: int, generation: int) -> None:
        from safetensors import SafetensorError, safe_open

        path = self.state(trial, generation)
        try:
            with safe_open(path, framework="np"):
                pass
        except (OSError, SafetensorError) as error:
            raise ValueError(
                f"{path} must hold the state from which a population goes on, but cannot be read: "
                f"{error}; remove {self.partial} and run again, which trains the population anew"
            ) from None

    def _lacks_checkpoint(self, place: Path, file: Path) -> bool:
        kept = place / "checkpoints"
        if not (place / "run.json").is_file():  # a finished folder keeps its incumbent's alone
            kept /= file.stem
        return self.keeps_checkpoints and not kept.is_dir()

    def _places(self) -> list[Path]:
        """Return where trials may be, this folder first."""
        return [self.partial, *(place for path in self.smaller for place in (path, _partial(path)))]

    def record(self, request: Request, result: TrialResult) -> None:
        """Keep the result of a trial, in a file that is complete or absent."""
        path = _file(self.partial, request.trial)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_trial(path, request, result)

    def finish(self, *, task: Task, examples: dict[str, pd.DataFrame], ledger: dict) -> None:
        """Turn the recorded trials into a finished folder.

        Args:
            examples: of the validation and test splits, with columns index and label.
            ledger: `budget_unit`, `budget` (infinite for grid search) and `spent`.
        """
        if self.finished:  # another process was as quick
            shutil.rmtree(self.partial, ignore_errors=True)
            return
        self.partial.mkdir(parents=True, exist_ok=True)
        recorded = {_number(path): read_trial(path) for path in _files(self.partial)}
        results = [result for _, result in recorded.values()]
        tables = self._tables(task, examples.get("test"), recorded)
        tables["examples"] = pd.concat(
            [frame[["index", "label"]].assign(split=split) for split, frame in examples.items()]
        )[[*EXAMPLE]]
        files = {f"trials/{path.name}": digest(path) for path in _files(self.partial)}
        for name, table in tables.items():
            path = self.partial / f"{name}.parquet"
            files[path.name] = write_whole(path, table.to_parquet(index=False))
        run = self._run_row(tables["trials"], ledger)
        if best := run["best_trial_id"]:
            self._keep_checkpoint(best.rpartition("/")[2])
        shutil.rmtree(self.partial / "states", ignore_errors=True)
        about = {
            **self.about,
            "format": FORMAT,
            "run": run,
            "settings": next((result.settings for result in results if result.settings), {}),
            "test_sets": _test_sets(task, examples, results),
            "files": files,
            "checkpoints": _sizes(self.partial / "checkpoints"),
        }
        about = json.loads(_text(about))
        files["run.json"] = hashlib.sha256(_text(about)).hexdigest()
        write_whole(self.partial / "run.json", _text(about | {"files": files}))
        self.partial.rename(self.path)

    def damage(self) -> str:
        """Say what of a finished folder is not as it was written; nothing where all is, or none."""
        if not self.path.is_dir():
            return ""
        try:
            about = self.read_run()
        except ValueError as error:
            return str(error)
        own = self.about.get("fingerprint")
        run = about["run"] | {"fingerprint": about.get("fingerprint", own)}
        named = self.key | {"fingerprint": own}
        named = {k: v for k, v in named.items() if v == v}  # where there is no budget it is NaN
        if other := {k: run.get(k) for k, v in named.items() if run.get(k) != v}:
            return f"{self.path} must be of this run, but is another's: {other}"
        if "files" not in about:
            return f"{self.path / 'run.json'} does not say what the files beside it must be"
        for name, known in about["files"].items():
            if not (file := self.path / name).is_file():
                return f"{file} is missing"
            if digest(file) != known:
                return f"{file} was changed after it was written"
        kept = about.get("checkpoints", {})  # too large to be read each time
        if kept and _sizes(self.path / "checkpoints") != kept:
            return f"{self.path / 'checkpoints'} was changed after it was written"
        stray = {f"trials/{path.name}" for path in _files(self.path)} - set(about["files"])
        return f"{self.path / min(stray)} is no trial of this run" if stray else ""

    def reopen(self) -> None:
        """Make a damaged folder one in progress, with those of its trials that are whole.

        A population stands or falls as one: the states from which its members go on are gone.
        """
        try:
            about = self.read_run()
        except ValueError:
            about = {"files": {}}  # each trial speaks for itself
        known = about["files"]
        there = {f"trials/{file.name}": digest(file) for file in _files(self.path)}
        trials = {name for name in known if name.startswith("trials/")}
        damaged = {n for n in {*there, *trials} if known and there.get(n) != known.get(n)}
        has_checkpoints = _sizes(self.path / "checkpoints") == about.get("checkpoints")
        if not has_checkpoints:
            shutil.rmtree(self.path / "checkpoints", ignore_errors=True)
        has_all = known and not damaged and (has_checkpoints or not self.keeps_checkpoints)
        if not has_all and "segments.parquet" in {*known, *(p.name for p in self.path.iterdir())}:
            damaged = set(there)
        for name in damaged:
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.partial, ignore_errors=True)  # of somebody who was not waited for
        self.path.rename(self.partial)
        (self.partial / "run.json").unlink(missing_ok=True)

    def _keep_checkpoint(self, trial: str) -> None:
        """Keep the checkpoint of one trial alone, from wherever it was trained."""
        own = self.partial / "checkpoints"
        places = [place / "checkpoints" / trial for place in self._places()]
        source = next((path for path in places if path.is_dir()), own / trial)
        if source.parent != own:
            copy = shutil.copytree(source, own / f"{trial}.partial", dirs_exist_ok=True)
            copy.rename(own / trial)
        for path in own.glob("*"):
            if path.name != trial:
                shutil.rmtree(path)

    def _tables(
        self, task: Task, test: pd.DataFrame | None, recorded: dict[int, tuple[dict, TrialResult]]
    ) -> dict[str, pd.DataFrame]:
        run_id, labels = self.key["run_id"], None if test is None else test["label"]
        trials, evaluations, losses, segments = [], [], [make_table("losses", [])], []
        for number, (identity, result) in recorded.items():
            trial_id = f"{run_id}/{_name(number)}"
            row = {**self.key, "trial": number} | trial_row(trial_id, identity, result)
            trials.append(row | scores_on_test(task, result.predictions, labels))
            evaluations += [evaluation_row(trial_id, e) for e in result.evaluations]
            losses.append(loss_table(result, trial_id))
            if result.segment:
                segments.append(segment_row(run_id, trial_id, result))
        rows = {"trials": trials, "evaluations": evaluations}
        rows |= {"segments": segments} if segments else {}
        tables = {name: make_table(name, rows[name]) for name in rows}
        return tables | {"losses": pd.concat(losses)}

    def _run_row(self, trials: pd.DataFrame, ledger: dict) -> dict:
        scores, seconds = trials["validation_score"], math.fsum(trials["seconds"])
        row = {
            **self.key,
            **ledger,
            "overshoot": max(0.0, ledger["spent"] - ledger["budget"]),
            "profile": self.about["profile"],
            "split": self.about["split"],
            "steps": int(trials["steps"].sum()),
            "epochs_trained": math.fsum(trials["epochs_trained"]),
            "seconds": seconds,
            "gpu_seconds": seconds * self.about["gpus_per_trial"],
            "n_trials": len(trials),
            "n_failed": int(trials["status"].isin(["failed", "diverged"]).sum()),
            "best_trial_id": trials["trial_id"][scores.idxmax()] if scores.notna().any() else "",
        }
        infinite = (n for n, v in row.items() if isinstance(v, float) and not math.isfinite(v))
        return row | dict.fromkeys(infinite)  # JSON has neither infinity nor NaN

    def read(self, table: str) -> pd.DataFrame:
        """Return a table of the finished run: trials, evaluations, losses, segments, examples."""
        return pd.read_parquet(self.path / f"{table}.parquet")

    def read_run(self) -> dict:
        """Return `run.json`.

        Raises:
            ValueError: if it cannot be read, or the folder is of another format.
        """
        path = self.path / "run.json"
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
            known = about.get("files", {}).pop("run.json", None)  # an older one does not say
        except (OSError, ValueError, AttributeError):
            raise ValueError(
                f"{path} must say what a finished run is, but cannot be read; run the study "
                "again, which goes on from the run's trials"
            ) from None
        if (written_in := about.get("format", 1)) != FORMAT:
            raise ValueError(
                f"{self.path} must hold results of format {FORMAT}, but they are of format "
                f"{written_in}; remove the folder and run again"
            )
        if known and hashlib.sha256(_text(about)).hexdigest() != known:
            raise ValueError(f"{path} was changed after it was written; run the study again")
        return about

    def each_predictions(self) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        """Yield the number and the predictions (see `TrialResult`) of each trial that has any."""
        for file in _files(self.path):
            if predictions := read_predictions(file):
                yield _number(file), predictions

    def predictions(self) -> pd.DataFrame:
        """Return the incumbent's predictions: split, checkpoint, index, prediction, label."""
        examples, best = self.read("examples"), self.read_run()["run"]["best_trial_id"]
        columns = ["split", "checkpoint", "index", "prediction", "label"]
        if not best:
            return pd.DataFrame(columns=columns)
        file, frames = self.path / "trials" / f"{best.rpartition('/')[2]}.npz", []
        for name, predictions in read_predictions(file).items():
            split, checkpoint = name.split("_")
            rows = examples[examples["split"] == split]
            frames.append(rows.assign(checkpoint=checkpoint, prediction=predictions))
        return pd.concat(frames, ignore_index=True)[columns]

    def trial_predictions(self) -> pd.DataFrame:
        """Return what all trials' best checkpoints predict.

        Returns:
            columns of EXAMPLE, then one a trial: class ids as int16 (-1 where it has none of this
            split), or float32 (NaN) in a regression; a trial without any has no column.
        """
        examples = self.read("examples")
        sizes = examples["split"].value_counts(sort=False)
        is_class = pd.api.types.is_integer_dtype(examples["label"])
        kind, nothing = (np.int16, -1) if is_class else (np.float32, np.nan)
        columns = {}
        for trial, predictions in self.each_predictions():
            parts = [
                predictions.get(f"{split}_best", np.full(n, nothing)) for split, n in sizes.items()
            ]
            columns[_name(trial)] = np.concatenate(parts).astype(kind)
        return pd.concat([examples, pd.DataFrame(columns)], axis=1)


def _partial(path: Path) -> Path:
    return path.with_name(path.name + ".partial")


def _name(trial: int) -> str:
    return f"trial{trial:04d}"


def _file(folder: Path, trial: int) -> Path:
    return folder / "trials" / f"{_name(trial)}.npz"


def _files(folder: Path) -> list[Path]:
    return sorted((folder / "trials").glob("trial*.npz"), key=_number)


def _number(file: Path) -> int:
    return int(file.stem.removeprefix("trial"))


def _text(about: dict) -> bytes:
    return f"{json.dumps(about, indent=2, sort_keys=True, default=_plain)}\n".encode()


def _sizes(folder: Path) -> dict[str, int]:
    """Return the bytes of each file below a folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.stat().st_size for path in files}


def _test_sets(task: Task, examples: dict, results: list[TrialResult]) -> dict[str, dict]:
    """Count for each test set its examples, and the trials that were scored on its labels."""
    counts = {}
    for split, frame in examples.items():
        if is_test(split):
            n_predicted = sum(f"{split}_best" in result.predictions for result in results)
            n_scored = 0 if labels_hidden(task, frame["label"]) else n_predicted
            counts[split] = {"n_examples": len(frame), "n_scored": n_scored}
    return counts


def _plain(value):
    return value.item() if isinstance(value, np.generic) else str(value)
