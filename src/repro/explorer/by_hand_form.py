"""A form to tune by hand, live, on recorded trials or with real training."""

from __future__ import annotations

import html
from functools import partial
from typing import TYPE_CHECKING

import ipywidgets as widgets
import numpy as np
import pandas as pd

from repro.explorer.by_hand import (
    RANDOM,
    YOU,
    Contest,
    RecordedAnswers,
    share_beaten,
    train_answers,
)
from repro.explorer.pictures import Picture
from repro.explorer.small_runs import family_space
from repro.labels import HYPERPARAMETER_LABELS, TASK_LABELS, label
from repro.results.recorded import read_recorded
from repro.show.style import OWN, PAGE_WIDTH, panel, style_of
from repro.study.pools import read_pools
from repro.study.profile import Profile
from repro.tuning.spaces import Choice, Domain, LogUniform, default_configuration

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOOK = {"layout": widgets.Layout(width="440px"), "style": {"description_width": "140px"}}
_RECORDED, _TRAINED = "recorded trials", "real training"
_SPACE = "full"  # of the recorded trials: the one that a random search draws from


class ByHandForm:
    """Choose a configuration, try it, see how random search fares; show its `widget`.

    Args:
        recorded: name or folder of the recorded trials.
    """

    def __init__(self, profile: Profile, recorded: str = "mini"):
        self._profile, self._pools = profile, read_pools(read_recorded(recorded))
        names = {model.name for model in profile.models}
        cells = [cell for cell in self._pools if cell[0] in names and _SPACE in self._pools[cell]]
        cells.sort(key=lambda cell: cell[1] != "rte")  # first, as in the form for small runs
        options = [(f"{model}, {label(task, TASK_LABELS)}", (model, task)) for model, task in cells]
        self.cell = widgets.Dropdown(options=options, description="tune", **_LOOK)
        self.source = widgets.Dropdown(
            options=(_RECORDED, _TRAINED), description="answered by", **_LOOK
        )
        self.seed = widgets.BoundedIntText(1, 1, 999, description="random search no.", **_LOOK)
        self.try_button = widgets.Button(description="Try it", icon="play", button_style="primary")
        self.again_button = widgets.Button(description="Begin again", icon="refresh")
        self.look_button = widgets.Button(description="Look at the test scores", icon="eye")
        self.look_button.layout.width = "auto"
        self.controls: dict[str, widgets.Widget] = {}
        self._box, self.status, self.picture = widgets.VBox(), widgets.HTML(), Picture()
        buttons = widgets.HBox([self.try_button, self.look_button, self.again_button])
        fields = [self.cell, self.source, self.seed, self._box]
        self.widget = widgets.VBox([*fields, buttons, self.status, self.picture])
        for field in (self.cell, self.source, self.seed):
            field.observe(lambda _: self.begin(), "value")
        self.try_button.on_click(lambda _: self.play())
        self.again_button.on_click(lambda _: self.begin())
        self.look_button.on_click(lambda _: self._look())
        self.begin()

    def begin(self) -> None:
        """Begin again: no trials, and controls for what the space searches."""
        model, task = self.cell.value
        space = family_space(self._profile, model, task)
        family, epochs = self._profile.model(model).family, space.fixed["epochs"]
        default = default_configuration(family, epochs=epochs)
        self.controls = {n: _control(n, d, default[n]) for n, d in space.domains.items()}
        self._box.children = tuple(self.controls.values())
        self._pool = self._pools[model, task][_SPACE]
        if self.source.value == _RECORDED:
            answers = RecordedAnswers(self._pool, space), RecordedAnswers(self._pool, space)
            self.status.value = (
                f"{len(self._pool)} recorded trials answer: of those that have not answered yet "
                "the one nearest to what you choose, whose values are shown."
            )
        else:
            answers = (train_answers(self._profile, model=model, task=task),) * 2
            self.status.value = "Each try trains two trials, yours and random search's."
        self.contest = Contest(space, answers, seed=self.seed.value)
        self.look_button.disabled = True
        self.picture.show(None)

    def play(self) -> None:
        """Try what the controls say."""
        self.try_button.disabled, before = True, self.status.value
        if self.source.value == _TRAINED:
            self.status.value = "training two trials ..."
        try:
            self.contest.play({name: control.value for name, control in self.controls.items()})
            self.look_button.disabled = False
            self._show()
        except ValueError as error:
            self.status.value = f"{before}<br>{html.escape(str(error))}"
        finally:
            self.try_button.disabled = False

    def _show(self, tests: dict[str, float] | None = None) -> None:
        trials = self.contest.trials
        text = describe_race(trials, self.contest.space.domains)
        if self.source.value == _RECORDED:
            best = trials.loc[trials["who"] == YOU, "validation_score"].max()
            n, scores = int(trials["n"].max()), self._pool.whole("validation_score")
            share = share_beaten(best, scores, n)
            text += f" Of all random searches of {n} of these trials {share:.0%} are no better."
        if self.contest.n_looks:
            text += f" Looks at test scores so far: {self.contest.n_looks}."
        if tests:
            pairs = (f"{who} {100 * score:.1f} %" for who, score in tests.items())
            text += f" <b>On test: {', '.join(pairs)}.</b>"
        self.status.value = text
        self.picture.show(partial(plot_race, trials), text)

    def _look(self) -> None:
        self._show(self.contest.look())


def _control(name: str, domain: Domain, value: float) -> widgets.Widget:
    """Return a widget whose values are those of a domain."""
    look = {"description": label(name, HYPERPARAMETER_LABELS), **_LOOK}
    if isinstance(domain, Choice):
        return widgets.SelectionSlider(options=sorted(domain.values), value=value, **look)
    if isinstance(domain, LogUniform):
        low, high = np.log10([domain.low, domain.high])
        value = min(max(value, domain.low), domain.high)
        return widgets.FloatLogSlider(
            value, min=low, max=high, step=(high - low) / 60, readout_format=".2g", **look
        )
    step = (domain.high - domain.low) / 60
    value = min(max(value, domain.low), domain.high)
    return widgets.FloatSlider(
        value, min=domain.low, max=domain.high, step=step, readout_format=".3f", **look
    )


@panel(width=PAGE_WIDTH, height=2.6)
def plot_race(trials: pd.DataFrame, ax: Axes) -> None:
    """Draw the trials of both players and their incumbents.

    Args:
        trials: from `Contest`.
    """
    other = style_of("rs")
    looks = {YOU: (OWN, "o", "-"), RANDOM: (other.colour, other.marker, other.line)}
    for who, (colour, marker, line) in looks.items():
        rows = trials[trials["who"] == who]
        scores = 100 * rows["validation_score"]
        ax.plot(rows["n"], scores, marker, ms=4, color=colour, alpha=0.6)
        best = {"color": colour, "ls": line, "label": f"{who}: best so far"}
        ax.plot(rows["n"], scores.cummax(), drawstyle="steps-post", **best)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set(xlabel="trials", ylabel="validation score (%)")
    ax.figure.legend(loc="outside upper center", ncols=2)


def describe_race(trials: pd.DataFrame, names: list[str]) -> str:
    """Say how it stands, and what your last trial was."""
    best = 100 * trials.groupby("who")["validation_score"].max()
    last = trials[trials["who"] == YOU].iloc[-1]
    values = ", ".join(f"{label(n, HYPERPARAMETER_LABELS)} {last[n]:.3g}" for n in names)
    return (
        f"Trial {last['n']}: {100 * last['validation_score']:.1f} % with {values}. Best so far: "
        f"you {best[YOU]:.1f} %, random search {best[RANDOM]:.1f} %."
    )
