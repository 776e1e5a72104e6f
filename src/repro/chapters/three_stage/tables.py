"""The tables of the notebook on the course project, of the frames that its analysis makes."""

from dataclasses import replace

import pandas as pd

from repro.chapters.three_stage.analysis import FINAL_LABELS, N_VALIDATION, PRINTED
from repro.chapters.three_stage.spaces import TUNED, Project
from repro.labels import HYPERPARAMETER_LABELS, in_order, join_words, label
from repro.show.cells import describe_study as describe_study
from repro.show.cells import interval, percent, points, short
from repro.show.spaces import space_rows, table1
from repro.show.table import NOTHING, Table, number


def spaces_table(project: Project, *, profile: str) -> Table:
    """Show the manual grid and the ranges of the sweep."""
    rows = space_rows("sweep", space=project.sweep_space, grid=project.manual_grid)
    rows.loc[rows["space"] == "grid", "model"] = "manual"
    return table1(rows, profile=profile)


def printed_table(printed: pd.DataFrame) -> Table:
    """Show what the project's accuracies mean."""
    return Table.of(
        printed,
        name="printed_accuracies",
        caption="The course project's accuracies on the validation set of MRPC, one run each, how "
        "many right answers they are, and their 95 % Wilson intervals in percent, as of one "
        "model's.",
        columns={
            "stage": "method",
            "accuracy": ("accuracy", ".5f"),
            "right": (["n_right", "n"], "{} of {}".format),
            "interval": (["low", "high"], _ends),
        },
    )


def _ends(low: float, high: float) -> str:
    return f"[{percent(low)}, {percent(high)}]"


def gaps_table(gaps: pd.DataFrame) -> Table:
    """Show how often two equally good models differ as much as two of the project's stages."""
    rows = []
    for (first, second, gap), group in gaps.groupby(["first", "second", "gap"], sort=False):
        row = {"compared": f"{first} with {second}", "more right": f"{gap:+d}"}
        for cell in group.itertuples():
            row[f"{cell.assumption} ({cell.disagreement:.0%})"] = number(cell.chance, ".0%")
        rows.append(row)
    caption = (
        "How often two models of the very same accuracy differ by so many right answers or more on "
        f"{N_VALIDATION} examples, by the share of examples that just one of the two gets right."
    )
    return Table("printed_gaps", caption, pd.DataFrame(rows, dtype="str"), data=gaps)


def effects_table(effects: pd.DataFrame, ranks: pd.DataFrame, *, note: str) -> Table:
    """Show each candidate's two variations and its rank, the largest impact first."""
    texts = effects.assign(text=[_effect(row) for _, row in effects.iterrows()])
    wide = texts.pivot(index="candidate", columns="direction", values="text")
    wide = wide.reindex(columns=["lower", "higher"]).fillna(NOTHING)
    table = Table.of(
        ranks.join(wide, on="candidate"),
        name="one_factor",
        caption="One factor at a time: what a lower and a higher value of each candidate (before "
        "the colon) does to the validation score, in points, mean over seeds of the difference to "
        "the baseline with the same seeds, with its 95 % interval; in what share of bootstrap "
        "resamples over seeds it is among the three of largest impact; whether an effect of it is "
        f"distinguishable from noise (corrected p < .05). {note}",
        columns={
            "candidate": "candidate",
            "rank": ("rank", ".0f"),
            "lower": "lower",
            "higher": "higher",
            "among the top three": ("top_share", ".0%"),
            "beyond noise": ("above_noise", {True: "yes", False: "no"}.get),
        },
    )
    return replace(table, data=effects)


def _effect(row: pd.Series) -> str:
    text = f"{row['value']:.3g}: {points(row['difference'])}{interval(row['low'], row['high'])}"
    return text + (f" ({row['n_failed']} failed)" if row["n_failed"] else "")


def edge_table(edges: pd.DataFrame, *, note: str) -> Table:
    """Show where the best of each search lie in their ranges."""
    return Table.of(
        edges,
        name="edges",
        caption="Where the best trial and the best tenth of all trials lie in each range: 0 is its "
        "lower end, 1 its upper end, learning rates by their logarithm. A place within 5 % of an "
        f"end is an edge; by chance: how often a random draw lies in one of the two. {note}",
        columns={
            "search": "search",
            "hyperparameter": ("hyperparameter", HYPERPARAMETER_LABELS.get),
            "range": (["low", "high"], "({:.3g}, {:.3g})".format),
            "best": ("value", ".3g"),
            "place": ("position", ".2f"),
            "best tenth": (["tenth_low", "tenth_high"], _tenth),
            "by chance": ("by_chance", ".0%"),
            "advice": "advice",
        },
    )


