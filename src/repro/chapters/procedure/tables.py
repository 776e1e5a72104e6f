"""Tables of the procedure: Tables 4, 5, 10 and 11, the replay and the trace."""

from collections.abc import Mapping

import pandas as pd

from repro.chapters.procedure.rules import PATH, paths_of
from repro.labels import METHOD_LABELS, TASK_LABELS, in_order, label
from repro.show.cells import (
    NOTHING,
    frame_of,
    number,
    percent,
    plays,
    seconds,
    slug,
    with_dagger,
)
from repro.show.table import BOLD, Mark, Table

ROUND_MARKS = {
    "overfits": Mark("dark", "the repetition overfits"),
    "weak": Mark("medium", "it overfits weakly"),
    "better": Mark("light", "the average outperforms grid search on validation and test"),
}
_VERDICTS = {"succeeds": "succeeds", "overfits": "overfits", "tbd": "TBD"}
_ACTIONS = {"reduce_space": "↓ space", "more_budget": "↑ budget"}


def rounds_table(
    rounds: pd.DataFrame, *, model: str, note: str, published_model: str = "", name: str = ""
) -> Table:
    """Show rounds as pairs of columns, as Tables 4, 10 and 11 do, one block of rows a path.

    Args:
        rounds: from `judge_rounds`, of one model (fractions).
        note: where the numbers come from.
        name: of the file; by default that of Tables 10 and 11.
    """
    rounds = rounds[rounds["model"] == model]
    if rounds.empty:
        raise ValueError(f"`rounds` must hold rows of `model`, but got none of {model!r}")
    rows, marks = [], []
    for key in _paths_in_order(rounds):
        path = rounds[(rounds[list(PATH)] == list(key)).all(axis=1)]
        for row, mark in _path_rows(path):
            rows.append({"path": path_name(key)} | row)
            marks.append(mark)
    numbers = sorted(set(rounds["round"]))
    columns = ["path", "", *(f"{n}: {s}" for n in numbers for s in ("val", "test"))]
    caption = (
        f"Execution of the procedure with {plays(model, published_model)}: validation and test "
        "scores in percent by round. First row of a path: grid search, and what led to each later "
        f"round. {note}"
    )
    name = name or f"table10_11_{slug(model)}"
    frame, shades = frame_of(rows, columns), frame_of(marks, columns)
    return Table(name, caption, frame, shades, ROUND_MARKS, rounds, blocks="path")


def _paths_in_order(rows: pd.DataFrame) -> list[tuple]:
    tasks, methods = in_order(rows["task"], TASK_LABELS), in_order(rows["method"], METHOD_LABELS)
    paths = set(rows[list(PATH)].itertuples(index=False, name=None))
    return sorted(paths, key=lambda p: (p[0], tasks.index(p[1]), methods.index(p[2])))


def path_name(key) -> str:
    return f"{label(key[1], TASK_LABELS)}, {label(key[2], METHOD_LABELS)}"


def _path_rows(path: pd.DataFrame) -> list[tuple[dict, dict]]:
    """Return (cells, marks) of grid search, of each repetition and of their mean."""
    grid, grid_marks, mean, mean_marks = {"": "grid"}, {}, {"": "average"}, {}
    repetitions = {r: ({"": f"rep {r}"}, {}) for r in sorted(set(path["repetition"]))}
    for turn, scores in path.groupby("round"):
        places, first = (f"{turn}: val", f"{turn}: test"), scores.iloc[0]
        names = ("validation_score", "test_score")
        if turn == 0:
            grid |= {p: percent(first[f"grid_{n}"]) for p, n in zip(places, names, strict=True)}
            grid[places[1]] = with_dagger(grid[places[1]], first.get("grid_test_source", ""))
            grid_marks |= dict.fromkeys(places, BOLD)
        else:
            grid[places[0]] = _ACTIONS.get(first["action"], "")
        better = all(scores[n].mean() > first[f"grid_{n}"] + 1e-9 for n in names)
        mean |= {p: percent(scores[n].mean()) for p, n in zip(places, names, strict=True)}
        mean[places[1]] = with_dagger(mean[places[1]], *scores.get("test_source", ()))
        mean_marks |= dict.fromkeys(places, "better" if better else "")
        for row in scores.to_dict("records"):
            cells, marks = repetitions[row["repetition"]]
            cells |= {p: percent(row[n]) for p, n in zip(places, names, strict=True)}
            cells[places[1]] = with_dagger(cells[places[1]], row.get("test_source", ""))
            marks |= dict.fromkeys(places, row["verdict"] if row["verdict"] in ROUND_MARKS else "")
    return [(grid, grid_marks), *repetitions.values(), (mean, mean_marks)]


