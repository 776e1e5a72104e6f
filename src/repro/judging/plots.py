"""Figures of a judgement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from repro.judging.trials import Trials
from repro.show.style import COLUMN_WIDTH, PAGE_WIDTH, panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BLUE, _ORANGE = "#0072B2", "#D55E00"


@panel(width=COLUMN_WIDTH * 1.3, height=2.5)
def plot_curve(curve: pd.DataFrame, ax: Axes, *, score: str, sign: int = 1) -> None:
    """Draw the median best of n configurations over n, and its band for all n at once.

    Where the band is open, it ends at the edge of the figure.

    Args:
        curve: from `bands.tuning_bands`.
        score: for the axis.
        sign: -1 draws a loss as it was.
    """
    finite = curve[["best", "low", "high"]].replace([np.inf, -np.inf], np.nan)
    bottom, top = np.nanmin(finite), np.nanmax(finite)
    pad = 0.08 * (top - bottom or 1.0)
    ends = (bottom - pad, top + pad)
    low, high = curve["low"].clip(*ends), curve["high"].clip(*ends)
    look = {"step": "post", "color": _BLUE, "alpha": 0.18, "lw": 0}
    ax.fill_between(curve["n"], sign * low, sign * high, label="95 % band, all n at once", **look)
    look = {"color": _BLUE, "drawstyle": "steps-post", "label": "median of the best"}
    ax.plot(curve["n"], sign * curve["best"], **look)
    if len(curve) > 30:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter("{x:.0f}")
    ax.set(
        xlabel="configurations tried",
        ylabel=score.replace("_", " "),
        ylim=sorted(sign * e for e in ends),
    )
    ax.set_xlim(1, max(2, len(curve)))
    ax.legend(loc="lower right" if sign > 0 else "upper right")


@panel(width=PAGE_WIDTH, height=2.6)
def plot_trials(trials: Trials, ax: Axes, *, default: float) -> None:
    """Draw each trial's score in order, the incumbent so far, the default, and what failed.

    Scores far below the rest, beyond three times the range of the better half, are drawn at the
    lower end as arrows, so that the others can be told apart.

    Args:
        default: its (mean) score, larger is better as in `trials`.
    """
    scored, sign = trials.scored, trials.sign
    median, best = scored["score"].median(), scored["score"].max()
    spread = (best - median) or abs(best) * 0.01 or 1.0
    floor = max(scored["score"].min(), median - 6 * spread)
    cut = scored["score"] < floor
    look = {"s": 9, "color": "0.6", "linewidths": 0, "rasterized": len(scored) > 2000}
    ax.scatter(scored.index[~cut] + 1, sign * scored["score"][~cut], label="trial", **look)
    bottom = floor - 0.07 * (best - floor or 1.0)
    if cut.any():
        look = {"marker": "v" if sign > 0 else "^", "s": 14, "color": "0.6", "clip_on": False}
        y = np.full(int(cut.sum()), sign * bottom)
        ax.scatter(scored.index[cut] + 1, y, label=f"{len(y)} far worse", **look)
    failed = trials.frame.index[trials.frame["status"] == "failed"]
    if len(failed):
        y = np.full(len(failed), sign * bottom)
        ax.scatter(failed + 1, y, marker="x", s=14, color=_ORANGE, label="failed", clip_on=False)
    look = {"color": _BLUE, "drawstyle": "steps-post", "label": "best so far"}
    ax.plot(scored.index + 1, sign * scored["score"].cummax(), **look)
    ax.axhline(sign * max(default, bottom), color="black", lw=0.8, ls="--", label="default")
    ax.set(xlabel="trial, in the order of starting", ylabel=trials.score.replace("_", " "))
    ax.set_ylim(*sorted((sign * bottom, sign * (best + 0.07 * (best - bottom or 1.0)))))
    ax.figure.legend(loc="outside upper center", ncols=5)


@panel(width=COLUMN_WIDTH * 1.3, height=2.3)
def plot_power(powers: pd.DataFrame, ax: Axes, *, power: float) -> None:
    """Draw the power over the number of seeds, and the power asked for.

    Args:
        powers: columns n and power (a fraction).
    """
    ax.plot(powers["n"], 100 * powers["power"], color=_BLUE)
    ax.axhline(100 * power, color="black", lw=0.8, ls="--")
    ax.set(xlabel="seeds of each of two configurations", ylabel="power (%)", ylim=(0, 102))
