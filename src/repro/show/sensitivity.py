"""Figures of sensitivity: effects, importance, interactions, slices, parallel coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from repro.labels import HYPERPARAMETER_LABELS, METHOD_LABELS, in_order, label
from repro.show.style import COLUMN_WIDTH, PAGE_WIDTH, new_axes, new_figure, style_of, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BY_LOGARITHM = ("learning_rate", "adam_epsilon")
_DIRECTIONS = {"lower": ("#0072B2", "v", -0.17), "higher": ("#D55E00", "^", 0.17)}
_MANY = 2000  # lines or points, beyond which they are drawn as an image: faster, smaller files
_PIXELS = 150, 400  # of such an image: between two axes, and from bottom to top


@styled
def plot_effects(
    effects: pd.DataFrame,
    ax: Axes | None = None,
    *,
    band: float | None = None,
    differences: pd.DataFrame | None = None,
) -> Axes:
    """Draw what each variation of one factor does, with its interval; filled where p < 5 %.

    Args:
        effects: from `analysis.one_factor.one_factor_effects`, the candidates from the top down.
        band: half-width of the grey band around zero (`baseline_noise`), a fraction.
        differences: from `seed_differences`: drawn as small points, one a seed.
    """
    names = list(dict.fromkeys(effects["candidate"]))
    ax = ax or new_axes(PAGE_WIDTH, 0.7 + 0.36 * len(names))
    if band and not np.isnan(band):
        ax.axvspan(-100 * band, 100 * band, color="0.92", lw=0, label="two single runs, 95 %")
    ax.axvline(0, color="black", lw=0.8)
    for direction, (colour, marker, shift) in _DIRECTIONS.items():
        rows = effects[effects["direction"] == direction]
        at = rows["candidate"].map(names.index).astype(float) + shift
        values, told = 100 * rows["difference"], rows["p_holm"] < 0.05
        ax.hlines(at, 100 * rows["low"], 100 * rows["high"], color=colour, lw=1.2)
        look = {"marker": marker, "s": 26, "edgecolors": colour, "linewidths": 1.0, "zorder": 3}
        faces = np.where(told, colour, "white")
        ax.scatter(values, at, facecolors=faces, label=f"{direction} value", **look)
        _note_values(ax, rows, at, colour)
        if differences is not None:
            points = differences[differences["direction"] == direction]
            y = points["candidate"].map(names.index).astype(float) + shift
            ax.scatter(100 * points["difference"], y, s=5, color="0.5", linewidths=0, zorder=2)
    ax.set_yticks(range(len(names)), [label(name, HYPERPARAMETER_LABELS) for name in names])
    ax.set_ylim(max(1, len(names)) - 0.5, -0.5)
    ax.set_xlabel("difference from the baseline's score (points)")
    ax.figure.legend(handles=_effect_handles(ax), loc="outside upper center", ncols=4)
    return ax


def _note_values(ax: Axes, rows: pd.DataFrame, at: pd.Series, colour: str) -> None:
    """Write at the right edge which value each variation has, and how many of its trials failed."""
    for y, row in zip(at, rows.to_dict("records"), strict=True):
        text = f"{row['value']:g}" + (f" ({row['n_failed']} failed)" if row["n_failed"] else "")
        place = {"xy": (1.01, y), "xycoords": ax.get_yaxis_transform(), "va": "center"}
        ax.annotate(text, **place, fontsize=6, color=colour, annotation_clip=False)


def _effect_handles(ax: Axes) -> list:
    handles, _ = ax.get_legend_handles_labels()
    look = {"color": "none", "marker": "o", "markeredgecolor": "0.3", "markerfacecolor": "0.3"}
    return [*handles, mpl.lines.Line2D([], [], label="filled: p < .05 (Holm)", **look)]


@styled
def plot_importance(importance: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the share of variation that each hyperparameter explains, with intervals.

    Args:
        importance: from `analysis.sensitivity.importance`, by method or of all trials together.
    """
    ax = ax or new_axes(COLUMN_WIDTH * 1.4, 2.6)
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
    return ax


