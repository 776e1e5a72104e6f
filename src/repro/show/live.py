"""A picture that grows while a trial trains, for notebooks."""

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display

from repro.records import make_table
from repro.results.trials import evaluation_row
from repro.show.curves import plot_scores
from repro.training.types import Evaluation


class LiveCurve:
    """Draws the validation score after each evaluation, in place; pass it as `report`.

    The evaluations seen so far are in `evaluations`, as records has them.
    """

    def __init__(self, trial_id: str = "live"):
        self._trial_id = trial_id
        self._rows: list[dict] = []
        self._handle = None

    @property
    def evaluations(self) -> pd.DataFrame:
        return make_table("evaluations", self._rows)

    def __call__(self, evaluation: Evaluation) -> None:
        self._rows.append(evaluation_row(self._trial_id, evaluation))
        figure = plot_scores(self.evaluations).figure
        if self._handle is None:
            self._handle = display(figure, display_id=True)
        else:
            self._handle.update(figure)
        plt.close(figure)
