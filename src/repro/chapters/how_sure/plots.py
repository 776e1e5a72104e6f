"""The figures of notebook 07."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from repro.chapters.how_sure.paths import VERDICTS
from repro.labels import METHOD_LABELS, TASK_LABELS, in_order
from repro.show.cells import method_label, task_label
from repro.show.panels import add_legend, panels
from repro.show.style import PAGE_WIDTH, MethodStyle, log_ticks, new_figure, style_of, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WAYS = {
    "once": ("means, one grid search", "-"),
    "repeated": ("means, grid search repeated", "--"),
    "tested": ("Welch's test at 5%", ":"),
}
_SHADES = {"succeeds": "0.85", "overfits": "0.35", "tbd": "0.6"}


@styled
def figure_studies(differences: pd.DataFrame) -> Figure:
    """Draw where studies' differences from grid search lie: middle half, middle 95 %, truth.

    Args:
        differences: from `study_differences`; a panel a model and split, each task in its row.
    """
    parts = {
        f"{model}, {split}": rows
        for (model, split), rows in differences.groupby(["model", "split"], sort=False)
    }
    return panels(_plot_studies, parts, height=2.0, n_columns=2, legend=3, sharey=True)


def _plot_studies(differences: pd.DataFrame, ax: Axes) -> None:
    tasks = in_order(differences["task"], TASK_LABELS)
    methods = in_order(differences["method"], METHOD_LABELS)
    ax.axvline(0, color="black", lw=0.8)
    for shift, method in zip(np.linspace(-0.18, 0.18, len(methods)), methods, strict=True):
        style, rows = style_of(method), differences[differences["method"] == method]
        at = rows["task"].map(tasks.index) + shift
        quantiles = [100 * rows[name] for name in ("q025", "q250", "q750", "q975")]
        ax.hlines(at, quantiles[0], quantiles[3], color=style.colour, lw=0.8)
        ax.hlines(at, quantiles[1], quantiles[2], color=style.colour, lw=3)
        look = {"color": "white", "edgecolors": style.colour, "marker": style.marker, "zorder": 3}
        ax.scatter(100 * rows["mean"], at, s=16, label=style.label, **look)
    ax.set_yticks(range(len(tasks)), map(task_label, tasks))
    ax.set_ylim(len(tasks) - 0.5, -0.5)
    ax.set_xlabel("HPO minus grid search (points)")


@styled
def figure_conclusions(shares: pd.DataFrame) -> Figure:
    """Draw the share of studies that conclude wrongly, and rightly, over their repetitions.

    Args:
        shares: from `over_cells`; validation beside test.
    """
    figure = new_figure(PAGE_WIDTH, 4.6)
    axes = figure.subplots(2, 2, sharex=True, sharey="row")
    for row, kind in zip(axes, ("wrong", "right"), strict=True):
        for ax, (split, part) in zip(row, shares.groupby("split", sort=False), strict=False):
            for (method, way), rows in part.groupby(["method", "way"], sort=False):
                style, (name, line) = style_of(method), _WAYS[way]
                look = {"color": style.colour, "ls": line, "marker": "."}
                ax.plot(rows["n"], 100 * rows[kind], label=f"{style.label}: {name}", **look)
            ax.set_title(split if kind == "wrong" else "")
        row[0].set(ylabel=f"conclude {kind}ly (%)", ylim=(0, 105 * shares[kind].max()))
    for ax in axes[1]:
        log_ticks(ax, shares["n"], base=10)
        ax.set_xlabel("repetitions in a study")
    add_legend(figure, n_columns=2)
    return figure


def _plot_band(rows: pd.DataFrame, ax: Axes, style: MethodStyle, *, x: str) -> None:
    look = {"color": style.colour, "ls": style.line, "marker": style.marker}
    ax.plot(rows[x], 100 * rows["value"], label=style.label, **look)
    ends = 100 * rows["low"], 100 * rows["high"]
    ax.fill_between(rows[x], *ends, color=style.colour, alpha=0.15, lw=0)


@styled
def figure_budgets(parts: Mapping[str, pd.DataFrame], *, zero: bool = True) -> Figure:
    """Draw effects over the budget by method, with bands; grid search's across, as a line.

    Args:
        parts: label of the y-axis -> from `effects.effects`; a row each, a model beside the other.
        zero: draw a line at 0.
    """
    everything = pd.concat(parts.values())
    models = list(everything["model"].unique())
    figure = new_figure(PAGE_WIDTH, 0.5 + 1.9 * len(parts))
    axes = figure.subplots(len(parts), len(models), squeeze=False, sharex=True, sharey="row")
    for row, (ylabel, effects) in zip(axes, parts.items(), strict=True):
        for ax, model in zip(row, models, strict=True):
            if zero:
                ax.axhline(0, color="black", lw=0.8)
            of_model = effects[effects["model"] == model]
            for method, rows in of_model.groupby("method", sort=False):
                if method == "grid":
                    chance = 100 * rows["value"].iloc[0]
                    ax.axhline(chance, color="black", lw=0.8, ls="-", label="chance")
                else:
                    _plot_band(rows.sort_values("budget_gst"), ax, style_of(method), x="budget_gst")
            ax.set(xlabel="budget (GST)", ylabel=ylabel)
            ax.label_outer()
    log_ticks(axes[0, 0], everything["budget_gst"])  # shared by all
    for ax, model in zip(axes[0], models, strict=True):
        ax.set_title(model)
    add_legend(figure, n_columns=4)
    return figure


@styled
def figure_decision(parts: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the expected test score over what it costs, by method, with bands.

    Args:
        parts: a panel's title -> method, trainings, value, low, high (fractions).
    """
    return panels(_plot_decision, parts, height=2.3, n_columns=2, legend=4)


