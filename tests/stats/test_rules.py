"""Rules: worked by hand, equal to known tests, careful with bad input, and calibrated.

The calibration draws data of the studies' shapes in which nothing is there, and counts how often a
rule decides. Each rate comes from N_SIMULATIONS draws: one of exactly 5 % would pass TOLERANCE with
probability .999.
"""

import functools
import math

import numpy as np
import pytest
from scipy.stats import binom, binomtest, norm, ttest_1samp, ttest_ind

from repro.stats.decisions import LEVEL, above, below, correct, runs_needed, within
from repro.stats.rules import (
    correlation,
    every,
    exists,
    from_error,
    jackknife,
    mean,
    recount,
    score_error,
    share,
    some,
)
from repro.stats.variance_components import variance_ratio

NAN = float("nan")
N_SIMULATIONS = 1000
TOLERANCE = binom.ppf(0.999, N_SIMULATIONS, LEVEL) / N_SIMULATIONS  # 7.3 %
TASKS = ("wnli", "rte", "mrpc", "cola", "stsb", "sst2", "qnli", "mnli")
# How a study's scores are spread: like a normal distribution; with long tails; skew; of test sets
# so small that most differences tie; with a fifth of the runs failing; the best of six trials.
SCORES = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "long tails": lambda rng, shape: rng.standard_t(3, size=shape),
    "skew": lambda rng, shape: rng.exponential(size=shape),
    "ties": lambda rng, shape: np.round(0.7 * rng.normal(size=shape)),
    "failures": lambda rng, shape: -3.0 * (rng.random(shape) < 0.2) + 0.1 * rng.normal(size=shape),
    "best of six": lambda rng, shape: rng.normal(size=(6, *shape)).max(axis=0),
}
UNLIKE = np.array([1, 3, 0.3, 1, 2, 0.5, 1, 1])  # how far scores spread, by task


def rate_of_decisions(draw, *, n=N_SIMULATIONS, seed=0):
    rng = np.random.default_rng(seed)
    return np.mean([draw(rng).p <= LEVEL for _ in range(n)])


def by_task(values):
    return dict(zip(TASKS, values, strict=False))


# Worked by hand, and against known tests


def test_the_mean_of_one_task_is_a_t_test():
    values = [0.4, 1.3, -0.2, 0.9, 1.1, 0.1]
    found = mean({"rte": values}, above(), tasks="fixed")
    known = ttest_1samp(values, 0)
    assert (found.value, found.p) == pytest.approx((0.6, known.pvalue))
    assert (found.low, found.high) == pytest.approx(tuple(known.confidence_interval(0.95)))
    assert (found.n, found.units) == (6, "repetitions")


def test_the_errors_of_fixed_tasks_add_up():
    # Tasks with variances 1 and 4 of three repetitions: the mean of both has the variance
    # (1 / 3 + 4 / 3) / 4 = 5 / 12, and (5/12)^2 / ((1/12)^2 / 2 + (4/12)^2 / 2) = 50 / 17 degrees
    # of freedom, as Welch's test of the difference of two groups has.
    rte, mrpc = [1.0, 2.0, 3.0], [0.0, 2.0, 4.0]
    found = mean({"rte": rte, "mrpc": mrpc}, above(), tasks="fixed")
    assert found.value == pytest.approx(2)
    assert found.spread.error == pytest.approx(math.sqrt(5 / 12))
    assert found.spread.df == pytest.approx(50 / 17)
    welch = ttest_ind(rte, -np.array(mrpc), equal_var=False)
    assert found.p == pytest.approx(welch.pvalue)


def test_in_a_sample_of_tasks_the_tasks_are_what_counts():
    means = [0.4, 1.3, -0.2, 0.9, 1.1]
    values = {task: [m - 0.1, m, m + 0.1] for task, m in zip(TASKS, means, strict=False)}
    found = mean(values, above(), tasks="sample")
    assert found.p == pytest.approx(ttest_1samp(means, 0).pvalue)
    assert (found.n, found.units) == (5, "tasks")


def test_the_error_of_a_shared_run_does_not_average_out():
    # 100 repetitions with standard deviation 1 have an error of .1 between them; that of the one
    # grid search, .5, stays: the error is sqrt(.1^2 + .5^2) = .51.
    values = np.tile([-1.0, 1.0], 50) * math.sqrt(99 / 100) + 0.8
    alone = mean({"rte": values}, above(), tasks="fixed")
    shared = mean({"rte": values}, above(), tasks="fixed", shared={"rte": 0.5})
    assert alone.low > 0.59
    assert (shared.high - shared.low) / 2 == pytest.approx(1.96 * 0.51, rel=0.01)
    assert runs_needed(shared) == "none: the error that all repetitions share is too large"
    unknown = mean({"rte": values}, above(), tasks="fixed", shared="unknown")
    assert unknown.p == 1 and "whose own error is not known" in unknown.reason


