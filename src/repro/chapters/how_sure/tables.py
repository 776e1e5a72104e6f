"""The tables of notebook 07; captions end with `note`, which says what was recorded."""

import pandas as pd

from repro.chapters.how_sure.effects import difference, slopes
from repro.chapters.how_sure.laboratory import SPACES, Laboratory
from repro.chapters.how_sure.paths import VERDICTS
from repro.labels import METHOD_LABELS, label
from repro.show.cells import method_label, percent, points_with_interval, task_label
from repro.show.table import NOTHING, Table
from repro.stats.incumbents import SPLITS

_SETTING = {"model": "model", "task": ("task", task_label), "method": ("method", method_label)}
_ERRORS = {"± replays": ("replay_error", percent), "± recorded trials": ("pool_error", percent)}
_WHAT = {"grid": "grid again (chance)"}


def describe(lab: Laboratory) -> str:
    """Say in one sentence what is recorded, and what is left out."""
    n = sum(len(pool) for cell in lab.cells for pool in cell.pools.values())
    n += sum(len(cell.grid) for cell in lab.cells)
    tasks, others = len({cell.task for cell in lab.cells}), ", ".join(lab.others)
    text = f"{n:,} recorded trials of {len(lab.models)} models on {tasks} tasks of the miniature"
    text += f", and those of {others}" if others else ""
    shown = "; ".join(lab.left_out[:6]) + ("; ..." if len(lab.left_out) > 6 else "")
    return text + (f"; left out: {shown}." if lab.left_out else ".")


def pools_table(sizes: pd.DataFrame, *, note: str) -> Table:
    """Show what is recorded, from `laboratory.pool_sizes`."""
    spaces = {space: (space, ".0f") for space in SPACES if sizes[space].notna().any()}
    return Table.of(
        sizes,
        name="recorded_pools",
        caption="Trials recorded in each search space, and grid search's configurations with the "
        f"number of training seeds of each; one GST in epochs on the virtual clock. {note}",
        columns={"model": "model", "task": ("task", task_label)}
        | spaces
        | {
            "grid": ("grid_configurations", ".0f"),
            "grid's seeds": ("grid_seeds", ".0f"),
            "1 GST": ("gst", "g"),
        },
        blocks="model",
    )


def sample_table(again: pd.DataFrame) -> Table:
    """Show `run.train_a_sample`, one row a folder."""
    rows = again.groupby("folder", sort=False).agg(
        trials=("same", "size"),
        until=("n_evaluations", "max"),
        same=("same", "sum"),
        first=("first_difference", "max"),
        largest=("largest_difference", "max"),
    )
    return Table.of(
        rows.reset_index(),
        name="trained_again",
        caption="Recorded trials, drawn at random and trained again on this machine up to an "
        "evaluation: how many gave every score and loss as it was recorded, bit for bit, and the "
        "largest differences.",
        columns={
            "recorded in": "folder",
            "trained again": ("trials", ".0f"),
            "up to evaluation": ("until", ".0f"),
            "the same": ("same", ".0f"),
            "largest difference of a first validation loss": ("first", ".2g"),
            "of any score or loss": ("largest", ".2g"),
        },
    )


def studies_table(differences: pd.DataFrame, *, repetitions: int, note: str) -> Table:
    """Show `studies.study_differences`, validation and test side by side."""
    key, names = ["model", "task", "method"], ["mean", "q025", "q975", "p_wrong"]
    wide = differences.pivot(index=key, columns="split", values=names)
    wide.columns = [f"{split}_{name}" for name, split in wide.columns]
    both = [f"{split}_{name}" for split in SPLITS for name in names]
    rows = wide.reindex(columns=both).reset_index()
    rows = differences[key].drop_duplicates().merge(rows, on=key)
    columns = dict(_SETTING)
    for split in SPLITS:
        names = [f"{split}_{name}" for name in ("mean", "q025", "q975")]
        columns[f"{split}: true [95 % of studies]"] = (names, points_with_interval)
        columns[f"{split}: wrong sign"] = (f"{split}_p_wrong", percent)
    return Table.of(
        rows,
        name="studies_of_few_repetitions",
        caption=f"HPO minus grid search at 1 GST in studies of {repetitions} repetitions and one "
        "grid search, in points: the mean over all replays, which is the truth on these pools, the "
        "range of the middle 95 % of the studies, and the share of them in percent whose mean has "
        f"the other sign. {note}",
        columns=columns,
        blocks="model",
    )


def overfitting_table(shares: pd.DataFrame, *, note: str) -> Table:
    """Show `claims.shares_by_method`."""
    return Table.of(
        shares,
        name="overfitting",
        caption="Share of tuning runs at 1 GST whose validation score is above and whose test "
        "score is below grid search's, in percent, mean over tasks, with its 95 % interval over "
        "replays and recorded trials together; how much of its error is the replays' alone. Grid "
        "search again, with other training seeds, shows what chance gives. Printed: 9 of 72 runs "
        f"(ELECTRA) and 11 of 45 (RoBERTa). {note}",
        columns={
            "model": "model",
            "method": ("method", lambda name: _WHAT.get(name, label(name, METHOD_LABELS))),
            "tasks": ("n_cells", "d"),
            "overfit": (["value", "low", "high"], _share_with_interval),
            **_ERRORS,
        },
        blocks="model",
    )


def _share_with_interval(value: float, low: float, high: float) -> str:
    return f"{percent(value)} [{percent(low)}, {percent(high)}]"


