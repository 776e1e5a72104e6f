"""Tables of the procedure: its rounds and decisions, how sure they are, and what they cost."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import pandas as pd

from repro.chapters.procedure.rules import PATH, paths_of
from repro.labels import HYPERPARAMETER_LABELS, METHOD_LABELS, TASK_LABELS, in_order, label
from repro.show.cells import describe_study as describe_study
from repro.show.cells import (
    frame_of,
    in_paper_order,
    in_place_of,
    method_label,
    p_value,
    percent,
    points,
    seconds,
    task_label,
    with_dagger,
)
from repro.show.report import model_slug
from repro.show.table import BLUE, NOTHING, Mark, Table, number
from repro.stats.incumbents import SPLITS

_MARKS = {
    "overfits": Mark("dark", "the repetition overfits"),
    "weak": Mark("medium", "it overfits weakly"),
    "better": Mark("light", "the average outperforms grid search on validation and test"),
}
_DECISIONS = {"reduce_space": "↓ space", "more_budget": "↑ budget", "tbd": "no verdict"}
# what the paper fixed after a look at the overfitting runs (sec. 5.1)
_FIXED = {"electra-base": ("warmup_ratio",), "roberta-base": ("warmup_ratio", "hidden_dropout")}
_hyperparameter_label = partial(label, labels=HYPERPARAMETER_LABELS)
_decision_label = partial(label, labels=_DECISIONS)
_of = "{} of {}".format
_MODEL = {"model": "model"}
_TASK = _MODEL | {"task": ("task", task_label)}


def _path_label(task: str, method: str) -> str:
    return f"{task_label(task)}, {method_label(method)}"


_PATH = (["task", "method"], _path_label)


def rounds_table(
    rounds: pd.DataFrame, *, model: str, note: str, published_model: str = "", name: str = ""
) -> Table:
    """Show judged rounds as pairs of columns, as Tables 4, 10 and 11 do: methods side by side."""
    rounds = rounds[rounds["model"] == model]
    if rounds.empty:
        raise ValueError(f"`rounds` must hold rows of `model`, but got none of {model!r}")
    cells, marks = {}, {}  # (task, line) -> column -> text
    ordered = in_paper_order(rounds, ["task", "method", "round"])
    for (task, method, turn), scores in ordered.groupby(["task", "method", "round"], sort=False):
        for line, pair, mark in _lines_of(scores):
            place = (task_label(task), line)
            row = cells.setdefault(place, {("", "task"): place[0], ("", "run"): line})
            row |= zip(_columns(method, turn), pair, strict=False)
            marks.setdefault(place, {}).update(dict.fromkeys(_columns(method, turn), mark))
    turns = in_paper_order(rounds[["method", "round"]].drop_duplicates(), ["method", "round"])
    columns = [column for turn in turns.itertuples(index=False) for column in _columns(*turn)]
    columns = [("", "task"), ("", "run"), *columns]
    frames = [frame_of(list(rows.values()), columns) for rows in (cells, marks)]
    caption = (
        f"Execution of the procedure with {in_place_of(model, published_model)}: validation and "
        "test scores in percent by round; grid search's in blue, and in its row what led to each "
        f"later round. {note}"
    )
    name = name or f"table10_11_{model_slug(model)}"
    return Table(name, caption, *frames, _MARKS, rounds, blocks=("", "task"))


def _columns(method: str, turn: int) -> list[tuple[str, str]]:
    return [(f"{method_label(method)}, round {turn}", score) for score in ("val", "test")]


def _lines_of(scores: pd.DataFrame) -> Iterator[tuple[str, Sequence[str], str]]:
    """Yield name, texts and mark of grid search's, each repetition's and their average's line."""
    first = scores.iloc[0]
    grid = [first[f"grid_{split}_score"] for split in SPLITS]
    means = [scores[f"{split}_score"].mean() for split in SPLITS]

    def texts(validation: float, test: float, *sources: str) -> tuple[str, str]:
        return percent(validation), with_dagger(percent(test), *sources)

    if first["round"] == 0:
        yield "grid", texts(*grid, first.get("grid_test_source")), BLUE
    else:
        yield "grid", [_decision_label(first["action"])], ""
    for row in scores.sort_values("repetition").to_dict("records"):
        pair = texts(row["validation_score"], row["test_score"], row.get("test_source"))
        yield f"rep {row['repetition']}", pair, row["verdict"].replace("no", "")
    better = all(mean > theirs + 1e-9 for mean, theirs in zip(means, grid, strict=True))
    sources = scores.get("test_source", ())
    yield "average", texts(*means, *sources), "better" if better else ""