def _tenth(low: float, high: float) -> str:
    return f"{number(low, '.2f')} to {number(high, '.2f')}"


def final_table(final: pd.DataFrame, published: pd.DataFrame, *, note: str) -> Table:
    """Set what was chosen, trained again with fresh seeds, beside the project's numbers."""
    printed = published.set_index("method")["score"]
    texts = final.assign(text=[_mean(row) for _, row in final.iterrows()])
    wide = texts.pivot(index="configuration", columns="split", values="text")
    rows = final.drop_duplicates("configuration").set_index("configuration").join(wide)
    rows = rows.loc[in_order(rows.index, FINAL_LABELS)].reset_index()
    rows["printed"] = rows["configuration"].map(PRINTED).map(printed)
    forms = dict(zip(TUNED, (short, ".3g", ".0f"), strict=True))
    table = Table.of(
        rows,
        name="final_comparison",
        caption="The baseline, what each stage chose in its first repetition, and the project's "
        f"own best configurations at this scale, trained again with {final['n'].max()} fresh "
        'seeds: mean and 95 % t interval, in percent; "when chosen": the validation score it was '
        'chosen for, with one seed; "project, once": its validation accuracy on other data. '
        f"{note}",
        columns={
            "configuration": ("configuration", FINAL_LABELS.get),
            **{label(name, HYPERPARAMETER_LABELS): (name, form) for name, form in forms.items()},
            "validation": "validation",
            "test": "test",
            "when chosen": ("selected", percent),
            "project, once": ("printed", ".3f"),
        },
    )
    return replace(table, data=final)


def _mean(row: pd.Series) -> str:
    text = f"{percent(row['mean'])} {_ends(row['low'], row['high'])}"
    return text + (f" ({row['n_missing']} failed)" if row["n_missing"] else "")


def describe_final(final: pd.DataFrame) -> str:
    """Say how the chosen configurations score on test with fresh seeds."""
    rows = final[final["split"] == "test"].dropna(subset="mean").set_index("configuration")
    if "baseline" not in rows.index:
        return "The baseline has no test score with fresh seeds, so that nothing can be compared."
    base = rows.loc["baseline"]
    chosen = [name for name in ("manual", "cold", "warm") if name in rows.index]
    words = [f"the {FINAL_LABELS[name]} {percent(rows.loc[name, 'mean'])}" for name in chosen]
    text = f"With {base['n']:.0f} fresh seeds the baseline scores {percent(base['mean'])} on test"
    text += f", {', '.join(words)}" if words else ""
    beyond = [FINAL_LABELS[name] for name in chosen if rows.loc[name, "low"] > base["high"]]
    if beyond:
        return f"{text}: {join_words(beyond)} beyond the intervals."
    return f"{text}: no search's choice lies above the baseline by more than the intervals."


def describe_gaps(gaps: pd.DataFrame) -> str:
    """Say how often chance alone gives the project's largest difference."""
    top = gaps[gaps["gap"].abs() == gaps["gap"].abs().max()]
    first, chances = top.iloc[0], top["chance"]
    return (
        f"The project's largest difference, {first['first']} against {first['second']}, is "
        f"{abs(first['gap'])} right answers of {N_VALIDATION}; equally good models differ by as "
        f"much in {chances.min():.0%} to {chances.max():.0%} of cases."
    )


def describe_effects(effects: pd.DataFrame, *, band: float) -> str:
    """Say which candidates have an effect, and how many of these one run each would have shown.

    Two single runs of one configuration differ by less than `band` in 95 % of cases.
    """
    sure = effects[effects["p_holm"] < 0.05]
    if sure.empty:
        return "No change of a single hyperparameter is distinguishable from noise."
    names = in_order(sure["candidate"], HYPERPARAMETER_LABELS)
    seen = in_order(sure.loc[sure["difference"].abs() > band, "candidate"], HYPERPARAMETER_LABELS)
    words = join_words([label(name, HYPERPARAMETER_LABELS) for name in names])
    return (
        f"Beyond noise: {words}. A single run each would have shown {len(seen) or 'none'} of these "
        f"{len(names)}."
    )