def test_one_of_four_like_runs_is_the_lowest_in_a_quarter_of_cases():
    # Three repetitions above the one grid search on each of two tasks: were it one of them, it
    # would have been the lowest on both in 1 of 4 x 4 cases.
    values = {"rte": [0.5, 0.6, 0.7], "mrpc": [0.5, 0.6, 0.7]}
    found = mean(values, above(), tasks="fixed", shared="alike")
    assert found.p_for == pytest.approx(1 / 16)


def test_a_share_is_binomial_and_a_group_is_one_run():
    known = binomtest(9, 10, 0.5)
    found = share([1] * 9 + [0], above(0.5), units="runs")
    assert found.p == pytest.approx(known.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(known.proportion_ci()))
    grouped = {task: [1, 1, 1] for task in TASKS[:4]} | {"sst2": [0, 0, 0]}
    assert share(grouped, above(0.5), units="tasks").p == binomtest(4, 5, 0.5).pvalue


def test_one_case_shows_that_something_exists_and_none_of_n_that_it_is_rare():
    assert exists([0] * 30 + [1], 0.05, units="runs").p == 0
    never = exists([0] * 72, 0.05, units="runs")
    assert never.p_against == pytest.approx(0.95**72) and never.p_for == 1
    assert exists([0] * 3, 0.05, units="runs").p == 1  # .95^3 = .86


def test_of_several_cases_the_best_must_stand_out_of_all():
    cases = [from_error(v, 1, above(), n=100, units="examples") for v in (0.0, 2.5, -1.0)]
    p = [c.p_for for c in cases]
    assert some(cases).p_for == pytest.approx(3 * p[1])
    assert some(cases).p_against == max(c.p_against for c in cases)
    assert every(cases).p_for == max(p)
    assert every(cases).p_against == pytest.approx(3 * cases[2].p_against)


def test_what_is_true_of_one_case_is_not_taken_for_true_of_one_that_nobody_knows():
    shown, unknown = exists([0, 1], 0.05, units="runs"), exists([NAN], 0.05, units="runs")
    assert shown.p_for == 0
    for cases in ([shown, unknown], [unknown, shown]):
        assert every(cases).p_for == 1
        assert some(cases).p_for == 0
    assert "no score" in every([unknown, unknown]).reason


def test_a_score_s_error_over_examples():
    # a share of .8 of 100 examples: sqrt(.8 * .2 / 100); r = .6 of 65: .64 / 8
    assert score_error(0.8, metric="accuracy", n=100) == pytest.approx(0.04)
    assert score_error(0.6, metric="matthews", n=65) == pytest.approx(0.08)


def test_equivalence_is_two_one_sided_tests():
    regions = within(-1, 1), above(-1), below(1)
    found, *sides = (from_error(0.2, 0.3, r, n=9, units="runs", df=8) for r in regions)
    assert found.p_for == max(side.p_for for side in sides)
    assert found.p_against == min(1, 2 * min(side.p_against for side in sides))


def test_pearson_is_fishers_z_where_scores_are_normal():
    # r = .5 of 28 pairs: atanh(.5) +- t(26) / sqrt(25), unless the jackknife's error is larger
    rng = np.random.default_rng(1)
    x = rng.normal(size=28)
    y = x / x.std() + math.sqrt(3) * rng.normal(size=28)
    found = correlation(x, y, above(), units="trials", kind="pearson")
    assert found.value == pytest.approx(np.corrcoef(x, y)[0, 1])
    width = math.atanh(found.high) - math.atanh(found.low)
    assert 2 * 2.0555 / 5 <= width + 1e-4 < 1.5 * 2 * 2.0555 / 5


def test_groups_of_trials_left_out_give_about_the_error_of_single_ones():
    # Fisher's z of 225 normal pairs: +- t(223) / sqrt(222)
    z = np.random.default_rng(0).normal(size=(2, 225))
    found = correlation(*z, above(), units="trials", kind="pearson")
    half = (math.atanh(found.high) - math.atanh(found.low)) / 2
    assert half == pytest.approx(1.9707 / math.sqrt(222), rel=0.1)


