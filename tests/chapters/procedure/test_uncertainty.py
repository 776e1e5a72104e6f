"""Standard errors over examples, and verdicts by chance: hand-worked."""

import numpy as np
import pandas as pd
import pytest

from repro.chapters.procedure.rules import Rule, judge_rounds
from repro.chapters.procedure.uncertainty import (
    published_uncertainty,
    sign_uncertainty,
    simulate_verdicts,
    verdicts_by_chance,
)
from repro.published import published_rounds
from repro.records import METRICS
from repro.stats.incumbents import SPLITS

OFF = Rule(weak="off")


def simulate(pool, n_draws, **changes):
    settings = {"rule": OFF, "shape": (40_000, 3)}
    settings |= {"rng": np.random.default_rng(0)} | changes
    return simulate_verdicts(np.asarray(pool, float), n_draws, **settings)


def test_chance_alone_overfits_in_half_of_the_rounds_when_test_scores_say_nothing():
    # One draw each; validation and test independent and uniform: given grid's (u, v), one
    # repetition overfits with probability (1 - u) v. So with three, one minus the mean of
    # (1 - ab)^3 over uniform a and b: 3/4 - 3/9 + 1/16 = 23/48.
    rng = np.random.default_rng(1)
    found = simulate(rng.random((5000, 3)), 1)
    assert found["p_overfits"] == pytest.approx(23 / 48, abs=0.01)
    assert sum(found.values()) == pytest.approx(1)


def test_scores_that_agree_never_overfit_and_equal_ones_give_no_verdict():
    ranks = np.linspace(0, 1, 1000)
    agree = simulate(np.stack([ranks, ranks, ranks], axis=1), 4)
    assert agree["p_overfits"] == 0
    assert agree["p_succeeds"] == pytest.approx(0.5, abs=0.1)
    tied = simulate(np.ones((10, 3)), 4)
    assert tied == {"p_overfits": 0, "p_succeeds": 0, "p_neither": 1}


def test_the_best_of_many_draws_is_the_pools_best():
    pool = [[0.1, 0.9, 0.5], [0.9, 0.1, 0.5]]
    # grid draws one: whichever it is, each repetition of one draw overfits if it takes the other
    # while grid holds the first: 1/2 * (1 - 1/2**3)
    assert simulate(pool, 1)["p_overfits"] == pytest.approx(0.5 * 7 / 8, abs=0.01)
    assert simulate(pool, 200)["p_overfits"] == 0


def test_ties_overfit_weakly_by_rule():
    pool = [[0.5, 0.1, 0.2], [0.5, 0.9, 0.8]]  # the second is better on test, worse in loss
    shares = [simulate(pool, 1, rule=Rule(weak=w))["p_overfits"] for w in ("off", "tie", "loss")]
    assert shares == pytest.approx([0, 7 / 16, 7 / 16], abs=0.01)
    pool[0][2] = 0.9
    assert simulate(pool, 1, rule=Rule(weak="loss"))["p_overfits"] == 0


def test_a_pool_without_trials_is_refused():
    with pytest.raises(ValueError, match="a pool must hold trials.*0 trials and 2 draws"):
        simulate(np.empty((0, 3)), 2)


def test_the_bootstrap_is_the_binomial_error_for_accuracy():
    # 100 examples; the run is right on 80, grid on 75 of these and no other.
    frames = {name: _predictions(n_right) for name, n_right in (("run", 80), ("grid", 75))}
    judged, best = _judged(0.80, 0.75)
    found = sign_uncertainty(judged, best, frames.__getitem__, n_resamples=4000).iloc[0]
    assert found["se_validation"] == pytest.approx(np.sqrt(0.8 * 0.2 / 100), rel=0.05)
    # the difference is 1 on five examples, 0 elsewhere
    assert found["se_validation_difference"] == pytest.approx(np.sqrt(0.05 * 0.95 / 100), rel=0.05)
    # both splits are alike here, and the run is above grid search on both: it cannot overfit
    assert found["verdict"] == "no"
    assert found["p_wrong"] == pytest.approx(found["p_overfits"])
    assert found["p_overfits"] < 0.02
    nothing = sign_uncertainty(judged.iloc[:0], best, frames.__getitem__)  # where none overfits
    assert nothing.empty and set(nothing) == set(found.index)