def trace_table(trace: pd.DataFrame, *, note: str) -> Table:
    """Show every round: where it was run, its scores, the decision and the reason in words."""
    columns = _MODEL | {"task, method": _PATH, "round": ("round", "d"), "space": "space"}
    columns["budget (GST)"] = ("budget_gst", "g")
    for who in ("grid", "mean"):
        scores = [f"{who}_{split}_score" for split in SPLITS]
        columns[who] = (scores, lambda *pair: "/".join(map(percent, pair)))
    columns |= {"decision": ("decision", _decision_label), "reason": "reason"}
    columns |= {"steps": ("steps", ",.0f"), "seconds": ("seconds", seconds)}
    caption = (
        "Trace of the procedure: scores in percent, validation/test; decision and its reason. "
        f"{note}"
    )
    return Table.of(trace, name="trace", caption=caption, columns=columns, blocks="task, method")


def replay_table(trace: pd.DataFrame, verdicts: pd.DataFrame) -> Table:
    """Show every path of a replay beside the published one and its verdict in Table 5."""
    final, cells = verdicts.set_index(list(PATH)), []
    for path, rounds in trace.groupby(list(PATH), sort=False):
        row = {"model": path[0], "path": _path_label(*path[1:])}
        for name, column in (("replayed", "decision"), ("paper", "published")):
            row[name] = ", ".join(map(_decision_label, rounds[column]))
        row |= {"Table 5": _verdict(final.loc[path]), "same": "yes"}
        for odd in rounds[~rounds["agrees"]].head(1).itertuples():
            paper, row["same"] = _decision_label(odd.published), "no"
            row["why not"] = f"round {odd.round}, where the paper has {paper}: {odd.reason}"
        cells.append(row)
    n_same = sum(row["same"] == "yes" for row in cells)
    caption = (
        f"Replay of the published Tables 10 and 11: {n_same} of {len(cells)} paths give the "
        "published sequence and verdict. Weak overfitting is taken from ties, since the paper "
        "prints no validation losses."
    )
    return Table("replay", caption, frame_of(cells), data=trace, blocks="model")


def describe_replay(trace: pd.DataFrame) -> str:
    """Say how many printed paths the stated rules walk."""
    same = paths_of(trace)["agrees"]
    return f"Fed with the printed numbers, the stated rules walk {same.sum()} of {len(same)} paths."


def describe_paths(trace: pd.DataFrame) -> str:
    """Say where the paths end."""
    ends = paths_of(trace)["verdict"].value_counts()
    n_first = int((trace["round"].eq(0) & trace["decision"].eq("succeeds")).sum())
    n = {name: int(ends.get(name, 0)) for name in ("succeeds", "overfits", "tbd")}
    return (
        f"Of {ends.sum()} paths {n_first} succeed at once and {n['succeeds'] - n_first} after the "
        f"procedure has reduced the space or raised the budget; {n['overfits']} still overfit in "
        f"the smallest space, and {n['tbd']} end without a verdict."
    )


def describe_match(trace: pd.DataFrame, published: pd.DataFrame, *, paper: str) -> str:
    """Say how many of a model's paths end as those of the paper's model that it stands for."""
    ours, theirs = (
        paths_of(frame).set_index(["task", "method"])["verdict"]
        for frame in (trace, published[published["model"] == paper])
    )
    both = ours.index.intersection(theirs.index)
    if both.empty:
        return f"The paper prints none of these {len(ours)} paths."
    same = (ours[both] == theirs[both]).sum()
    return f"{same} of {len(both)} paths that the paper prints, too, end in the same verdict here."


def _verdict(row: Mapping) -> str:
    if row["verdict"] != "succeeds":
        return _decision_label(row["verdict"])
    risk = row.get("overfitting_risk", False)
    star = "*" if pd.notna(risk) and risk else ""
    return f"succeeds{star}, {row['budget_gst']:g} GST, {row['space']}"