def test_the_jackknife_of_a_mean_is_students():
    values = np.array([0.4, 1.3, -0.2, 0.9, 1.1, 0.1])
    without = (values.sum() - values) / 5
    found = jackknife(values.mean(), without, above(), units="runs")
    assert found.p == pytest.approx(ttest_1samp(values, 0).pvalue)


def test_a_count_of_what_is_printed_is_certain():
    seven = within(6.5, 7.5)
    six, right = (recount(k, seven, n=13, units="cases") for k in (6, 7))
    assert (six.p_for, six.p_against) == (1, 0)
    assert (right.p_for, right.p_against) == (0, 1)


# Bad input


@pytest.mark.parametrize(
    ("values", "tasks", "reason"),
    [
        ({}, "fixed", "no runs"),
        ({"rte": []}, "fixed", "no runs"),
        ({"rte": [0.1, NAN, 0.2, 0.3, 0.1, 0.2]}, "fixed", "1 of 6 runs have no score"),
        ({"rte": [0.1] * 3}, "fixed", "3 repetitions, fewer than 5"),
        ({"rte": [0.1] * 9}, "fixed", "all values are equal"),
        ({t: [0.1, 0.1] for t in TASKS}, "fixed", "all values are equal"),
        ({t: [0.1] for t in TASKS}, "fixed", "one repetition of a task"),
        ({t: [0.1, 0.2] for t in TASKS[:4]}, "sample", "4 tasks, fewer than 5"),
        ({t: [0.1, 0.2] for t in TASKS}, "sample", "all values are equal"),
    ],
)
def test_bad_input_of_a_mean_decides_nothing_and_says_why(values, tasks, reason):
    found = mean(values, above(), tasks=tasks)
    assert found.p == 1 and math.isnan(found.low) and reason in found.reason


def test_bad_input_of_the_other_rules_decides_nothing_and_says_why():
    half = [0.0, NAN, 1.0, 1.0, 1.0, 1.0]
    found = [
        share(half, above(0.5), units="runs"),
        share([], above(0.5), units="runs"),
        exists({"rte": []}, 0.1, units="runs"),
        correlation(half, half, above(), units="trials"),
        correlation([1] * 9, range(9), above(), units="trials"),
        correlation(range(4), range(4), above(), units="trials"),
        jackknife(0.5, half, above(), units="seeds"),
        jackknife(0.5, [0.5] * 9, above(), units="seeds"),
        from_error(NAN, 1, above(), n=9, units="runs"),
    ]
    assert [e.p for e in found] == [1] * len(found)
    assert [e.reason == "" for e in found] == [False] * len(found)


def test_words_that_a_rule_does_not_know_are_refused():
    with pytest.raises(ValueError, match="unknown value of `tasks` 'some'.*known: fixed, sample"):
        mean({"rte": [1, 2]}, above(), tasks="some")
    with pytest.raises(ValueError, match="for every task, but .'mrpc'. have none"):
        mean({"rte": [1], "mrpc": [2]}, above(), tasks="fixed", shared={"rte": 1})
    with pytest.raises(ValueError, match="unknown value of `shared` 'none'.*known: alike, unknown"):
        mean({"rte": [1, 2]}, above(), tasks="fixed", shared="none")
    with pytest.raises(ValueError, match="unknown kind of correlation 'kendall'.*known: spearman"):
        correlation([1], [1], above(), units="trials", kind="kendall")
    with pytest.raises(ValueError, match="at least one claim"):
        some([])


# Calibration


# tasks and repetitions: mini, paper (two models), and one task with fresh seeds of mini and paper
@pytest.mark.parametrize("shape", [(5, 3), (8, 3), (2, 3), (1, 6), (1, 12), (1, 20)], ids=str)
@pytest.mark.parametrize("scores", SCORES)
def test_a_mean_over_fixed_tasks_of_two_like_methods_is_seldom_decided(scores, shape):
    def draw(rng):
        pairs = SCORES[scores](rng, shape) - SCORES[scores](rng, shape)
        return mean(by_task(pairs * UNLIKE[: shape[0], None]), above(), tasks="fixed")

    assert rate_of_decisions(draw) <= TOLERANCE


@pytest.mark.parametrize("shape", [(1, 3), (2, 2), (1, 2), (1, 1)], ids=str)
def test_what_laptop_and_single_tasks_have_is_never_decided(shape):
    rng = np.random.default_rng(0)
    found = mean(by_task(rng.normal(1, 1e-3, shape)), above(), tasks="fixed")
    assert found.p == 1 and "fewer than 5" in found.reason