def _predictions(n_right):
    parts = []
    for split in ("validation", "test"):
        frame = pd.DataFrame({"index": range(100), "label": 1, "split": split})
        parts.append(frame.assign(checkpoint="best", prediction=(np.arange(100) < n_right) * 1))
    return pd.concat(parts)


def _judged(ours, grids, metric="accuracy"):
    rows = [("run", "rs", 1, ours), ("grid", "grid", 1, grids)]
    best = pd.DataFrame(rows, columns=["run_id", "method", "repetition", "validation_score"])
    best = best.assign(model="m", task="t", round=0, test_score=best["validation_score"])
    scores = {f"validation_{m}": np.nan for m in METRICS}
    scores |= {"validation_loss": 0.5, f"validation_{metric}": best["validation_score"]}
    best = best.assign(**scores)
    return judge_rounds(best, Rule()), best


def test_f1_of_three_classes_is_the_mean_over_classes():
    # The run errs on classes 0 and 2 alone, grid search on none: class 1 sees no difference.
    labels = np.arange(90) % 3
    confused = np.where(labels == 1, 1, 0)  # F1 of the classes: 2/3, 1 and 0; their mean 5/9
    parts = [pd.DataFrame({"index": range(90), "label": labels, "split": s}) for s in SPLITS]
    frame = pd.concat(parts).assign(checkpoint="best")
    frames = {"run": frame.assign(prediction=np.tile(confused, 2))}
    frames["grid"] = frame.assign(prediction=frame["label"])
    judged, best = _judged(5 / 9, 1.0, metric="f1")
    found = sign_uncertainty(judged, best, frames.__getitem__).iloc[0]
    assert found["se_validation"] == pytest.approx(found["se_validation_difference"])
    assert 0.005 < found["se_validation"] < 0.05


def test_predictions_of_other_examples_are_refused():
    judged, best = _judged(0.80, 0.75)
    frames = {"run": _predictions(80), "grid": _predictions(75).query("index < 90")}
    with pytest.raises(ValueError, match="same validation examples .* 100 and 90, 90 in common"):
        sign_uncertainty(judged, best, frames.__getitem__)


def test_published_errors_are_the_facts():
    # reference: near the reported level WNLI 5.9 points, RTE 2.2, MRPC 1.5, SST-2 0.7, QNLI 0.3
    judged = judge_rounds(published_rounds(), Rule(weak="tie"))
    found = published_uncertainty(judged)
    errors = 100 * found.groupby("task")["se_validation"].mean()
    facts = {"wnli": 5.9, "rte": 2.2, "mrpc": 1.5, "sst2": 0.7, "qnli": 0.3}
    assert errors[list(facts)].to_dict() == pytest.approx(facts, abs=0.15)
    assert found.loc[found["verdict"] == "overfits", "within"].all()
    clear = {"validation_score": 0.9, "grid_validation_score": 0.3}
    clear = judged.assign(**clear, test_score=0.3, grid_test_score=0.9)
    assert not published_uncertainty(clear)["within"].any()


def test_trials_are_pooled_by_model_and_task():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        rng.random((60, 3)), columns=["validation_score", "test_score", "validation_loss"]
    )
    frame = frame.assign(
        model="m",
        task=["a", "b"] * 30,
        method=["grid"] * 6 + ["rs"] * 54,
        status=["completed"] * 50 + ["stopped"] * 10,
    )
    found = verdicts_by_chance(frame, OFF, n_simulations=500)
    assert found[["n_pool", "n_draws"]].to_numpy().tolist() == [[25, 3], [25, 3]]
    pd.testing.assert_frame_equal(found, verdicts_by_chance(frame, OFF, n_simulations=500))
