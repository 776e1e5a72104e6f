"""Figures of sensitivity: importance, interactions, slices, parallel coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from repro.labels import HYPERPARAMETER_LABELS, METHOD_LABELS, in_order, label
from repro.show.cells import p_value
from repro.show.style import (
    COLUMN_WIDTH,
    DARKER_IS_MORE,
    PAGE_WIDTH,
    new_axes,
    new_figure,
    panel,
    style_of,
    styled,
    visible,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BY_LOGARITHM = ("learning_rate", "adam_epsilon")
_MANY = 2000  # lines or points, beyond which a PDF holds them as an image


@panel(width=COLUMN_WIDTH * 1.4, height=2.6)
def plot_importance(importance: pd.DataFrame, ax: Axes) -> None:
    """Draw the share of variation that each hyperparameter explains, with intervals.

    Args:
        importance: from `sensitivity.importance`, by method or of all trials together.
    """
    names = in_order(importance["hyperparameter"], HYPERPARAMETER_LABELS)
    methods = in_order(importance["method"], METHOD_LABELS) if "method" in importance else [None]
    for place, method in enumerate(methods):
        rows = importance if method is None else importance[importance["method"] == method]
        look = {"fmt": "o", "color": "#0072B2"}
        if method is not None:
            style = style_of(method)
            look = {"fmt": style.marker, "color": style.colour, "label": style.label}
        at = rows["hyperparameter"].map(names.index) + (place - (len(methods) - 1) / 2) * 0.2
        errors = np.abs(rows[["low", "high"]].to_numpy().T - rows["share"].to_numpy())
        ax.errorbar(100 * rows["share"], at, xerr=100 * errors, capsize=2, lw=0.9, **look)
    ax.set_yticks(range(len(names)), [label(name, HYPERPARAMETER_LABELS) for name in names])
    ax.invert_yaxis()
    ax.set_xlim(0, None)
    ax.set_xlabel("variation of scores explained by it alone (%)")
    if ax.get_legend_handles_labels()[1]:
        ax.legend(loc="best")


@styled
def plot_interactions(interactions: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what the product of each two hyperparameters explains, as the lower half of a matrix.

    Args:
        interactions: from `interactions.interactions`; a share that is not known is hatched.
            Bold with a star: p < 5 % after Holm's correction.
    """
    names = list(dict.fromkeys([*interactions["first"], *interactions["second"]]))
    ax = ax or new_axes(0.9 * PAGE_WIDTH, 0.9 + 0.42 * len(names))
    size = max(1, len(names) - 1)
    top = max(1.0, 100 * interactions["share"].max(skipna=True))
    values = np.full((size, size), np.nan)
    for pair in interactions.to_dict("records"):
        x, y = sorted(map(names.index, (pair["first"], pair["second"])))
        values[y - 1, x] = share = 100 * pair["share"]
        if np.isnan(share):
            look = {"fill": False, "hatch": "////", "edgecolor": "0.5", "lw": 0}
            ax.add_patch(mpl.patches.Rectangle((x - 0.5, y - 1.5), 1, 1, **look))
            continue
        told = pair["p_holm"] < 0.05
        p = f"p = {p_value(pair['p'])}".replace("= <", "<")
        look = {"color": "white" if share > 0.6 * top else "black", "fontsize": 6.5}
        look |= {"weight": "bold" if told else "normal", "ha": "center", "va": "center"}
        ax.text(x, y - 1, f"{share:.1f}{'*' if told else ''}\n{p}", **look)
    image = ax.imshow(values, cmap=DARKER_IS_MORE, vmin=0, vmax=top, aspect="auto")
    texts = [label(name, HYPERPARAMETER_LABELS) for name in names]
    ax.set_xticks(range(size), [t.replace(" ", "\n") for t in texts[:size]])
    ax.set_yticks(range(size), texts[1 : size + 1])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    bar = ax.figure.colorbar(image, ax=ax, pad=0.01)
    bar.set_label("variation explained\nby the product (%)")
    return ax