@pytest.mark.parametrize("shape", [(5, 3), (8, 3), (2, 3)], ids=str)
@pytest.mark.parametrize("scores", SCORES)
def test_one_grid_search_for_all_repetitions_does_not_decide_by_its_luck(scores, shape):
    def draw(rng, shared="alike"):
        pairs = SCORES[scores](rng, shape) - SCORES[scores](rng, (shape[0], 1))
        pairs = pairs * UNLIKE[: shape[0], None]
        return mean(by_task(pairs), above(), tasks="fixed", shared=shared)

    assert rate_of_decisions(draw) <= TOLERANCE
    if scores == "normal":  # and this is what it is for
        assert rate_of_decisions(functools.partial(draw, shared=None), n=200) > 0.12


def test_a_known_error_of_the_one_grid_search_is_enough():
    def draw(rng):
        pairs = rng.normal(size=(5, 3)) - 0.8 * rng.normal(size=(5, 1))
        return mean(by_task(pairs), above(), tasks="fixed", shared=dict.fromkeys(TASKS, 0.8))

    assert rate_of_decisions(draw) <= TOLERANCE


@pytest.mark.parametrize("n_tasks", [5, 8])
@pytest.mark.parametrize("scores", SCORES)
def test_a_sample_of_tasks_is_seldom_decided_whatever_its_repetitions_share(scores, n_tasks):
    # intraclass correlation .5 of the repetitions' differences, and one grid search for all
    def draw(rng):
        own, grid, task, other = (SCORES[scores](rng, (n_tasks, k)) for k in (3, 1, 1, 1))
        return mean(by_task(own - grid + task - other), above(), tasks="sample")

    assert rate_of_decisions(draw) <= TOLERANCE


