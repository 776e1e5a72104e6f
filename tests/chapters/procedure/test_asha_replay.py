"""ASHA's rungs, hand-worked."""

import pandas as pd
import pytest

from repro.chapters.procedure.asha_replay import asha_losses, full_curves, rung_times
from repro.study.profile import load_profile
from synthetic_study import make_study


def test_rungs_and_warm_up_in_the_paper_and_under_a_profile():
    # Five evaluations an epoch: rungs at 1, 4 and 16 are 0.2, 0.8 and 3.2 epochs. Grid search
    # warms up over a tenth of 3 or 10 epochs, RoBERTa's over 0.06 of 10; the spaces to twice that.
    times = rung_times(load_profile("smoke"))
    paper = times[times["name"].str.endswith("(paper)")]
    assert paper["rungs"].tolist() == [(0.2, 0.8), (0.2, 0.8, 3.2), (0.2, 0.8, 3.2)]
    assert paper["warmup_ends"].tolist() == pytest.approx([0.3, 1.0, 0.6])
    assert paper["warmup_ends_high"].tolist() == pytest.approx([0.6, 2.0, 1.2])
    own = times[times["name"] == "tiny-electra"]  # one epoch with two evaluations
    assert own["rungs"].tolist() == [(0.5,)] and own["warmup_ends_low"].tolist() == [0]


def make_full(curves, warmup):
    return pd.DataFrame(
        {"model": "m", "task": "t", "curve": curves, "warmup_ratio": warmup}
        | {"test_score": [max(c) for c in curves]}
    )


def test_a_late_winner_is_stopped_and_its_loss_told():
    # The one with the long warm-up starts last and wins: it survives only where it comes first.
    curves = [(0.5, 0.5, 0.5, 0.6), (0.6, 0.6, 0.6, 0.7), (0.1, 0.2, 0.3, 0.9)]
    found = asha_losses(make_full(curves, [0.0, 0.0, 0.2]), n_orders=600).iloc[0]
    assert found["p_winner_stopped"] == pytest.approx(2 / 3, abs=0.05)
    assert found["validation_loss"] == pytest.approx(0.2 * 2 / 3, abs=0.02)
    assert found["test_loss"] == pytest.approx(found["validation_loss"])
    assert found["p_stopped_high"] == pytest.approx(2 / 3, abs=0.05)
    assert found["p_stopped_low"] < 0.4


def test_full_curves_are_those_of_random_searchs_completed_trials():
    study = make_study(tasks=("rte",))
    full = full_curves(study.trials, study.evaluations)
    assert set(full["method"]) == {"rs"}
    assert set(full["status"]) == {"completed"}
    assert all(len(curve) == 10 for curve in full["curve"])
    assert len(asha_losses(full, n_orders=20)) == 2