def table5(
    trace: pd.DataFrame, published: pd.DataFrame, *, stands_for: Mapping[str, str], note: str
) -> Table:
    """Show where each path ended, beside the paper's Table 5 for the model that ours stands for."""
    final, data, cells = published.set_index(list(PATH)), paths_of(trace), []
    for model, paths in data.groupby("model", sort=False):
        for task in in_order(paths["task"], TASK_LABELS):
            row = {"model": model, "task": task_label(task)}
            of_task = paths[paths["task"] == task].set_index("method")
            for method in in_order(paths["method"], METHOD_LABELS):
                there = (stands_for[model], task, method)
                paper = _verdict(final.loc[there]) if there in final.index else NOTHING
                row[f"{method_label(method)}: here"] = _verdict(of_task.loc[method])
                row[f"{method_label(method)}: paper"] = paper
            cells.append(row)
    caption = (
        "Table 5: where the procedure ends, here and in the paper (* it warns of overfitting). "
        f"{note}"
    )
    return Table("table05_verdicts", caption, frame_of(cells), data=data, blocks="model")


def patterns_table(patterns: Mapping[str, pd.DataFrame], *, note: str, name: str) -> Table:
    """Show, by model, which hyperparameters overfitting runs set to one side of grid's value."""
    columns = _MODEL | {"hyperparameter": ("hyperparameter", _hyperparameter_label)}
    columns |= {"runs": ("n_runs", "d"), "tasks": ("n_tasks", "d"), "below grid": ("n_lower", "d")}
    columns |= {"above": ("n_higher", "d"), "equal": ("n_equal", "d")}
    columns |= {"below by chance": ("expected_lower", ".1f"), "p (sign)": ("p_sign", p_value)}
    columns |= {"p (Holm)": ("p_holm", p_value), "p (permutation)": ("p_permutation", p_value)}
    caption = (
        "Hyperparameters of the best trials of overfitting tuning runs against grid search's. "
        "p (sign): if they were draws from the search space; p (Holm): corrected for looking at "
        "all; p (permutation): against the runs that do not overfit. Runs on one task share its "
        f"data and grid search. {note}"
    )
    data = pd.concat([frame.assign(model=model) for model, frame in patterns.items()])
    return Table.of(data, name=name, caption=caption, columns=columns, blocks="model")


def describe_case(patterns: Mapping[str, pd.DataFrame]) -> str:
    """Say in Markdown how strong the paper's case for each hyperparameter is that it fixed.

    It is strong where it holds after Holm's correction at 5 %, weak where only without it.
    """
    lines = []
    for model, names in _FIXED.items():
        for row in patterns[model].set_index("hyperparameter").loc[list(names)].itertuples():
            case = "strong" if row.p_holm < 0.05 else "weak" if row.p_sign < 0.05 else "no case"
            lines.append(
                f"- {model}, {_hyperparameter_label(row.Index)}: {row.n_lower} of {row.n_runs} "
                f"below grid search's on {row.n_tasks} tasks, p = "
                f"{p_value(row.p_sign)}, corrected {p_value(row.p_holm)}: **{case}**"
            )
    return "\n".join(lines)


def uncertainty_table(
    uncertainty: pd.DataFrame, *, chance: pd.DataFrame | None = None, note: str, name: str
) -> Table:
    """Show each overfitting repetition's differences from grid search with their standard errors.

    With `verdicts_by_chance`, also how often a round overfits by chance alone.
    """

    def difference(score: float, grid: float, error: float) -> str:
        return f"{points(score - grid)} ± {percent(error)}"

    data = uncertainty[uncertainty["verdict"] != "no"]
    columns = _MODEL | {"path": _PATH, "round": ("round", "d"), "rep": "repetition"}
    for split in SPLITS:
        columns[f"{split}: SE"] = (f"se_{split}", percent)
        both = [f"{split}_score", f"grid_{split}_score", f"se_{split}_difference"]
        columns[f"{split} minus grid"] = (both, difference)
    columns |= {"verdict": "verdict", "P(signs wrong)": ("p_wrong", ".2f")}
    if chance is not None:
        by_chance = chance[["model", "task", "p_overfits"]]
        data = data.merge(by_chance.rename(columns={"p_overfits": "p_by_chance"}), how="left")
        columns["P(round overfits by chance)"] = ("p_by_chance", ".2f")
    caption = (
        "Repetitions that overfit: scores minus grid search's, in points ± one standard error over "
        f"examples, and the probability that the signs behind the verdict are others. {note}"
    )
    return Table.of(data, name=name, caption=caption, columns=columns, blocks="model")