def _plot_decision(rows: pd.DataFrame, ax: Axes) -> None:
    for method in in_order(rows["method"], METHOD_LABELS):
        part = rows[rows["method"] == method].sort_values("trainings")
        if method == "grid":
            error = 100 * (part["value"] - part["low"])
            look = {"color": "black", "marker": "D", "capsize": 2, "ls": "", "label": "grid"}
            ax.errorbar(part["trainings"], 100 * part["value"], yerr=error, **look)
        else:
            _plot_band(part, ax, style_of(method), x="trainings")
    first, last = np.log2(rows["trainings"].agg(["min", "max"])).round()
    log_ticks(ax, 2.0 ** np.arange(first, last + 1))
    ax.set(xlabel="cost in whole trainings", ylabel="expected test score (%)")


@styled
def figure_curves(curves: pd.DataFrame) -> Figure:
    """Draw the best of n trials over n with its simultaneous band, and the winner's test score.

    Args:
        curves: from `pools.curves`; a panel a pool.
    """
    named = dict(list(curves.groupby("pool", sort=False)))
    return panels(_plot_curve, named, height=1.7, legend=3)


def _plot_curve(curve: pd.DataFrame, ax: Axes) -> None:
    colour, (low, high) = style_of("rs").colour, (100 * curve[end] for end in ("low", "high"))
    look = {"color": colour, "alpha": 0.2, "lw": 0, "label": "95% band, all n at once"}
    ax.fill_between(curve["n"], low, high, **look)
    ax.plot(curve["n"], 100 * curve["best"], color=colour, label="validation (median)")
    ax.plot(curve["n"], 100 * curve["test"], color="#D55E00", ls="--", label="test (mean)")
    log_ticks(ax, 2 ** np.arange(int(np.log2(curve["n"].max())) + 1)[::2])
    shown = 100 * curve.loc[curve["n"] >= 2, ["best", "test"]]
    low, top = shown.min().min(), shown.max().max()
    ax.set_ylim(low - 0.1 * (top - low) - 0.1, top + 0.25 * (top - low) + 0.1)
    ax.set(xlabel="trials n", ylabel="score (%)")


@styled
def figure_curse(curse: pd.DataFrame) -> Figure:
    """Draw optimism and regret over the size of the validation set, a line a model and task."""
    figure = new_figure(PAGE_WIDTH, 2.4)
    axes = figure.subplots(1, 2)
    names = {"optimism": "looks better than it is (points)", "regret": "worse than best (points)"}
    for ax, (column, ylabel) in zip(axes, names.items(), strict=True):
        for _, rows in curse.groupby(["model", "task"], sort=False):
            ax.plot(rows["size"], 100 * rows[column], color="0.7", lw=0.8)
        mean = curse.groupby("size")[column].mean()
        ax.plot(mean.index, 100 * mean, color="#0072B2", marker="o", label="mean over tasks")
        log_ticks(ax, mean.index, base=10)
        ax.set(xlabel="validation examples", ylabel=ylabel)
    axes[0].legend()
    return figure


@styled
def figure_verdicts(shares: pd.DataFrame) -> Figure:
    """Draw the share of each verdict of the procedure, a bar a task and method."""
    models = list(dict.fromkeys(shares["model"]))
    n_most = shares["model"].value_counts().max()
    figure = new_figure(PAGE_WIDTH, 0.9 + 0.17 * n_most)
    axes = figure.subplots(1, len(models), squeeze=False)[0]
    for ax, model in zip(axes, models, strict=True):
        rows, left = shares[shares["model"] == model], 0.0
        names = [f"{task_label(t)}, {method_label(m)}" for t, m in rows[["task", "method"]].values]
        for verdict in VERDICTS:
            width = 100 * rows[verdict].to_numpy()
            ax.barh(names, width, left=left, color=_SHADES[verdict], label=verdict)
            left = left + width
        ax.invert_yaxis()
        ax.set(title=model, xlabel="walks of the procedure (%)", xlim=(0, 100))
    add_legend(figure, n_columns=3)
    return figure
