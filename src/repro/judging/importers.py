"""Reading what other tools leave: each importer makes a table of one row a trial.

Nothing is unpickled, no archive is opened, and a file that is not as expected is an error of one
line or a note. Optuna is imported only for its own storages.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from repro.judging.trials import Trials, as_trials, check_readable, select
from repro.names import check_name

Columns = dict[str, Any]
_SQLITE = "sqlite:///"


def read_trials(source: Any, *, study: str | None = None, **columns: Any) -> Trials:
    """Read the trials of one search.

    Args:
        source: a frame; a CSV, Parquet, JSON-lines or SQLite file; an Optuna study or the URL of
            its storage; a Ray Tune `ResultGrid`; a folder of Ray Tune, of transformers
            (`trainer_state.json`), of Weights & Biases (offline run files), or of our own results
            or recorded trials; or the name of trials that the package carries.
        study: which one of a storage with several.
        columns: those of `as_trials`.
    Raises:
        ValueError: saying what must hold and what came.
    """
    if isinstance(source, Trials):
        return source
    if isinstance(source, pd.DataFrame):
        return as_trials(source, **columns)
    if hasattr(source, "trials") and hasattr(source, "directions"):
        return _from_optuna(source, columns)
    if hasattr(source, "get_dataframe") and hasattr(source, "__getitem__"):
        results = [source[i] for i in range(len(source))]
        rows = [_ray_row(r.metrics or {}, r.config, "error" if r.error else None) for r in results]
        return _ray_trials(rows, [], columns)
    if not isinstance(source, str | os.PathLike):
        raise ValueError(
            "trials must be a frame, a file, a folder, an Optuna study or a ResultGrid, but got "
            f"{type(source).__name__}"
        )
    if "://" in str(source) and not str(source).startswith(_SQLITE):
        return _from_optuna(_load_study(str(source), study), columns)
    path = Path(str(source).removeprefix(_SQLITE))
    if path.is_file():
        return _from_file(path, study, columns)
    if path.is_dir():
        return _from_folder(path, columns)
    return _from_recorded(str(source), columns)


def _from_file(path: Path, study: str | None, columns: Columns) -> Trials:
    check_readable(path)
    kind = path.suffix.lower()
    if kind in (".db", ".sqlite", ".sqlite3"):
        url = f"{_SQLITE}file:{path.resolve().as_posix()}?mode=ro&uri=true"
        return _from_optuna(_load_study(url, study), columns)
    readers = {".csv": pd.read_csv, ".tsv": lambda p: pd.read_csv(p, sep="\t"),
               ".parquet": pd.read_parquet,
               ".jsonl": lambda p: pd.read_json(p, lines=True)}  # fmt: skip
    if kind not in readers:
        raise ValueError(f"{path} must end in {', '.join([*readers, '.db'])}, but does not")
    try:
        frame = readers[kind](path)
    except (ValueError, OSError, UnicodeError) as error:
        raise ValueError(f"{path} must be a readable {kind} file, but {_short(error)}") from error
    return as_trials(frame, **columns)


def _from_folder(path: Path, columns: Columns) -> Trials:
    """Read a folder of the one kind whose telltale files it holds."""
    if (path / "manifest.json").is_file():
        return _from_recorded(str(path), columns)
    telltales = {"run.json": _from_results, "trainer_state.json": _from_trainer_states,
                 "result.json": _from_ray, ".wandb": _from_wandb}  # fmt: skip
    found: dict[str, list[Path]] = {name: [] for name in telltales}
    for file in sorted(Path(folder, name) for folder, _, names in os.walk(path) for name in names):
        kind = ".wandb" if file.name.endswith(".wandb") else file.name
        if kind in found:
            found[kind].append(file)
    kinds = [name for name, files in found.items() if files]
    if len(kinds) != 1:
        raise ValueError(
            f"{path} must hold files of one tool ({', '.join(telltales)}), but holds "
            f"{kinds or 'none of them'}; name a folder inside, or a CSV file"
        )
    return telltales[kinds[0]](path, found[kinds[0]], columns)


def _load_study(url: str, name: str | None):
    try:
        import optuna
    except ImportError:
        raise ValueError("reading an Optuna storage needs Optuna: pip install optuna") from None
    try:
        names = optuna.get_all_study_names(url)
        if name is None and len(names) != 1:
            raise ValueError(f"one study must be named with study='...', but there are {names}")
        study = name or names[0]
        return optuna.load_study(study_name=check_name("study", study, names), storage=url)
    except ValueError:
        raise
    except Exception as error:  # whatever a storage of another version or a broken one raises
        raise ValueError(
            f"{url} must be a storage that Optuna {optuna.__version__} reads, but {_short(error)}"
        ) from error


def _from_optuna(study: Any, columns: Columns) -> Trials:
    directions = [direction.name.lower() for direction in study.directions]
    if len(directions) != 1 and "score" not in columns:
        raise ValueError(
            f"a study must have one objective, but this has {len(directions)} ({directions}); "
            "give score='values_0' or another"
        )
    rows, domains = [], {}
    for trial in study.trials:
        values = trial.values or [None] * len(directions)
        names = ["value"] if len(directions) == 1 else [f"values_{i}" for i in range(len(values))]
        row = {"number": trial.number, "state": trial.state.name}
        row |= dict(zip(names, values, strict=True))
        scalars = (int, float, str)
        row |= {k: v for k, v in trial.user_attrs.items() if isinstance(v, scalars)}
        rows.append(row | {f"params_{name}": value for name, value in trial.params.items()})
        for name, domain in trial.distributions.items():
            if hasattr(domain, "low"):
                domains[name] = (float(domain.low), float(domain.high))
    place = 0 if len(directions) == 1 else int(str(columns["score"]).rpartition("_")[2])
    columns = {"direction": directions[place], "domains": domains} | columns
    return as_trials(pd.DataFrame(rows, columns=None if rows else ["state", "value"]), **columns)


def _from_ray(path: Path, files: list[Path], columns: Columns) -> Trials:
    status, notes = _ray_statuses(path), []
    rows, empty = [], 0
    for file in files:
        lines = check_readable(file).read_text(encoding="utf-8").strip().splitlines()
        failed = (file.parent / "error.txt").is_file()
        if not lines and not failed:
            empty += 1
            continue
        last = _json(lines[-1], file) if lines else {}
        beside = file.with_name("params.json")
        if not (config := last.get("config")) and beside.is_file():
            config = _json(beside.read_text(encoding="utf-8"), beside)
        row = _ray_row(last, config, "error" if failed else status.get(file.parent.name))
        rows.append({"trial_id": file.parent.name} | row)
    if empty:
        notes.append(f"Left out: {empty} trials that have reported nothing yet.")
    if not status:
        notes.append("No readable experiment state: all trials are taken for ended.")
    return _ray_trials(rows, notes, columns)


def _ray_statuses(path: Path) -> dict[str, str]:
    """Return trial folder -> status, from the last experiment state; {} where it is unreadable."""
    states = sorted(path.rglob("experiment_state-*.json"))
    try:
        data = json.loads(check_readable(states[-1]).read_text(encoding="utf-8"))["trial_data"]
        trials = [json.loads(trial[0]) for trial in data]
        return {Path(t["relative_logdir"]).name: t["status"] for t in trials}
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        return {}


def _ray_row(metrics: Mapping, config: Mapping | None, status: str | None) -> dict:
    own = _flat({name: value for name, value in metrics.items() if name != "config"})
    return own | _flat(config or {}, "config/") | {"status": status}


def _ray_trials(rows: list[dict], notes: list[str], columns: Columns) -> Trials:
    """Read rows of Ray Tune; a trial that ended before the longest was stopped."""
    frame = pd.DataFrame(rows)
    status = frame["status"].fillna("terminated").astype("str").str.lower()
    if "training_iteration" in frame:
        early = frame["training_iteration"] < frame["training_iteration"].max()
        status = status.mask(early & (status == "terminated"), "stopped")
    return as_trials(frame.assign(status=status), notes=notes, **columns)


def _from_trainer_states(path: Path, files: list[Path], columns: Columns) -> Trials:
    """Read one trial a run folder, from its latest state.

    Scores are those of the best evaluation where the Trainer kept the best model, else the last.
    """
    latest: dict[Path, dict] = {}
    for file in files:
        state = _json(check_readable(file).read_text(encoding="utf-8"), file)
        if not isinstance(state.get("log_history"), list):
            raise ValueError(
                f"{file} must have a `log_history`, but has none; is it transformers'?"
            )
        run = file.parent.parent if file.parent.name.startswith("checkpoint-") else file.parent
        if state.get("global_step", 0) >= latest.get(run, {}).get("global_step", 0):
            latest[run] = state
    rows = []
    for run, state in latest.items():
        settings = {n: state.get(n) for n in ("train_batch_size", "num_train_epochs")}
        settings |= state.get("trial_params") or {}
        ended = state.get("global_step", 0) >= state.get("max_steps", 0)
        row = {"trial": run.relative_to(path).as_posix(), "status": "done" if ended else "stopped"}
        row |= {f"params_{k}": v for k, v in settings.items() if v is not None}
        rows.append(row | _evaluation(state))
    notes = ["training_args.bin is a pickle and never loaded: only what trainer_state.json says."]
    return as_trials(pd.DataFrame(rows), notes=notes, **columns)


def _evaluation(state: Mapping) -> dict:
    """Return what was evaluated: at the best step where a best model was kept, else at the last."""
    logs = [e for e in state["log_history"] if any(k.startswith("eval_") for k in e)]
    best = [e for e in logs if state.get("best_metric") in e.values()]
    chosen = (best if state.get("best_model_checkpoint") and best else logs)[-1:]
    kept = {k: v for e in chosen for k, v in e.items() if k.startswith(("eval_", "test_"))}
    dropped = ("_runtime", "_per_second")
    return {k: v for k, v in kept.items() if not k.endswith(dropped)}


def _from_wandb(path: Path, files: list[Path], columns: Columns) -> Trials:
    from repro.judging.wandb_files import read_run

    return as_trials(pd.DataFrame([read_run(check_readable(file)) for file in files]), **columns)


def _from_results(path: Path, files: list[Path], columns: Columns) -> Trials:
    from repro.explorer.found_runs import find_runs

    found = find_runs(path)
    if not len(found.trials):
        raise ValueError(
            f"{path} must hold a finished tuning run, but {found.skipped or 'no trial'}"
        )
    notes = [f"{run} cannot be read: {why}." for run, why in found.skipped.items()]
    return _own(found.trials, ("run_id",), notes, columns)


def _from_recorded(name: str, columns: Columns) -> Trials:
    from repro.results.recorded import TRIAL_KEY, read_recorded, recorded_folders

    if not Path(name).is_dir() and name not in recorded_folders():
        raise ValueError(
            f"trials must be a file, a folder or recorded trials, but {name!r} is neither; "
            f"recorded are {sorted(recorded_folders())}"
        )
    recorded = read_recorded(name)
    evaluations = recorded.evaluations.sort_values("validation_score", kind="stable")
    best = evaluations.drop_duplicates(list(TRIAL_KEY), keep="last")
    best = best[[*TRIAL_KEY, "validation_score", "test_score"]]
    rows = recorded.trials.merge(best, how="left", on=list(TRIAL_KEY)).drop(columns="total_steps")
    return _own(rows, TRIAL_KEY[:-1], [], columns)


def _own(rows: pd.DataFrame, one: tuple[str, ...], notes: list[str], columns: Columns) -> Trials:
    """Read a table of ours, whose trials must be of one `one`."""
    from repro.records import HYPERPARAMETERS

    where = columns.get("where") or {}
    rows = select(rows, where)
    several = [c for c in one if rows[c].nunique() > 1 and not isinstance(where.get(c), list)]
    if several:
        known = rows[several[0]].drop_duplicates().tolist()
        raise ValueError(
            f"the trials must be of one search, but there are {len(known)}; choose with "
            f"where={{'{several[0]}': ...}} among {known[:6]}{' ...' if len(known) > 6 else ''}"
        )
    rows = rows.assign(trial=range(len(rows))) if rows["trial"].duplicated().any() else rows
    names = [n for n in (*HYPERPARAMETERS, "classifier_dropout") if n in rows]
    names = [n for n in names if rows[n].notna().any()]
    if {"warmup_ratio", "warmup_steps"} <= set(names):  # the steps follow from the ratio
        names.remove("warmup_steps")
    known = {"score": "validation_score", "test": "test_score", "direction": "maximize"}
    notes = [*notes, "Scores are those of each trial's best checkpoint."]
    return as_trials(rows, **known | {"hyperparameters": names, "notes": notes} | columns)


def _flat(values: Mapping, prefix: str = "") -> dict[str, Any]:
    """Write nested dictionaries as one, keys joined by a slash; lists and objects are left out."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}/")
        elif isinstance(value, int | float | str | bool) or value is None:
            flat[f"{prefix}{name}"] = value
    return flat


def _json(text: str, path: Path) -> dict:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} must hold JSON, but {_short(error)}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path} must hold a JSON object, but holds a {type(value).__name__}")
    return value


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
