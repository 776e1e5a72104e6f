import json
import math
import warnings

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import repro
from foreign_trials import frame


def repeated(*, n=8, seeds=4, loss=False, seed=0):
    """Make a random search in which every configuration has several seeds."""
    rng = np.random.default_rng(seed)
    rates = np.repeat(10 ** rng.uniform(-5, -2, n), seeds)
    table = pd.DataFrame({"lr": rates, "seed": np.tile(range(seeds), n)})
    score = 0.9 - 0.05 * (np.log10(rates) + 3) ** 2 + rng.normal(0, 0.01, n * seeds)
    if loss:
        return table.assign(val_loss=1 - score, test_loss=1 - score)
    return table.assign(val_accuracy=score, test_accuracy=score + rng.normal(0, 0.01, n * seeds))


def test_ten_lines_answer_every_question():
    judgement = repro.judge(repeated())
    questions = judgement.answers["question"].tolist()
    assert len(questions) == len(set(questions)) == 9
    assert judgement.text == " ".join(judgement.answers["answer"])
    assert "nan" not in judgement.text
    assert "None" not in judgement.text
    assert judgement.table.frame["answer"].tolist() == judgement.answers["answer"].tolist()
    assert "<table" in judgement._repr_html_()


def test_a_loss_is_judged_as_its_mirror_image_and_shown_as_it_was():
    score, loss = repro.judge(repeated()), repro.judge(repeated(loss=True))
    assert loss.gain.value == pytest.approx(score.gain.value)
    assert (loss.gain.low, loss.gain.high) == pytest.approx((score.gain.low, score.gain.high))
    shown = loss.answers.iloc[0]
    assert shown["estimate"] == pytest.approx(1 - score.answers.iloc[0]["estimate"])
    assert shown["low"] < shown["estimate"] < shown["high"]


def test_the_order_of_names_and_of_other_columns_changes_nothing():
    table = repeated()
    again = table[table.columns[::-1]]
    assert str(repro.judge(again)) == str(repro.judge(table))


def test_what_single_runs_do_not_allow_is_refused_in_a_sentence():
    judgement = repro.judge(frame())
    assert "no interval: no configuration was trained more than once" in judgement.text
    assert "The share of seeds in the variance is not known" in judgement.text
    assert math.isnan(judgement.gain.low)


def test_one_trial_is_judged_as_far_as_it_goes():
    judgement = repro.judge(frame().iloc[:1])
    assert "The best of 1 trials" in judgement.text
    assert "Which hyperparameters matter is not known" in judgement.text
    judgement.plot_trials()
    with pytest.raises(ValueError, match="a hyperparameter that varies"):
        judgement.plot_importance()


def test_tied_trials_are_judged():
    judgement = repro.judge(frame().assign(val_accuracy=0.5))
    assert "It is the first configuration itself" in judgement.text


def test_a_search_that_learned_gets_no_tuning_curve():
    table = frame().loc[np.repeat(range(8), 4)].reset_index(drop=True)
    table["lr"] = np.arange(32) + 1.0
    table["trial"], table["val_accuracy"] = range(32), np.linspace(0.1, 0.9, 32)
    judgement = repro.judge(table)
    assert "the search learned" in judgement.curve
    with pytest.raises(ValueError, match="there must be a tuning curve, but later trials"):
        judgement.plot_curve()


def test_the_default_may_be_named():
    table = repeated()
    default = {"learning_rate": table["lr"][8]}
    judgement = repro.judge(table, default=default)
    assert judgement.default_row == 2
    assert "the default" in judgement.text
    with pytest.raises(ValueError, match="`default` must be among the trials"):
        repro.judge(table, default={"learning_rate": 1.0})
    with pytest.raises(ValueError, match="unknown hyperparameter of `default`"):
        repro.judge(table, default={"rate": 1.0})


def test_validation_examples_widen_the_interval_of_a_share_alone():
    few, without = repro.judge(repeated(), n_validation=100), repro.judge(repeated())
    assert few.gain.high - few.gain.low > without.gain.high - without.gain.low
    with pytest.raises(ValueError, match="`n_validation` must go with a share"):
        repro.judge(repeated(loss=True), n_validation=100)


def test_percent_are_judged_like_fractions():
    table = repeated()
    percent = table.assign(val_accuracy=100 * table["val_accuracy"])
    a, b = repro.judge(table, n_validation=500).gain, repro.judge(percent, n_validation=500).gain
    assert (b.low, b.high) == pytest.approx((100 * a.low, 100 * a.high))


def test_the_numbers_are_written_as_json():
    written = json.loads(repro.judge(repeated()).to_json())
    assert len(written["answers"]) == 9
    assert written["curve"][0]["n"] == 1
    assert written["n_trials"] == 32


@pytest.mark.parametrize("loss", [False, True])
def test_three_figures_are_drawn(loss):
    judgement = repro.judge(repeated(loss=loss))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        curve, importance, trials = (
            judgement.plot_curve(),
            judgement.plot_importance(),
            judgement.plot_trials(),
        )
        for ax in (curve, importance, trials):
            ax.figure.canvas.draw()
    assert curve.get_xlabel() == "configurations tried"
    best = trials.lines[0].get_ydata()[-1]
    assert best == pytest.approx(judgement.trials.sign * judgement.trials.scored["score"].max())
    mpl.pyplot.close("all")


def test_ten_thousand_trials_are_judged():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({name: rng.random(10_000) for name in "abcdef"})
    judgement = repro.judge(table.assign(val_score=rng.random(10_000)))
    assert len(judgement.curve) == 10_000
    assert "None of the hyperparameters is shown to matter" in judgement.text


def test_unknown_names_of_the_package_are_attribute_errors():
    assert {"judge", "design", "check_landing"} <= set(dir(repro))
    with pytest.raises(AttributeError, match="no attribute 'jugde'"):
        repro.jugde  # noqa: B018
