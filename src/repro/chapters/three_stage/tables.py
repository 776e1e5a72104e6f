"""The tables of the notebook on the course project: its numbers, effects, edges, the end."""

import pandas as pd

from repro.chapters.three_stage.analysis import TUNED, chance_of_gap
from repro.labels import FINAL_LABELS, HYPERPARAMETER_LABELS, in_order, label
from repro.show.cells import NOTHING, frame_of, interval, number, percent, points, short
from repro.show.table import Table

_COMPARED = (("manual", "baseline"), ("automatic", "baseline"), ("manual", "automatic"))
_PRINTED_FOR = {"baseline": "baseline", "manual": "manual", "cold": "automatic"}


def printed_table(printed: pd.DataFrame) -> Table:
    """Show what the project's accuracies mean.

    Args:
        printed: from `analysis.three_stage.printed_accuracies`.
    """
    rows = [
        {
            "stage": row["method"],
            "accuracy": f"{row['accuracy']:.5f}",
            "right": f"{row['n_right']} of {row['n']}",
            "interval": f"[{percent(row['low'])}, {percent(row['high'])}]",
        }
        for row in printed.to_dict("records")
    ]
    caption = (
        "The course project's accuracies on the validation set of MRPC, one run each, how many "
        "right answers they are, and their 95 % Wilson intervals in percent, as of one model's."
    )
    return Table("printed_accuracies", caption, frame_of(rows), data=printed)


def gaps_table(printed: pd.DataFrame, disagreements: dict[str, float]) -> Table:
    """Tell how often two equally good models differ as much as two of the project's stages.

    Args:
        printed: from `analysis.three_stage.printed_accuracies`.
        disagreements: what they are -> share of the examples that just one of the two gets right.
    """
    n_right, n = printed.set_index("method")["n_right"], int(printed["n"].iloc[0])
    data = pd.DataFrame(
        {
            "first": first,
            "second": second,
            "gap": (gap := int(n_right[first] - n_right[second])),
            "assumption": name,
            "disagreement": share,
            "chance": chance_of_gap(abs(gap), n=n, disagreement=share),
        }
        for first, second in _COMPARED
        for name, share in disagreements.items()
    )
    rows = []
    for (first, second, gap), group in data.groupby(["first", "second", "gap"], sort=False):
        row = {"compared": f"{first} with {second}", "more right": f"{gap:+d}"}
        for cell in group.itertuples():
            row[f"{cell.assumption} ({cell.disagreement:.0%})"] = f"{cell.chance:.0%}"
        rows.append(row)
    caption = (
        "How often two models of the very same accuracy differ by so many right answers or more "
        f"on {n} examples, by the share of examples that just one of the two gets right."
    )
    return Table("printed_gaps", caption, frame_of(rows), data=data)


def effects_table(effects: pd.DataFrame, ranks: pd.DataFrame, *, note: str) -> Table:
    """Show each candidate's two variations and its rank, the largest impact first.

    Args:
        effects, ranks: from `analysis.one_factor`: `one_factor_effects` and `rank_candidates`.
    """
    rows = []
    for rank in ranks.to_dict("records"):
        row = {"candidate": rank["candidate"], "rank": number(rank["rank"], ".0f")}
        of_candidate = effects[effects["candidate"] == rank["candidate"]].set_index("direction")
        for direction in ("lower", "higher"):
            row[direction] = NOTHING
            if direction in of_candidate.index:
                row[direction] = _effect(of_candidate.loc[direction])
        row["among the top three"] = f"{rank['top_share']:.0%}"
        row["told from noise"] = "yes" if rank["above_noise"] else "no"
        rows.append(row)
    caption = (
        "One factor at a time: what a lower and a higher value of each candidate (before the "
        "colon) does to the validation score, in points, mean over seeds of the difference to the "
        "baseline with the same seeds, with its 95 % interval; in what share of bootstrap "
        "resamples over seeds it is among the three of largest impact; whether an effect of it is "
        f"told from noise (p < 5 %, Holm over all variations). {note}"
    )
    return Table("one_factor", caption, frame_of(rows), data=effects)


def _effect(row: pd.Series) -> str:
    text = f"{row['value']:.3g}: {points(row['difference'])}{interval(row['low'], row['high'])}"
    return text + (f" ({row['n_failed']} failed)" if row["n_failed"] else "")


def edge_table(edges: pd.DataFrame, *, note: str) -> Table:
    """Show where the best of each search lie in their ranges.

    Args:
        edges: from `analysis.sensitivity.edge_of_range`, with a column search.
    """
    rows = []
    for row in edges.to_dict("records"):
        tenth = [number(row[f"tenth_{end}"], ".2f") for end in ("low", "high")]
        rows.append(
            {
                "search": row["search"],
                "hyperparameter": label(row["hyperparameter"], HYPERPARAMETER_LABELS),
                "range": f"({row['low']:.3g}, {row['high']:.3g})",
                "best": number(row["value"], ".3g"),
                "place": number(row["position"], ".2f"),
                "best tenth": " to ".join(tenth),
                "by chance": f"{row['by_chance']:.0%}",
                "advice": row["advice"],
            }
        )
    caption = (
        "Where the best trial and the best tenth of all trials lie in each range: 0 is its lower "
        "end, 1 its upper end, learning rates by their logarithm. A place within 5 % of an end is "
        f"an edge; by chance: how often a random draw lies in one of the two. {note}"
    )
    return Table("edges", caption, frame_of(rows), data=edges)


def final_table(
    final: pd.DataFrame, published: pd.DataFrame, selected: dict[str, float], *, note: str
) -> Table:
    """Set what was chosen, trained again with fresh seeds, beside the project's numbers.

    Args:
        final: from `analysis.three_stage.final_scores`.
        published: method, score (percent).
        selected: configuration -> the validation score for which it was chosen.
    """
    printed = published.set_index("method")["score"]
    rows = []
    for name in in_order(final["configuration"], FINAL_LABELS):
        row = _final_row(name, final[final["configuration"] == name].set_index("split"))
        row["when chosen"] = percent(selected.get(name, float("nan")))
        rows.append(row | {"project, once": number(printed.get(_PRINTED_FOR.get(name)), ".3f")})
    caption = (
        "The baseline, what each stage chose in its first repetition, and the project's own best "
        f"configurations at this scale, trained again with {final['n'].max()} fresh seeds: mean "
        'and 95 % t interval, in percent; "when chosen": the validation score it was chosen for, '
        f'with one seed; "project, once": its validation accuracy on other data. {note}'
    )
    return Table("final_comparison", caption, frame_of(rows), data=final)


def _final_row(name: str, of_split: pd.DataFrame) -> dict:
    row = {"configuration": label(name, FINAL_LABELS)}
    for column, form in _FORMS.items():
        row[label(column, HYPERPARAMETER_LABELS)] = form(of_split[column].iloc[0])
    for split, found in of_split.iterrows():
        low, high = percent(found["low"]), percent(found["high"])
        row[split] = f"{percent(found['mean'])} [{low}, {high}]"
        row[split] += f" ({found['n_missing']} failed)" if found["n_missing"] else ""
    return row


_FORMS = dict(zip(TUNED, (short, "{:.3g}".format, "{:.0f}".format), strict=True))
