"""Four crossed sources of chance: found again where they are known."""

import numpy as np
import pandas as pd
import pytest

from repro.chapters.seeds.cause_tables import sources_table
from repro.chapters.seeds.sources import SOURCES, judge_ratio, source_components, source_scores
from repro.stats.decisions import above, below


def crossed(n, deviations, *, rest, seed=0):
    """Make an orthogonal array of n**2 runs, n prime: each pair of levels of two sources once."""
    rng = np.random.default_rng(seed)
    effects = [rng.normal(0, deviation, n) for deviation in deviations]
    i, j = np.indices((n, n)).reshape(2, -1)
    levels = [i, j, (i + j) % n, (i + 2 * j) % n]
    score = sum(effect[level] for effect, level in zip(effects, levels, strict=True))
    frame = pd.DataFrame(dict(zip(SOURCES, levels, strict=True)))
    return frame.assign(score=score + rng.normal(0, rest, n * n))


def test_components_are_found_again():
    frame = crossed(29, (0.0, 0.1, 0.0, 0.3), rest=0.1)
    found = source_components(frame).set_index("factor")
    assert found.loc["split_seed", "variance"] == pytest.approx(0.09, rel=0.4)
    assert found.loc["order_seed", "variance"] == pytest.approx(0.01, rel=0.4)
    assert found.loc["init_seed", "share"] < 0.05
    assert found.loc["split_seed", "df"] == 28
    assert found["share"].sum() == pytest.approx(1)


def test_ratios_are_decided_where_they_are_clear():
    frame = crossed(11, (0.02, 0.02, 0.0, 0.3), rest=0.05)
    assert judge_ratio(frame, above(1), of="split_seed", to="init_seed").p_for < 0.01
    assert judge_ratio(frame, below(0.5), of="init_seed", to="split_seed").p_for < 0.01


def test_what_cannot_be_decided_says_why():
    few = judge_ratio(crossed(3, [0.1] * 4, rest=0.1), above(1), of="init_seed", to="order_seed")
    assert "3 levels of a source" in few.reason
    part = crossed(11, [0.1] * 4, rest=0.1).iloc[:12]
    assert "too few runs" in judge_ratio(part, above(1), of="split_seed", to="order_seed").reason
    holes = crossed(5, [0.1] * 4, rest=0.1)
    holes.loc[3, "score"] = np.nan
    assert "1 of 25" in judge_ratio(holes, above(1), of="init_seed", to="order_seed").reason


def test_a_runs_score_is_that_on_test_at_its_best_checkpoint():
    trials = pd.DataFrame([{"space": "sources", "trial": 0} | dict.fromkeys(SOURCES, 1)])
    evaluations = pd.DataFrame(
        {"space": "sources", "trial": 0, "step": [1, 2, 3],
         "validation_score": [0.5, 0.7, 0.6], "test_score": [0.4, 0.8, 0.9]}
    )  # fmt: skip
    assert source_scores(trials, evaluations)["score"].tolist() == [0.8]


def test_sources_are_shown():
    table = sources_table(source_components(crossed(7, [0.1] * 4, rest=0.1)), note="").frame
    assert table["source"].tolist() == [*SOURCES.values(), "the rest"]
    assert table["levels"].tolist() == ["7"] * 4 + [""]
