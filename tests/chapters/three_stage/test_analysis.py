"""The analysis of the course project: hand-worked numbers, properties, degenerate inputs."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from repro.chapters.strategies.analysis import incumbent_bands
from repro.chapters.three_stage import analysis, plots, tables
from repro.chapters.three_stage.claims import factor_claims, three_stage_claims
from repro.labels import FINAL_LABELS
from repro.published import load_published
from repro.records import make_table, run_key

PUBLISHED = load_published("course_project_table01")
TUNED = {"learning_rate": 1e-3, "weight_decay": 0.01, "warmup_steps": 8.0}
PARTS = pd.DataFrame(
    {
        "part": ["main effects", "interactions", "interactions minus main effects"],
        "share": [0.3, 0.1, -0.2],
        "low": [0.2, 0.0, -0.3],
        "high": [0.4, 0.2, -0.1],
    }
)


def trial(stage, number, score, *, variant="", repetition=1, seed=1, **values):
    method = {"manual": "grid", "cold": "bo", "warm": "bo"}.get(stage, "seeds")
    columns = {"space": method, "stage": stage, "variant": variant, "repetition": repetition}
    text = run_key("m", "mrpc", method, f"{stage}-{variant}", **columns)
    text |= {"trial_id": f"{text['run_id']}/trial{number:04d}", "message": "", "worker": ""}
    status = "failed" if np.isnan(score) else "completed"
    numbers = {"trial": number, "steps": 1}
    seeds = {"init_seed": seed, "order_seed": seed, "dropout_seed": seed}
    scores = {"validation_score": score, "test_score": score - 0.01}
    return text | {"status": status} | numbers | seeds | scores | TUNED | values


def study(scores=None, *, final=None):
    """Two repetitions of each search, and two fresh seeds of each final configuration."""
    scores = scores or {"manual": [0.8, 0.82], "cold": [0.7, 0.85, 0.81], "warm": [0.83]}
    rows = [
        trial(stage, number, score + 0.02 * (repetition - 1), repetition=repetition, **_values(i))
        for stage, found in scores.items()
        for repetition in (1, 2)
        for number, (i, score) in enumerate(enumerate(found))
    ]
    for place, name in enumerate(FINAL_LABELS):
        found = (final or {}).get(name, (0.80 + 0.01 * place, 0.82 + 0.01 * place))
        rows += [trial("final", i, s, variant=name, seed=100 + i) for i, s in enumerate(found)]
    return make_table("trials", rows)


def _values(i):
    return {"learning_rate": (1e-3, 2e-3, 3e-3)[i]}


def test_the_printed_accuracies_are_347_350_and_348_right_of_408():
    printed = analysis.printed_accuracies(PUBLISHED).set_index("method")
    assert printed["n_right"].to_dict() == {"baseline": 347, "manual": 350, "automatic": 348}
    # Wilson by hand for 347 of 408: (p + z²/2n ± z sqrt(p q / n + z²/4n²)) / (1 + z²/n)
    p, n, z = 347 / 408, 408, 1.959964
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    row = printed.loc["baseline"]
    assert (row["low"], row["high"]) == pytest.approx((middle - half, middle + half), abs=1e-6)


def test_an_accuracy_of_no_whole_number_is_refused():
    odd = pd.DataFrame({"method": ["a"], "score": [85.1]})
    with pytest.raises(ValueError, match="whole number of 408 examples, but 0.85100 is not"):
        analysis.printed_accuracies(odd)


def test_the_chance_of_a_gap_by_hand():
    # two examples, always just one model right: differences -2, 0, 2 with 1/4, 1/2, 1/4
    assert analysis.chance_of_gap(2, n=2, disagreement=1.0) == pytest.approx(0.5)
    # one example: 1/10 for either side
    assert analysis.chance_of_gap(1, n=1, disagreement=0.2) == pytest.approx(0.2)
    assert analysis.chance_of_gap(1, n=50, disagreement=0.0) == 0.0
    assert analysis.chance_of_gap(0, n=50, disagreement=0.3) == pytest.approx(1.0)


def test_independent_models_differ_as_two_binomials_do():
    n, p = 60, 0.85
    pmf = binom.pmf(np.arange(n + 1), n, p)
    gaps = np.abs(np.arange(n + 1)[:, None] - np.arange(n + 1))
    expected = np.outer(pmf, pmf)[gaps >= 3].sum()
    found = analysis.chance_of_gap(3, n=n, disagreement=2 * p * (1 - p))
    assert found == pytest.approx(expected)


def test_a_larger_gap_is_rarer_and_more_disagreement_makes_it_commoner():
    chances = [analysis.chance_of_gap(gap, n=408, disagreement=0.1) for gap in (1, 3, 10, 30)]
    assert chances == sorted(chances, reverse=True)
    chances = [analysis.chance_of_gap(3, n=408, disagreement=d) for d in (0.01, 0.1, 0.5)]
    assert chances == sorted(chances)
    with pytest.raises(ValueError, match="`disagreement` must be a share .* but got 1.5"):
        analysis.chance_of_gap(3, n=408, disagreement=1.5)


def test_mean_disagreement_by_hand():
    # right: a 1 1 0 0, b 1 0 1 0, c 1 1 0 0: pairs ab 2/4, bc 2/4, ac 0: mean 1/3
    labels = pd.Series([1, 1, 1, 1])
    answers = pd.DataFrame({"a": [1, 1, 0, 0], "b": [1, 0, 1, 0], "c": [1, 1, 0, 0]})
    assert analysis.mean_disagreement(answers, labels) == pytest.approx(1 / 3)
    assert np.isnan(analysis.mean_disagreement(answers[["a"]], labels))
    assert np.isnan(analysis.mean_disagreement(answers[[]], labels))


def test_sweep_curves_rise_and_count_trials():
    curves = analysis.sweep_curves(study())
    cold = curves[(curves["stage"] == "cold") & (curves["repetition"] == 1)]
    assert cold["spent"].tolist() == [1, 2, 3]
    assert cold["incumbent_score"].tolist() == [0.7, 0.85, 0.85]
    assert set(curves["stage"]) == {"cold", "warm"}
    shuffled = study().sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(curves, analysis.sweep_curves(shuffled))


def test_late_gains_by_hand():
    # a quarter of eight trials is two: 0.9 after them, 0.8 before
    rising = [0.7, 0.8, 0.7, 0.7, 0.7, 0.8, 0.9, 0.8]
    trials = make_table("trials", [trial("cold", i, s) for i, s in enumerate(rising)])
    gains = analysis.late_gains(analysis.sweep_curves(trials))
    assert gains["difference"].tolist() == pytest.approx([0.1])
    assert gains["n_late"].tolist() == [2]
    one = analysis.late_gains(analysis.sweep_curves(trials.head(1)))
    assert one["difference"].isna().all()
    late = [np.nan] * 6 + [0.9, 0.8]
    trials = make_table("trials", [trial("cold", i, s) for i, s in enumerate(late)])
    curves = analysis.sweep_curves(trials)
    assert curves["spent"].tolist() == [7, 8]
    assert analysis.late_gains(curves)["difference"].isna().all()


def test_final_pairs_and_search_pairs_by_hand():
    trials = study()
    pairs = analysis.final_pairs(trials, "manual", "baseline")
    assert pairs["difference"].tolist() == pytest.approx([0.01] * 4)  # two seeds, two splits
    searched = analysis.search_pairs(trials, "cold", "manual")
    assert searched["difference"].tolist() == pytest.approx([0.03] * 4)
    # the grid's trial 0 has the baseline's values, its best one scores 0.02 more
    own = analysis.search_pairs(trials, "manual", "baseline")
    assert own["difference"].tolist() == pytest.approx([0.02] * 4)


def test_a_final_trial_that_failed_is_counted_and_leaves_its_pair():
    trials = study(final={"warm": (np.nan, 0.9)})
    final = analysis.final_scores(trials).set_index(["configuration", "split"])
    row = final.loc["warm", "validation"]
    assert (row["mean"], row["n"], row["n_missing"]) == (0.9, 1, 1) and np.isnan(row["low"])
    pairs = analysis.final_pairs(trials, "warm", "cold")
    assert pairs["difference"].isna().sum() == 2
    assert (
        "(1 failed)"
        in tables.final_table(final.reset_index(), PUBLISHED, {}, note="").to_markdown()
    )


EFFECTS = pd.DataFrame(
    {
        "candidate": ["learning rate", "warm-up steps", "warm-up steps", "weight decay"],
        "direction": ["lower", "lower", "higher", "higher"],
        "value": [1e-5, 4.0, 16.0, 0.1],
        "difference": [-0.05, 0.02, 0.01, 0.0],
        "low": [-0.06, 0.01, 0.005, 0.0],
        "high": [-0.04, 0.03, 0.02, 0.0],
        "n": 8,
        "n_failed": [0, 0, 0, 2],
    }
)
RANKS = pd.DataFrame(
    {
        "candidate": ["learning rate", "warm-up steps", "weight decay"],
        "rank": [1.0, 2.0, 3.0],
        "top_share": [1.0, 0.97, 0.5],
        "above_noise": [True, True, False],
    }
)


def test_claims_about_single_factors_follow_their_intervals():
    agrees = [row["agrees"] for row in factor_claims(EFFECTS, RANKS, RANKS.head(1))]
    # three: one is in half of the resamples only; most impact; fewer; more (worse); more decay
    assert agrees == [None, True, True, False, None]
    out = RANKS.assign(top_share=[1.0, 1.0, 0.01])
    assert factor_claims(EFFECTS, out, RANKS.head(1))[0]["agrees"] is False
    sure = RANKS.assign(top_share=1.0)
    assert factor_claims(EFFECTS, sure, RANKS.head(1))[0]["agrees"] is True


def test_claims_about_stages_follow_their_intervals():
    rows = three_stage_claims(study(), published=PUBLISHED, parts=PARTS)
    agrees = {row["claim"]: row["agrees"] for row in rows}
    found = {name: next(a for c, a in agrees.items() if c.startswith(name)) for name in _CLAIMS}
    assert found == _CLAIMS
    assert rows[0]["paper"] == "+0.73 points" and "n = 2 repetitions" in rows[0]["claim"]


_CLAIMS = {
    "Manual tuning beats the baseline, best": True,
    "Manual tuning beats the cold sweep, best": False,
    "A sweep warm-started from the manual results beats the cold sweep, best": False,
    "A sweep warm-started from the manual results beats the cold sweep, chosen": True,
    "The sweep still improves": False,
    "Improvements arise mainly from interactions": False,
}


def test_where_all_failed_nothing_is_decided_and_everything_is_drawn(tmp_path):
    nothing = {name: (np.nan, np.nan) for name in FINAL_LABELS}
    scores = {"manual": [np.nan, np.nan], "cold": [np.nan] * 3, "warm": [np.nan]}
    trials = study(scores, final=nothing)
    parts = PARTS.assign(low=np.nan)
    claims = three_stage_claims(trials, published=PUBLISHED, parts=parts)
    assert {row["agrees"] for row in claims} == {None}
    empty = EFFECTS.assign(low=np.nan), RANKS.assign(rank=np.nan, top_share=0.0)
    assert factor_claims(*empty, empty[1])[0]["here"] == "no scores"
    final = analysis.final_scores(trials)
    assert final["mean"].isna().all() and (final["n_missing"] == 2).all()
    for figure in (
        plots.figure_final(trials, final),
        plots.figure_manual_grid(analysis.manual_means(trials)),
        plots.plot_sweeps(analysis.sweep_curves(trials), analysis.sweep_curves(trials)[:0]).figure,
    ):
        figure.savefig(tmp_path / "figure.png")


def test_the_figures_show_what_they_are_given(tmp_path):
    trials = study()
    curves = analysis.sweep_curves(trials)
    ax = plots.plot_sweeps(curves, incumbent_bands(curves, n_points=3), manual=0.82)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["cold sweep", "sweep told the manual results", "manual grid's best, mean"]
    final = analysis.final_scores(trials)
    figure = plots.figure_final(trials, final)
    labels = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert labels == list(FINAL_LABELS.values())
    means = analysis.manual_means(trials)
    assert means["mean"].tolist() == pytest.approx([0.81, 0.83]) and (means["n"] == 2).all()
    grid = plots.figure_manual_grid(means)
    assert [text.get_text() for text in grid.axes[0].texts] == ["81.0", "83.0"]
    for drawn in (figure, grid, ax.figure):
        drawn.savefig(tmp_path / "figure.png")


def test_tables_say_what_they_hold():
    printed = analysis.printed_accuracies(PUBLISHED)
    assert "347 of 408" in tables.printed_table(printed).to_markdown()
    gaps = tables.gaps_table(printed, {"half": 0.5}).data
    assert gaps["gap"].tolist() == [3, 1, 2]
    text = tables.effects_table(EFFECTS, RANKS, note="").to_markdown()
    assert "0.1: +0.0 [+0.0, +0.0] (2 failed)" in text and "97%" in text
    table = tables.final_table(analysis.final_scores(study()), PUBLISHED, {"cold": 0.9}, note="")
    row = table.frame.set_index("configuration").loc["cold sweep's best"]
    assert (row["when chosen"], row["project, once"]) == ("90.0", "85.294")