def describe_uncertainty(uncertainty: pd.DataFrame) -> str:
    """Say how many verdicts rest on less than one standard error."""
    overfit = uncertainty[uncertainty["verdict"] == "overfits"]
    return (
        f"{overfit['within'].sum()} of {len(overfit)} overfitting repetitions lie within one "
        "standard error of grid search on validation or on test."
    )


def chance_table(rounds: pd.DataFrame, *, note: str) -> Table:
    """Show `rounds_against_chance`, and how often rounds give the other verdicts by chance."""
    columns = _TASK | {"trials in the pool": ("n_pool", "d"), "draws": ("n_draws", "d")}
    columns |= {f"P({v})": (f"p_{v}", ".2f") for v in ("overfits", "succeeds", "neither")}
    columns["rounds that overfit here"] = (["n_over", "n"], _of)
    caption = (
        "How often one round would give each verdict if HPO and grid search were equally good. "
        f"{note}"
    )
    about = {"name": "verdicts_by_chance", "caption": caption, "blocks": "model"}
    return Table.of(rounds, columns=columns, **about)


def costs_table(costs: pd.DataFrame, *, unit: str, note: str, name: str = "costs") -> Table:
    """Show what the procedure spent against every space x budget.

    The unit is "steps", or "days" where the steps are Table 2's seconds.
    """
    columns = _MODEL | {"paths": ("n_paths", "d"), "rounds": (["rounds", "all_rounds"], _of)}
    if unit == "days":
        costs = costs.assign(days=costs["seconds"] / 86400, all_days=costs["all_seconds"] / 86400)
        columns |= {"days": ("days", ".2f"), "days, all": ("all_days", ".2f")}
    else:
        columns |= {"steps": ("steps", ",.0f"), "steps, all": ("all_steps", ",.0f")}
        columns |= {"seconds": ("seconds", ",.0f"), "seconds, all": ("all_seconds", ",.0f")}
    columns["share"] = ("share_steps", ".0%")
    caption = f"Cost against every space x budget. {note}"
    return Table.of(costs, name=name, caption=caption, columns=columns)


def asha_table(losses: pd.DataFrame, *, note: str) -> Table:
    """Show what ASHA stops, replayed over full curves."""
    columns = _TASK | {"trials": ("n_trials", "d"), "winner stopped": ("p_winner_stopped", ".0%")}
    for split in SPLITS:
        columns[f"{split} lost"] = (f"{split}_loss", lambda loss: points(-loss))
    columns["evaluations saved"] = ("evaluations_saved", ".0%")
    for side, words in (("low", "short"), ("high", "long")):
        columns[f"stopped first, {words} warm-up"] = (f"p_stopped_{side}", ".0%")
    caption = (
        "ASHA replayed over full curves in random orders: how often it stops the trial that would "
        "have won, what its own winner scores less (points), and how often it stops trials at the "
        f"first rung whose warm-up is below, or above, the median. {note}"
    )
    name = "asha_replay"
    return Table.of(losses, name=name, caption=caption, columns=columns, blocks="model")


def describe_asha(losses: pd.DataFrame) -> str:
    """Say how often ASHA stops what would have won, over all models and tasks."""
    if losses.empty:
        return "No trial was trained to the end without ASHA, so that nothing can be replayed."
    stopped, lost = losses["p_winner_stopped"], 100 * losses["validation_loss"]
    return (
        f"ASHA stops the trial that would have won in {stopped.min():.0%} to {stopped.max():.0%} "
        f"of the orders, depending on the task, and loses {number(lost.min())} to "
        f"{number(lost.max())} points on validation."
    )
