"""The sentences of notebook 04 turn with the numbers."""

import pandas as pd

from repro.chapters.resplit.tables import describe_curse, describe_ranking, describe_shift


def correlations(original, resplit):
    rows = {"split": ["original", "resplit"], "model": "m", "task": "qnli"}
    frame = pd.DataFrame(rows).assign(pearson=[original, resplit])
    return frame.assign(low=frame["pearson"] - 0.1, high=frame["pearson"] + 0.1)


def test_a_lower_correlation_counts_beyond_the_intervals():
    assert "on 1 task is it lower on the original split" in describe_ranking(correlations(0.1, 0.9))
    assert "on no tasks is it lower" in describe_ranking(correlations(0.9, 0.8))
    assert describe_ranking(correlations(None, None)).startswith("No correlation")


def simulated(*overfits):
    sizes = {"validation_size": 50, "n_trials": 8}
    return pd.DataFrame([{"shift": s, "overfits": o} | sizes for s, o in enumerate(overfits)])


def test_luck_and_shift_are_told_apart():
    assert describe_shift(simulated(0.2, 0.5)).startswith("20% of simulated tuning runs overfit")
    assert describe_shift(simulated(0.2, 0.5)).endswith("At the largest shift more do, 50%.")
    assert describe_shift(simulated(0.2, 0.1)).endswith("At the largest shift fewer do, 10%.")
    assert "could be simulated" in describe_shift(simulated(0.2).head(0))


def test_the_curse_is_said_at_both_ends():
    rows = {"shift": 0, "validation_size": [50, 400], "n_trials": [16, 4]}
    text = describe_curse(pd.DataFrame(rows).assign(optimism=[0.033, 0.003]))
    assert "the best of 16 trials on 50 validation examples makes its score 3.3 points" in text
    assert text.endswith("of 4 on 400, 0.3.")