@styled
def plot_interactions(interactions: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what the product of each two hyperparameters explains, as the lower half of a matrix.

    Args:
        interactions: from `analysis.interactions.interactions`; a share that is not known is
            hatched. Bold with a star: p < 5 % after Holm's correction.
    """
    names = list(dict.fromkeys([*interactions["first"], *interactions["second"]]))
    ax = ax or new_axes(0.9 * PAGE_WIDTH, 0.9 + 0.42 * len(names))
    places = [interactions[c].map(names.index) for c in ("first", "second")]
    column, row = np.minimum(*places), np.maximum(*places)
    size = max(1, len(names) - 1)
    values = np.full((size, size), np.nan)
    values[row - 1, column] = 100 * interactions["share"]
    top = max(1.0, np.nanmax(values, initial=0.0))
    image = ax.imshow(values, cmap="Blues", vmin=0, vmax=top, aspect="auto")
    for x, y, pair in zip(column, row - 1, interactions.to_dict("records"), strict=True):
        _annotate_pair(ax, (x, y), pair, top)
    texts = [label(name, HYPERPARAMETER_LABELS) for name in names]
    ax.set_xticks(range(size), [t.replace(" ", "\n") for t in texts[:size]])
    ax.set_yticks(range(size), texts[1 : size + 1])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    bar = ax.figure.colorbar(image, ax=ax, pad=0.01)
    bar.set_label("variation explained\nby the product (%)")
    return ax


def _annotate_pair(ax: Axes, place: tuple[int, int], pair: Mapping, top: float) -> None:
    x, y = place
    if np.isnan(pair["share"]):
        look = {"fill": False, "hatch": "////", "edgecolor": "0.5", "lw": 0}
        ax.add_patch(mpl.patches.Rectangle((x - 0.5, y - 0.5), 1, 1, **look))
        return
    told, share = pair["p_holm"] < 0.05, 100 * pair["share"]
    p = "p < .001" if pair["p"] < 0.001 else f"p = {pair['p']:.3f}".replace("0.", ".")
    text = f"{share:.1f}{'*' if told else ''}\n{p}"
    look = {"color": "white" if share > 0.6 * top else "black", "fontsize": 6.5}
    ax.text(x, y, text, ha="center", va="center", weight="bold" if told else "normal", **look)


@styled
def figure_slices(
    trials: pd.DataFrame, slices: pd.DataFrame, *, score: str = "validation_score"
) -> Figure:
    """Draw the score of each trial against each hyperparameter, with the means of its bins.

    Args:
        trials: those that `slices` was made from.
        slices: from `analysis.sensitivity.slices`; its hyperparameters are the panels.
    """
    names = list(dict.fromkeys(slices["hyperparameter"]))
    n_rows = max(1, -(-len(names) // 4))
    n_columns = max(1, -(-len(names) // n_rows))
    figure = new_figure(PAGE_WIDTH, 0.3 + 1.7 * n_rows)
    axes = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False).ravel()
    done = trials[trials["status"] == "completed"]
    for ax, name in zip(axes, names, strict=False):
        _plot_slice(ax, done, slices[slices["hyperparameter"] == name], name=name, score=score)
    for ax in axes[len(names) :]:
        ax.remove()
    figure.supylabel(f"{score.replace('_', ' ')} (%)", fontsize=8)
    return figure


def _plot_slice(ax: Axes, trials: pd.DataFrame, rows: pd.DataFrame, *, name: str, score: str):
    rasterized = len(trials) > _MANY
    look = {"s": 6, "color": "0.6", "linewidths": 0, "rasterized": rasterized}
    ax.scatter(trials[name], 100 * trials[score], **look)
    bars = 100 * np.abs(rows[["low", "high"]].to_numpy().T - rows["mean"].to_numpy())
    look = {"color": "#0072B2", "marker": "o", "lw": 1.0, "elinewidth": 0.9, "capsize": 2}
    ax.errorbar(rows["at"], 100 * rows["mean"], yerr=bars, **look)
    low, high = rows["left"].min(), rows["right"].max()
    if name in _BY_LOGARITHM and low > 0 and high > 4 * low:
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(mpl.ticker.LogLocator(subs=(1.0, 3.0), numticks=4))
        ax.xaxis.set_major_formatter(mpl.ticker.StrMethodFormatter("{x:.0e}"))
        ax.xaxis.set_minor_formatter(mpl.ticker.NullFormatter())
    else:
        whole = bool((trials[name].dropna() % 1 == 0).all())
        ax.xaxis.set_major_locator(mpl.ticker.MaxNLocator(3, integer=whole))
        ax.ticklabel_format(axis="x", style="sci", scilimits=(-2, 4))
    ax.set_xlabel(label(name, HYPERPARAMETER_LABELS))


@styled
def plot_parallel_coordinates(
    trials: pd.DataFrame,
    ax: Axes | None = None,
    *,
    names: Sequence[str],
    chosen: Sequence[bool] | None = None,
) -> Axes:
    """Draw every trial as a line through its hyperparameters to its validation score.

    Each axis runs from the lowest to the highest value of all trials; darker lines scored higher.

    Args:
        chosen: one a trial; the others are drawn in light grey behind.

    Lines are strokes of one LineCollection, thousands of them one image.
    """
    ax = ax or new_axes(PAGE_WIDTH, 2.6)
    columns = [*names, "validation_score"]
    chosen = np.ones(len(trials), bool) if chosen is None else np.asarray(chosen, bool)
    rows = trials[columns].astype(float).assign(chosen=chosen).dropna(subset="validation_score")
    rows = rows.sort_values(["chosen", "validation_score"])
    front = rows.pop("chosen").to_numpy()
    low, high = rows.min(), rows.max()
    places = (rows - low) / (high - low).where(high > low, 1.0)
    colours = mpl.colormaps["cividis_r"](places["validation_score"].to_numpy())
    colours[:, 3] = 0.7
    colours[~front] = mpl.colors.to_rgba("0.85", 0.5)
    x = np.arange(len(columns))
    y = places.fillna(-0.08).to_numpy()  # below the axis: not a hyperparameter of this trial
    if len(y) > _MANY:
        _draw_as_image(ax, y, colours)
    else:
        lines = np.stack([np.broadcast_to(x, y.shape), y], axis=2)  # (trials, axes, 2)
        lines = mpl.collections.LineCollection(lines, colors=colours, linewidths=0.7)
        ax.add_collection(lines, autolim=False)
    _draw_scales(ax, low, high)
    texts = [label(name, HYPERPARAMETER_LABELS) for name in names]
    ax.set_xticks(x, [*texts, "validation score (%)"])
    ax.set(yticks=[], ylim=_HEIGHTS, xlim=(-0.25, len(columns) - 0.75))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def _draw_as_image(ax: Axes, y: np.ndarray, colours: np.ndarray) -> None:
    """Draw lines pixel by pixel, the later over the earlier: ten times as fast as strokes.

    Args:
        y: shape (n_lines, n_axes), heights.
    """
    width, height = _PIXELS
    n_gaps = y.shape[1] - 1
    owner = np.zeros((height, n_gaps * width), dtype=int)  # 0: nobody, else the line's number
    share = np.linspace(0, 1, width)
    for gap in range(n_gaps):
        at = y[:, gap, None] + (y[:, gap + 1] - y[:, gap])[:, None] * share
        rows = (at - _HEIGHTS[0]) * (height / (_HEIGHTS[1] - _HEIGHTS[0]))
        columns = np.broadcast_to(np.arange(width) + gap * width, rows.shape)
        owner[rows.astype(int), columns] = np.arange(1, len(y) + 1)[:, None]
    pixels = np.vstack([np.zeros(4), colours])[owner]
    extent = (0, n_gaps, *_HEIGHTS)
    ax.imshow(pixels, extent=extent, origin="lower", aspect="auto", interpolation="nearest")


_HEIGHTS = -0.16, 1.16  # of the panel; the axes run from 0 to 1


def _draw_scales(ax: Axes, low: pd.Series, high: pd.Series) -> None:
    """Draw one axis a column, with its ends."""
    for place, name in enumerate(low.index):
        ax.axvline(place, color="0.3", lw=0.6)
        for y, value in ((-0.04, low[name]), (1.04, high[name])):
            text = f"{100 * value:.1f}" if name == "validation_score" else f"{value:.3g}"
            ax.text(place, y, text, ha="center", va="top" if y < 0 else "bottom", fontsize=6)


@styled
def figure_parallel_coordinates(trials: pd.DataFrame, *, names: Mapping[str, list[str]]) -> Figure:
    """Draw `plot_parallel_coordinates` for each method.

    Args:
        names: method -> the hyperparameters that it searches.
    """
    figure = new_figure(PAGE_WIDTH, 2.1 * len(names))
    axes = figure.subplots(len(names), 1, squeeze=False)[:, 0]
    for ax, (method, searched) in zip(axes, names.items(), strict=True):
        plot_parallel_coordinates(trials[trials["method"] == method], ax, names=searched)
        ax.set_title(label(method, METHOD_LABELS), loc="left", pad=10)
    return figure