@pytest.mark.parametrize("correlated", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("truth", [0.1, 0.2, 0.5])
@pytest.mark.parametrize("shape", [(5, 9), (13, 3), (22, 3)], ids=str)
def test_a_share_of_runs_in_groups_is_seldom_decided_at_its_true_value(shape, truth, correlated):
    scale = (1 - correlated) / correlated  # beta-binomial with this intraclass correlation

    def draw(rng):
        chances = rng.beta(truth * scale, (1 - truth) * scale, shape[0])
        hits = rng.random(shape) < chances[:, None]
        return share(dict(enumerate(hits)), above(truth), units="tasks")

    assert rate_of_decisions(draw) <= TOLERANCE


@pytest.mark.parametrize("n", [12, 20, 64])
@pytest.mark.parametrize("spread", ["normal", "skew", "ties", "failures"])
@pytest.mark.parametrize("kind", ["spearman", "pearson"])
def test_a_correlation_of_nothing_is_seldom_decided(kind, spread, n):
    def draw(rng):
        return correlation(*SCORES[spread](rng, (2, n)), above(), units="trials", kind=kind)

    assert rate_of_decisions(draw, n=400) <= binom.ppf(0.999, 400, LEVEL) / 400


@pytest.mark.parametrize("n", [18, 64])
def test_the_best_so_far_is_held_against_what_noise_alone_gives(n):
    # Of 30 evaluations of nothing but noise, the best of 10 and the best of 30 correlate by .45.
    rng = np.random.default_rng(0)
    best = np.maximum.accumulate(rng.normal(size=(20_000, 30)), axis=1)
    by_noise = correlation(best[:2000, 9], best[:2000, 29], above(), units="trials").value

    def draw(rng, bound=by_noise):
        best = np.maximum.accumulate(rng.normal(size=(n, 30)), axis=1)
        return correlation(best[:, 9], best[:, 29], above(bound), units="trials")

    assert 0.4 < by_noise < 0.5
    assert rate_of_decisions(draw, n=100) <= binom.ppf(0.999, 100, LEVEL) / 100
    if n == 64:  # against 0 pure noise passes for a signal
        assert rate_of_decisions(functools.partial(draw, bound=0), n=40) > 0.8


@pytest.mark.parametrize("shape", [(5, 5), (8, 8), (15, 15)], ids=str)
@pytest.mark.parametrize("scores", ["normal", "ties", "failures"])
def test_components_of_variance_are_seldom_decided_at_their_true_ratio(scores, shape):
    n, m = shape
    spread = SCORES[scores](np.random.default_rng(9), (100_000,)).std()

    def draw(rng, rows, region, to):
        noise = SCORES[scores](rng, shape) / spread
        table = noise + rows * rng.normal(size=(n, 1)) + 0.5 * rng.normal(size=(1, m))
        return variance_ratio(table, region, of="rows", to=to, units="seeds")

    limit = binom.ppf(0.999, 250, LEVEL) / 250
    none = functools.partial(draw, rows=0, region=above(0), to="rest")
    alike = functools.partial(draw, rows=0.5, region=above(1), to="columns")
    assert rate_of_decisions(none, n=250) <= limit
    assert rate_of_decisions(alike, n=250) <= limit


def test_configurations_against_seeds_are_seldom_decided_at_their_true_ratio():
    def draw(rng):  # the article's 18 configurations with three seeds, each as strong as seeds
        table = rng.normal(size=(18, 1)) + 0.6 * rng.normal(size=(1, 3))
        table = table + 0.8 * rng.normal(size=(18, 3))
        return variance_ratio(table, above(1), of="rows", to="columns and rest", units="points")

    assert rate_of_decisions(draw, n=250) <= binom.ppf(0.999, 250, LEVEL) / 250


@pytest.mark.parametrize("truth", [-0.5, 0.5])
def test_a_difference_as_large_as_the_margin_is_seldom_called_equivalent(truth):
    def draw(rng):
        return mean(by_task(rng.normal(truth, 1, (5, 9))), within(-0.5, 0.5), tasks="fixed")

    assert rate_of_decisions(draw) <= TOLERANCE


def test_of_many_cases_of_nothing_none_is_seldom_said_to_exist():
    def draw(rng, combine=some):
        values = rng.normal(size=45)
        return combine([from_error(v, 1, above(), n=277, units="examples") for v in values])

    assert rate_of_decisions(draw, n=300) <= binom.ppf(0.999, 300, LEVEL) / 300
    assert rate_of_decisions(functools.partial(draw, combine=every), n=300) <= 0.09


def test_the_gain_of_the_best_of_many_is_seldom_decided_where_there_is_none():
    # the expected best of 5 of 64 trials (Dodge et al.), of two methods that are alike
    weights = np.diff((np.arange(65) / 64) ** 5)
    fewer = np.diff((np.arange(64) / 63) ** 5)

    def draw(rng):
        pairs = rng.normal(size=(64, 2))

        def gain(rows, weights):
            return float(weights @ np.sort(rows[:, 0]) - weights @ np.sort(rows[:, 1]))

        without = [gain(np.delete(pairs, i, axis=0), fewer) for i in range(64)]
        return jackknife(gain(pairs, weights), without, above(), units="trials")

    assert rate_of_decisions(draw, n=200) <= binom.ppf(0.999, 200, LEVEL) / 200


def test_of_all_claims_of_a_source_at_most_one_in_twenty_sources_has_a_wrong_verdict():
    # 44 claims that share their runs: ten contrasts of the same five repetitions each, and so on
    rng, wrong = np.random.default_rng(0), 0
    for _ in range(100):
        runs = rng.normal(size=(9, 6))
        pairs = [(a, b) for a in range(9) for b in range(a)] + [(a, a - 3) for a in range(8)]
        claims = [mean({"rte": runs[a] - runs[b]}, above(), tasks="fixed") for a, b in pairs]
        assert len(claims) == 44
        wrong += correct(claims).min() <= LEVEL
    assert wrong <= binom.ppf(0.999, 100, LEVEL)


# Power: effects of a stated size are found


@pytest.mark.parametrize(
    ("shape", "effect"), [((5, 3), 0.9), ((5, 9), 0.5), ((8, 3), 0.7), ((1, 12), 0.95)], ids=str
)
def test_an_effect_of_a_stated_size_is_found_in_four_of_five_cases(shape, effect):
    # in standard deviations of the difference, which all tasks share
    def draw(rng):
        return mean(by_task(rng.normal(effect, 1, shape)), above(), tasks="fixed")

    assert rate_of_decisions(draw, n=400) >= 0.76


def test_shares_correlations_and_components_of_a_stated_size_are_found():
    def of_runs(rng):
        return share(rng.random(45) < 0.28, below(0.5), units="runs")

    def of_trials(rng):
        z = rng.normal(size=(2, 64))
        return correlation(z[0], 0.4 * z[0] + 0.917 * z[1], above(), units="trials")

    def of_seeds(rng):
        table = rng.normal(size=(25, 25)) + 0.35 * rng.normal(size=(25, 1))
        return variance_ratio(table, above(), of="rows", to="rest", units="seeds")

    for draw in (of_runs, of_trials, of_seeds):
        assert rate_of_decisions(draw, n=100) >= 0.7


# How many runs would decide it


def of_size(rng, n, *, mean, sd):
    values = rng.normal(size=n)
    return mean + sd * (values - values.mean()) / values.std(ddof=1)


@pytest.mark.parametrize(("effect", "n"), [(0.5, 6), (0.3, 8), (1.0, 5)])
def test_so_many_further_repetitions_decide_with_the_power_promised(effect, n):
    now = of_size(np.random.default_rng(0), n, mean=effect, sd=1)
    further = runs_needed(mean({"rte": now}, above(), tasks="fixed"))

    def draw(rng):
        return mean({"rte": rng.normal(effect, 1, n + further)}, above(), tasks="fixed")

    assert 0.75 <= rate_of_decisions(draw, n=500) <= 0.9


def test_further_repetitions_count_all_tasks_and_allow_for_what_they_share():
    shared, rng = dict.fromkeys(TASKS, 0.3), np.random.default_rng(0)
    now = [of_size(rng, 3, mean=0.5, sd=1) for _ in range(5)]
    further = runs_needed(mean(by_task(now), above(), tasks="fixed", shared=shared))

    def draw(rng):
        values = rng.normal(0.5, 1, (5, 3 + math.ceil(further / 5)))
        values += rng.normal(0, 0.3, (5, 1))
        return mean(by_task(values), above(), tasks="fixed", shared=shared)

    assert 0.75 <= rate_of_decisions(draw, n=400) <= 0.9


@pytest.mark.parametrize(("effect", "n"), [(0.1, 10), (0.9, 10)])
def test_so_many_further_repetitions_decide_on_equivalence_either_way(effect, n):
    region, now = within(-0.5, 0.5), of_size(np.random.default_rng(0), n, mean=effect, sd=1)
    further = runs_needed(mean({"rte": now}, region, tasks="fixed"))

    def draw(rng):
        return mean({"rte": rng.normal(effect, 1, n + further)}, region, tasks="fixed")

    assert 0.74 <= rate_of_decisions(draw, n=400) <= 0.9


@pytest.mark.parametrize(("k", "n", "bound"), [(6, 10, 0.5), (3, 20, 0.3), (15, 20, 0.6)])
def test_so_many_further_runs_decide_on_a_share(k, n, bound):
    further = runs_needed(share([1] * k + [0] * (n - k), above(bound), units="runs"))

    def draw(rng):
        return share(rng.random(n + further) < k / n, above(bound), units="runs")

    assert 0.72 <= rate_of_decisions(draw, n=500) <= 0.92


@pytest.mark.parametrize(("r", "n", "bound"), [(0.4, 20, 0), (0.7, 20, 0.5)])
def test_so_many_further_trials_decide_on_a_correlation(r, n, bound):
    x, noise = np.random.default_rng(0).permuted(
        np.tile(norm.ppf((np.arange(n) + 0.5) / n), (2, 1)), axis=1
    )
    noise -= (noise @ x) / (x @ x) * x  # so that r is exact
    y = r * x / np.linalg.norm(x) + math.sqrt(1 - r**2) * noise / np.linalg.norm(noise)
    now = correlation(x, y, above(bound), units="trials", kind="pearson")
    further = runs_needed(now)

    def draw(rng):
        z = rng.normal(size=(2, n + further))
        y = r * z[0] + math.sqrt(1 - r**2) * z[1]
        return correlation(z[0], y, above(bound), units="trials", kind="pearson")

    assert now.value == pytest.approx(r)
    assert 0.65 <= rate_of_decisions(draw, n=150) <= 0.95


@pytest.mark.parametrize("effects", [(0.5, 0.0, 0.1), (-0.6, -0.5, -0.4)])
def test_so_many_further_repetitions_decide_whether_one_of_several_claims_holds(effects):
    n = 8

    def cases(draw):
        return some([mean({"rte": draw(e)}, above(), tasks="fixed") for e in effects])

    rng = np.random.default_rng(0)
    further = runs_needed(cases(lambda effect: of_size(rng, n, mean=effect, sd=1)))

    def draw(rng):
        return cases(lambda effect: rng.normal(effect, 1, n + further))

    # for: one of them may do it; against: the last of all decides, and the others may still miss
    assert 0.65 <= rate_of_decisions(draw, n=300) <= 0.93