@styled
def figure_slices(trials: pd.DataFrame, slices: pd.DataFrame) -> Figure:
    """Draw the score of each trial against each hyperparameter, with the means of its bins.

    Args:
        trials: those that `slices` was made from.
        slices: from `sensitivity.slices`; its hyperparameters are the panels.
    """
    names = list(dict.fromkeys(slices["hyperparameter"]))
    n_rows = max(1, -(-len(names) // 4))
    n_columns = max(1, -(-len(names) // n_rows))
    figure = new_figure(PAGE_WIDTH, 0.3 + 1.7 * n_rows)
    axes = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False).ravel()
    done = trials[trials["status"] == "completed"]
    for ax, name in zip(axes, names, strict=False):
        _plot_slice(ax, done, slices[slices["hyperparameter"] == name], name)
    for ax in axes[len(names) :]:
        ax.remove()
    figure.supylabel("validation score (%)", fontsize=8)
    return figure


def _plot_slice(ax: Axes, trials: pd.DataFrame, rows: pd.DataFrame, name: str) -> None:
    look = {"s": 6, "color": "0.6", "linewidths": 0, "rasterized": len(trials) > _MANY}
    ax.scatter(trials[name], 100 * trials["validation_score"], **look)
    bars = 100 * np.abs(rows[["low", "high"]].to_numpy().T - rows["mean"].to_numpy())
    look = {"color": "#0072B2", "marker": "o", "lw": 1.0, "elinewidth": 0.9, "capsize": 2}
    ax.errorbar(rows["at"], 100 * rows["mean"], yerr=bars, **look)
    low, high = rows["left"].min(), rows["right"].max()
    if name in BY_LOGARITHM and low > 0 and high > 4 * low:
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(mpl.ticker.LogLocator(subs=(1.0, 3.0), numticks=4))
        ax.xaxis.set_major_formatter(mpl.ticker.StrMethodFormatter("{x:.0e}"))
        ax.xaxis.set_minor_formatter(mpl.ticker.NullFormatter())
    else:
        whole = bool((trials[name].dropna() % 1 == 0).all())
        ax.xaxis.set_major_locator(mpl.ticker.MaxNLocator(3, integer=whole))
        ax.ticklabel_format(axis="x", style="sci", scilimits=(-2, 4))
    ax.set_xlabel(label(name, HYPERPARAMETER_LABELS))


@panel(width=PAGE_WIDTH, height=2.6)
def plot_parallel_coordinates(
    trials: pd.DataFrame,
    ax: Axes,
    *,
    names: Sequence[str],
    scale: tuple[float, float] | None = None,
) -> None:
    """Draw every trial as a line through its hyperparameters to its validation score.

    Each axis runs from the lowest to the highest value of all trials, a learning rate's by its
    logarithm; the colour is the score.

    Args:
        scale: scores (fractions) at the ends of the colours; by default those of the trials.
    """
    columns = [*names, "validation_score"]
    rows = trials[columns].astype(float).dropna(subset="validation_score")
    rows = rows.sort_values("validation_score")
    low, high = rows.min(), rows.max()
    by_logarithm = [name for name in BY_LOGARITHM if name in rows and low[name] > 0]
    scaled = rows.assign(**np.log(rows[by_logarithm]))
    span = scaled.max() - scaled.min()
    places = (scaled - scaled.min()) / span.where(span > 0, 1.0)
    norm = mpl.colors.Normalize(*(100 * np.array(scale or (low.iloc[-1], high.iloc[-1]))))
    palette = visible()
    shades = palette(norm(100 * rows["validation_score"].to_numpy()))
    shades[:, 3] = 0.8
    x = np.arange(len(columns))
    y = places.fillna(-0.08).to_numpy()  # below the axis: not a hyperparameter of this trial
    lines = np.stack([np.broadcast_to(x, y.shape), y], axis=2)  # (n_trials, n_axes, 2)
    look = {"colors": shades, "linewidths": 0.7, "rasterized": len(y) > _MANY}
    ax.add_collection(mpl.collections.LineCollection(lines, **look), autolim=False)
    for place, name in enumerate(columns):
        ax.axvline(place, color="0.3", lw=0.6)
        for height, value in ((-0.04, low[name]), (1.04, high[name])):
            text = f"{100 * value:.1f}" if name == "validation_score" else f"{value:.3g}"
            side, box = "top" if height < 0 else "bottom", {"fc": "white", "ec": "none", "pad": 0.5}
            ax.text(place, height, text, ha="center", va=side, fontsize=6, bbox=box, zorder=5)
    texts = [label(name, HYPERPARAMETER_LABELS) for name in names]
    ax.set_xticks(x, [*texts, "validation score (%)"])
    ax.set(yticks=[], ylim=(-0.16, 1.16), xlim=(-0.25, len(columns) - 0.75))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    if len(rows):
        image = mpl.cm.ScalarMappable(norm, palette)
        ax.figure.colorbar(image, ax=ax, pad=0.02).set_label("validation score (%)")


def describe_interactions(interactions: pd.DataFrame) -> str:
    """Say in a sentence whether hyperparameters act together.

    Args:
        interactions: from `interactions.interactions`.
    """
    known = interactions.dropna(subset="share")
    if known.empty:
        return "No pair of hyperparameters could be tested for acting together."
    names = known[["first", "second"]].map(lambda name: label(name, HYPERPARAMETER_LABELS))
    known = known.assign(pair=names.agg(" and ".join, axis=1))
    sure = known[known["p_holm"] < 0.05]
    if len(sure):
        pairs = (f"{row.pair} ({row.share:.1%})" for row in sure.itertuples())
        return f"{len(sure)} of {len(known)} pairs act together: {', '.join(pairs)}."
    top = known.loc[known["share"].idxmax()]
    return (
        f"No pair of hyperparameters noticeably acts together: the largest product, {top['pair']}, "
        f"explains {top['share']:.1%} of the variation (corrected p = {p_value(top['p_holm'])})."
    )