def contrasts(means: pd.DataFrame) -> pd.DataFrame:
    """Estimate the contrasts that the paper discusses: methods, budgets, spaces.

    Returns:
        what (in words), quantity, model, n_pairs, and `effects.ESTIMATE`.
    """
    means, rows = means[means["method"] != "grid"], []
    full = means[means["space"] == "full"]
    reduced = [s for s in SPACES if s != "full" and (means["space"] == s).any()]
    rs, asha, first = {"method": "rs"}, {"method": "asha"}, {"budget_gst": 1.0}
    asked = [
        *((f"ASHA minus random search, {b:g} GST", full[full["budget_gst"] == b], asha, rs)
          for b in (1.0, 4.0)),
        ("4 GST minus 1 GST", full, {"budget_gst": 4.0}, first),
        *((f"{space} minus full space, 1 GST", means[means["budget_gst"] == 1], {"space": space},
           {"space": "full"}) for space in reduced),
    ]  # fmt: skip
    for what, part, one, other in asked:
        for quantity in ("validation", "test", "overfits"):
            found = difference(part, quantity, one, other)
            rows.append(found.assign(what=what, quantity=quantity))
    for quantity in ("overfits", "gap"):
        found = slopes(means, quantity).rename(columns={"n_cells": "n_pairs"})
        what = "each doubling of the budget, " + found["method"].map(method_label)
        rows.append(found.assign(what=what, quantity=quantity))
    return pd.concat(rows, ignore_index=True)


_QUANTITIES = {
    "validation": "validation score",
    "test": "test score",
    "overfits": "runs that overfit",
    "gap": "validation minus test",
}


def contrasts_table(rows: pd.DataFrame, *, note: str) -> Table:
    """Show `contrasts`."""
    return Table.of(
        rows.assign(quantity=rows["quantity"].map(_QUANTITIES)),
        name="contrasts",
        caption="What method, budget and space do, in points (of runs that overfit: percent of the "
        "runs): mean over tasks and, where none is named, methods, with its 95 % interval over "
        f"replays and recorded trials together. {note}",
        columns={
            "contrast": "what",
            "of": "quantity",
            "model": "model",
            "pairs": ("n_pairs", "d"),
            "estimate": (["value", "low", "high"], points_with_interval),
            **_ERRORS,
        },
        blocks="contrast",
    )


def verdicts_table(shares: pd.DataFrame, *, note: str) -> Table:
    """Show `paths.verdict_shares`."""
    return Table.of(
        shares,
        name="procedure_verdicts",
        caption="The procedure of Figure 1 walked again and again on the same pools: share of each "
        "verdict in percent; how often two walks agree on it; the most frequent path (space and "
        "GST of each round) and its share; of the walks that end in success, the share where HPO "
        f"is truly above grid search on validation and test. {note}",
        columns={
            **_SETTING,
            **{verdict: (verdict, percent) for verdict in VERDICTS},
            "two agree": ("agree", percent),
            "most frequent path": "path",
            "its share": ("path_share", percent),
            "rounds": ("n_rounds", ".1f"),
            "success borne out": ("borne_out", percent),
        },
        blocks="model",
    )


def overtuning_table(rows: pd.DataFrame, *, note: str) -> Table:
    """Show `pools.overtuning`."""
    return Table.of(
        rows,
        name="overtuning",
        caption="Overtuning of random search: by how many points the final incumbent's test score "
        "lies below that of an earlier incumbent; in percent, the share of runs whose test score "
        "gained at least 0.1 points on the first trial's, and of these the share that lost nothing "
        f"of it again, less than a tenth, and more than all. {note}",
        columns={
            "recorded trials": "pool",
            "trials in a run": ("n_trials", "d"),
            "points": ("points", lambda value: f"{100 * value:.2f}"),
            "gained": ("known", percent),
            "lost nothing": ("none", percent),
            "lost below a tenth": ("slight", percent),
            "lost more than all": ("severe", percent),
        },
        blocks="recorded trials",
    )


def correlations_table(rows: pd.DataFrame, *, n_trials: int, note: str) -> Table:
    """Show `pools.top_correlations`."""
    return Table.of(
        rows,
        name="top_four_correlations",
        caption="Pearson's r of validation and test score: over all recorded trials, over the "
        "upper half of them, and over the four best of a random search of "
        f"{n_trials} trials (median and middle 95 % over runs), with the share of runs in percent "
        "in which it is negative, and in which it is not defined since four scores are the same. "
        f"{note}",
        columns={
            "recorded trials": "pool",
            "n": ("n", "d"),
            "all": ("r", "+.3f"),
            "upper half": ("upper", "+.2f"),
            "best four": (["median", "low", "high"], _correlation),
            "negative": ("negative", percent),
            "undefined": ("undefined", percent),
        },
        blocks="",
    )


def _correlation(value: float, low: float, high: float) -> str:
    return NOTHING if pd.isna(value) else f"{value:+.2f} [{low:+.2f}, {high:+.2f}]"


def tpe_table(rows: pd.DataFrame, *, note: str) -> Table:
    """Show `tpe.compare_tpe`."""
    return Table.of(
        rows,
        name="tpe",
        caption="BO+ASHA against ASHA at 1 GST: TPE proposes after ten random starts, and the "
        "nearest recorded configuration that is not used yet answers, which is not what a live "
        "run would train. Trials in a run, and differences of mean scores in points with the "
        f"interval over replays alone. {note}",
        columns={
            "model": "model",
            "task": ("task", task_label),
            "replays": ("n", "d"),
            "trials": ("n_trials", ".1f"),
            "of them proposed": ("n_proposed", ".1f"),
            **{
                split: ([split, f"{split}_low", f"{split}_high"], points_with_interval)
                for split in SPLITS
            },
        },
        blocks="model",
    )
