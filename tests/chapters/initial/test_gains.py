"""Gains over grid search, and what is said of them."""

import pandas as pd
import pytest

from repro.chapters.initial.gains import describe_gains, printed_gains


def frame(*rows, source="paper"):
    """Lay out (validation gain, its error, test gain, its error) of tuning runs."""
    names = ["validation_gain", "validation_error", "test_gain", "test_error"]
    return pd.DataFrame(rows, columns=names).assign(source=source)


def test_printed_repetitions_have_gains_and_errors():
    rows = printed_gains()
    assert len(rows) > 150 and rows.notna().all(axis=None)
    # Table 10, WNLI, random search, round 0: 57.7/62.3 against grid search's 56.3/65.1
    first = rows.query("model == 'electra-base' and task == 'wnli' and method == 'rs'").iloc[0]
    assert first["validation_gain"] == pytest.approx(0.014)
    assert first["test_gain"] == pytest.approx(-0.028)
    # 71 validation examples: sqrt(2 * .563 * .437 / 71)
    assert first["validation_error"] == pytest.approx(0.0832, abs=1e-4)


def test_what_overfits_is_counted_with_its_errors():
    rows = frame((0.02, 0.01, -0.03, 0.01), (0.02, 0.05, -0.01, 0.01), (0.01, 0.1, 0.01, 0.1))
    text = describe_gains(rows)
    assert text.startswith("2 of 3 printed repetitions overfit")
    assert "of these 1 gained more than one standard error on validation and 1 lost" in text


def test_the_sentence_turns_with_the_numbers():
    text = describe_gains(frame((0.02, 0.05, -0.01, 0.01), source="here"))
    assert text.startswith("1 of 1 tuning runs here overfit")
    assert "none gained" in text and "none lost" in text
    assert describe_gains(frame()) == "No tuning run has a score on both splits."
