"""The sentences of notebook 06 turn with the numbers."""

import pandas as pd
import pytest

from repro.chapters.three_stage.tables import describe_effects, describe_final, describe_gaps


def final(**means):
    """Test scores of configurations, each with an interval of one point either way."""
    rows = [(name, "test", m, m - 0.01, m + 0.01, 8) for name, m in means.items()]
    return pd.DataFrame(rows, columns=["configuration", "split", "mean", "low", "high", "n"])


@pytest.mark.parametrize(
    ("means", "end"),
    [
        ({"baseline": 0.8, "manual": 0.85}, ": manual grid's best beyond the intervals."),
        ({"baseline": 0.8, "manual": 0.81}, "no search's choice lies above the baseline by more"
         " than the intervals."),
        ({"baseline": float("nan")}, "so that nothing can be compared."),
    ],
)  # fmt: skip
def test_a_choice_is_above_the_baseline_or_not(means, end):
    assert describe_final(final(**means)).endswith(end)


def test_the_largest_gap_is_held_against_chance():
    gaps = pd.DataFrame({"first": "manual", "second": "baseline", "gap": [3, 3, -1]})
    gaps = gaps.assign(chance=[0.5, 0.9, 0.99])
    text = describe_gaps(gaps)
    assert "manual against baseline, is 3 right answers of 408" in text
    assert text.endswith("in 50% to 90% of cases.")


def test_effects_are_beyond_noise_and_would_have_been_seen_or_not():
    effects = pd.DataFrame({"candidate": ["learning_rate", "weight_decay", "warmup_steps"]})
    effects = effects.assign(difference=[0.1, 0.02, 0.0], p_holm=[0.001, 0.01, 0.9])
    text = "Beyond noise: learning rate and weight decay. A single run each would have shown 1 of"
    assert describe_effects(effects, band=0.05).startswith(text)
    assert describe_effects(effects, band=0.5).endswith("shown none of these 2.")
    unsure = describe_effects(effects.assign(p_holm=0.9), band=0.05)
    assert unsure == "No change of a single hyperparameter is distinguishable from noise."