def trace_table(trace: pd.DataFrame, *, note: str, name: str = "trace") -> Table:
    """Show every round: where it was run, its scores, the decision and the reason in words."""
    rows = [_trace_row(row) for row in trace.to_dict("records")]
    caption = (
        "Trace of the procedure: scores in percent, validation/test; decision and its reason. "
        f"{note}"
    )
    return Table(name, caption, frame_of(rows), data=trace, blocks="task, method")


def _trace_row(row: Mapping) -> dict:
    grid, mean = (f"{percent(row[f'{w}_validation_score'])}/{percent(row[f'{w}_test_score'])}"
                  for w in ("grid", "mean"))  # fmt: skip
    cells = {"model": row["model"], "task, method": path_name([row[k] for k in PATH])}
    cells |= {"round": str(row["round"]), "space": row["space"]}
    cells |= {"budget (GST)": f"{row['budget_gst']:g}", "grid": grid, "mean": mean}
    cells |= {"decision": _decision(row["decision"]), "reason": row["reason"]}
    if "published" in row:
        return cells | {"paper": _decision(row["published"])}
    return cells | {"steps": number(row["steps"], ",.0f"), "seconds": seconds(row["seconds"])}


def _decision(name: str) -> str:
    return (_ACTIONS | _VERDICTS).get(name, name)


def replay_table(trace: pd.DataFrame, verdicts: pd.DataFrame) -> Table:
    """Show every replayed path beside the published one, with the reason where they differ.

    Args:
        trace: from `replay`.
        verdicts: the published Table 5.
    """
    paths, final = paths_of(trace), verdicts.set_index(list(PATH))
    rows = []
    for row in paths.to_dict("records"):
        key = tuple(row[name] for name in PATH)
        of_path = trace[(trace[list(PATH)] == list(key)).all(axis=1)]
        odd = of_path[~of_path["agrees"]]
        why = ""
        if len(odd):
            first = odd.iloc[0]
            done = _decision(first["published"])
            why = f"round {first['round']}, where the paper has {done}: {first['reason']}"
        rows.append(
            {"model": row["model"], "path": path_name(key)}
            | {"replayed": _steps_of(of_path["decision"]), "paper": _steps_of(of_path["published"])}
            | {"Table 5": _verdict(final.loc[key]), "same": "no" if why else "yes", "why not": why}
        )
    caption = (
        f"Replay of the published Tables 10 and 11: {paths['agrees'].sum()} of {len(paths)} paths "
        "give the published sequence and verdict. Weak overfitting is taken from ties, since the "
        "paper prints no validation losses."
    )
    return Table("replay", caption, frame_of(rows), data=trace, blocks="model")


def _steps_of(decisions) -> str:
    return ", ".join(map(_decision, decisions))


def _verdict(row: Mapping) -> str:
    text = _VERDICTS[row["verdict"]]
    if row["verdict"] != "succeeds":
        return text
    risk = row.get("overfitting_risk")
    star = "*" if pd.notna(risk) and risk else ""
    return f"{text}{star} w/ {row['budget_gst']:g} GST, {row['space']}"


def table5(
    trace: pd.DataFrame,
    published: pd.DataFrame,
    *,
    published_models: Mapping[str, str],
    note: str,
) -> Table:
    """Show where each path ended, beside the paper's Table 5.

    Args:
        trace: of our procedure.
        published: the published Table 5.
        published_models: our model -> the published one it stands for.
    """
    final = published.set_index(list(PATH))
    data = paths_of(trace)
    ours = data.set_index(list(PATH))
    rows = []
    for model in data["model"].unique():
        of_model = data[data["model"] == model]
        for task in in_order(of_model["task"], TASK_LABELS):
            cells = {"model": model, "task": label(task, TASK_LABELS)}
            for method in in_order(of_model["method"], METHOD_LABELS):
                name, there = label(method, METHOD_LABELS), (published_models[model], task, method)
                cells[f"{name}: here"] = _verdict(ours.loc[(model, task, method)])
                paper = _verdict(final.loc[there]) if there in final.index else NOTHING
                cells[f"{name}: paper"] = paper
            rows.append(cells)
    caption = (
        "Table 5: where the procedure ends, here and in the paper (* it warns of overfitting). "
        f"{note}"
    )
    return Table("table05_verdicts", caption, frame_of(rows), data=data, blocks="model")
