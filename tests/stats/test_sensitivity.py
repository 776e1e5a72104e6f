"""Effects of hyperparameters, importance, interactions, slices, edges of ranges; their figures."""

import warnings
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection

from repro.chapters.three_stage.one_factor import (
    baseline_noise,
    one_factor_effects,
    rank_candidates,
    seed_differences,
)
from repro.records import make_table, run_key
from repro.show.sensitivity import (
    figure_parallel_coordinates,
    figure_slices,
    plot_effects,
    plot_importance,
    plot_interactions,
    plot_parallel_coordinates,
)
from repro.stats.interactions import PARTS, interactions, variation_parts
from repro.stats.intervals import t_interval
from repro.stats.sensitivity import edge_of_range, holm, importance, slices
from repro.tuning.spaces import Choice, LogUniform, SearchSpace, Uniform, WholeNumber

BASELINE = {"learning_rate": 5e-5, "weight_decay": 0.01, "hidden_dropout": 0.1}
BASELINE |= {"attention_dropout": 0.1, "adam_epsilon": 1e-8}
CANDIDATES = {
    "learning_rate": ("learning_rate",),
    "weight_decay": ("weight_decay",),
    "dropout": ("hidden_dropout", "attention_dropout"),
    "adam_epsilon": ("adam_epsilon",),
}
DESIGN = {"baseline": BASELINE, "candidates": CANDIDATES}
NAMES = ["learning_rate", "weight_decay", "hidden_dropout"]


def make_trials(rows):
    """Make trials from their hyperparameters, scores and, if they say so, seeds and status."""
    table = []
    for number, row in enumerate(rows):
        key = run_key("m", "mrpc", "rs", space="full") | {"trial_id": f"m/mrpc/rs/{number}"}
        key |= {"trial": number, "status": "completed", "message": "", "worker": "", "steps": 1}
        key |= {"init_seed": 1, "order_seed": 1, "dropout_seed": 1}
        table.append(key | row)
    return make_table("trials", table)


def variation(scores, **changes):
    """Train a variation of the baseline with seeds 1, 2, ...; a score of None failed."""
    return [
        BASELINE | changes | {"init_seed": seed, "validation_score": score}
        | {"status": "completed" if score is not None else "diverged"}
        for seed, score in enumerate(scores, start=1)
    ]  # fmt: skip


@pytest.fixture
def one_factor():
    return make_trials(
        variation([0.80, 0.82, 0.84])
        + variation([0.70, 0.71, 0.75], learning_rate=2e-4)
        + variation([0.81, 0.83, None], weight_decay=0.1)
        + variation([0.82, 0.81, 0.84], hidden_dropout=0.0, attention_dropout=0.0)
        + variation([0.80, 0.82, 0.84], adam_epsilon=1e-6)
    )


def test_effects_by_hand(one_factor):
    effects = one_factor_effects(one_factor.sample(frac=1, random_state=0), **DESIGN)
    assert effects["candidate"].tolist() == list(CANDIDATES)
    assert effects["direction"].tolist() == ["higher", "higher", "lower", "higher"]
    rate, decay, dropout, epsilon = effects.to_dict("records")
    # -.10, -.11, -.09: mean -.10, sd .01; t(2, .975) = 4.3027; t = -17.32, p = .003316
    assert rate["difference"] == pytest.approx(-0.10)
    assert rate["high"] == pytest.approx(-0.10 + 4.30265 * 0.01 / np.sqrt(3), abs=1e-6)
    assert rate["p"] == pytest.approx(0.003316, abs=2e-6)
    assert (decay["n"], decay["n_failed"], decay["failed"]) == (2, 1, "m/mrpc/rs/8")
    assert np.isnan(decay["p"])  # .01 twice: no spread to judge by
    assert dropout["difference"] == pytest.approx(0.01 / 3) and dropout["value"] == 0.0
    assert (epsilon["low"], epsilon["high"], epsilon["p"]) == (0.0, 0.0, 1.0)
    # Holm over the three that have a p value
    assert rate["p_holm"] == pytest.approx(3 * rate["p"])
    assert dropout["p_holm"] == pytest.approx(1.0)


def test_a_failed_baseline_leaves_no_pair(one_factor):
    broken = one_factor.copy()
    broken.loc[broken["trial"] == 0, "status"] = "failed"
    effects = one_factor_effects(broken, **DESIGN).set_index("candidate")
    assert effects["n"].tolist() == [2, 1, 2, 2]
    assert effects["n_failed"].tolist() == [0, 1, 0, 0]


def test_another_score_can_be_asked_for(one_factor):
    halved = one_factor.assign(validation_accuracy=one_factor["validation_score"] / 2)
    found = one_factor_effects(halved, **DESIGN, score="validation_accuracy")
    assert found.loc[0, "difference"] == pytest.approx(-0.05)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"learning_rate": 1e-4, "weight_decay": 0.1}, "differ from it in one candidate"),
        ({"init_seed": 1, "learning_rate": 2e-4}, "once with the same seeds"),
    ],
)
def test_a_trial_of_another_design_is_refused(one_factor, changes, match):
    more = make_trials([BASELINE | {"validation_score": 0.8} | changes])
    with pytest.raises(ValueError, match=match):
        seed_differences(pd.concat([one_factor, more]), **DESIGN)


def test_a_design_without_its_baseline_is_refused(one_factor):
    with pytest.raises(ValueError, match="must be the baseline"):
        seed_differences(one_factor[one_factor["trial"] >= 3], **DESIGN)


def test_the_noise_of_the_baseline_by_hand(one_factor):
    # .80, .82, .84: sd .02; two single runs: 4.3027 * sqrt(2) * .02
    noise = baseline_noise(one_factor, baseline=BASELINE)
    assert noise["sd"] == pytest.approx(0.02)
    assert noise["band"] == pytest.approx(4.30265 * np.sqrt(2) * 0.02, abs=1e-6)
    assert noise["n"] == 3


def test_ranks_say_how_sure_they_are(one_factor):
    ranks = rank_candidates(one_factor, **DESIGN, top=1)
    assert ranks["candidate"].iloc[0] == "learning_rate"
    assert ranks["rank"].tolist() == [1, 2, 3, 4]
    assert ranks["top_share"].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert ranks["above_noise"].tolist() == [True, False, False, False]
    pd.testing.assert_frame_equal(ranks, rank_candidates(one_factor, **DESIGN, top=1))
    # of three places one each goes to the first three; epsilon's zero is never larger, but ties
    # with dropout where that is zero too, when the last seed alone is drawn (1/27)
    three = rank_candidates(one_factor, **DESIGN).set_index("candidate")["top_share"]
    assert three.sum() == pytest.approx(3.0)
    assert 0 < three["adam_epsilon"] < 0.2


def test_ranks_of_noise_are_not_sure():
    rng = np.random.default_rng(3)
    rows = variation(rng.normal(0.8, 0.01, 6))
    for name in ("learning_rate", "weight_decay", "adam_epsilon"):
        rows += variation(rng.normal(0.8, 0.01, 6), **{name: 2 * BASELINE[name]})
    ranks = rank_candidates(make_trials(rows), **DESIGN, top=1)
    assert not ranks["above_noise"].any()
    assert ranks["top_share"].max() < 0.95
    assert ranks["top_share"].sum() == pytest.approx(1.0)


def test_holms_correction_by_hand():
    # sorted .01, .02, .03, .5 times 4, 3, 2, 1, none below the one before
    p = pd.Series([0.02, np.nan, 0.5, 0.01, 0.03])
    assert holm(p).fillna(-1).tolist() == pytest.approx([0.06, -1, 0.5, 0.04, 0.06])
    assert holm(pd.Series([0.6, 0.9])).tolist() == [1.0, 1.0]


def test_students_interval_without_spread():
    assert t_interval([0.0, 0.0])["p"] == 1.0
    assert np.isnan(t_interval([0.1, 0.1])["p"])
    assert np.isnan(t_interval([0.1])["low"]) and np.isnan(t_interval([])["mean"])


def random_trials(score, n=80, seed=0):
    """Draw three hyperparameters; `score` takes them, in [-1, 1] each, and noise of sd 1."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-1, 1, (n, 3))
    scores = score(*points.T, rng.normal(size=n))
    points = (points + 1.1) / 10
    return make_trials(
        dict(zip(NAMES, point, strict=True)) | {"validation_score": value}
        for point, value in zip(points.tolist(), scores.tolist(), strict=True)
    )


def test_importance_sees_a_hump_and_no_noise():
    table = random_trials(lambda a, b, c, noise: -(a**2) + 0.01 * noise)
    found = importance(table, names=[*NAMES, "epochs"]).set_index("hyperparameter")
    assert found.loc["learning_rate", "share"] > 0.9 > 0.3 > found.loc["weight_decay", "share"]
    assert (found["low"] <= found["share"]).all() and (found["share"] <= found["high"]).all()
    assert "epochs" not in found.index  # it did not vary
    both = pd.concat([table, table.assign(method="grid")])
    assert importance(both, names=NAMES)["method"].tolist() == ["grid"] * 3 + ["rs"] * 3
    assert importance(both, names=NAMES, by=())["n"].tolist() == [160] * 3


def test_a_product_is_told_from_a_sum():
    table = random_trials(lambda a, b, c, noise: a * b + 0.2 * noise)
    found = interactions(table, names=NAMES)
    told = found.set_index(["first", "second"])["p_holm"] < 0.05
    assert told.tolist() == [True, False, False]
    assert found.loc[0, "share"] > 0.4
    parts = variation_parts(table, names=NAMES).set_index("part")
    assert parts.loc["interactions", "p"] < 0.01 < 0.05 < parts.loc["main effects", "p"]
    assert parts.loc[PARTS[-1], "low"] > 0
    assert parts["share"].iloc[:3].sum() == pytest.approx(1.0)
    pd.testing.assert_frame_equal(found, interactions(table, names=NAMES))


def test_a_sum_has_no_interaction():
    table = random_trials(lambda a, b, c, noise: a + b**2 + 0.3 * noise)
    assert (interactions(table, names=NAMES)["p_holm"] > 0.05).all()
    parts = variation_parts(table, names=NAMES).set_index("part")
    assert parts.loc["main effects", "p"] < 0.01
    assert parts.loc[PARTS[-1], "high"] < 0


def test_shares_are_those_of_least_squares():
    table = random_trials(lambda a, b, c, noise: a + a * b + noise, n=25)
    x, y = (table[names].rank().to_numpy() for names in (NAMES[:2], "validation_score"))
    additive = np.column_stack([np.ones(25), x, x**2])
    left = [
        np.linalg.lstsq(design, y)[1].item() / ((y - y.mean()) ** 2).sum()
        for design in (additive, np.column_stack([additive, x[:, 0] * x[:, 1]]))
    ]
    found = interactions(table, names=NAMES[:2], n_shuffles=9)
    assert found["share"].item() == pytest.approx(left[0] - left[1])
    # adjusted for five and six coefficients
    main, both = 1 - left[0] * 24 / 20, 1 - left[1] * 24 / 19
    shares = variation_parts(table, names=NAMES[:2], n_shuffles=9)["share"]
    assert shares.tolist() == pytest.approx([main, both - main, 1 - both, both - 2 * main])


def test_p_values_of_noise_are_calibrated():
    table, rng = random_trials(lambda *x: x[3], n=30), np.random.default_rng(1)
    tables = [table.assign(validation_score=rng.normal(size=30)) for _ in range(30)]
    p = [interactions(noise, names=NAMES[:2], n_shuffles=99) for noise in tables]
    # binomial(30, .1): more than 8 with probability .002
    assert (pd.concat(p)["p"] <= 0.1).sum() <= 8


def test_p_values_of_no_interaction_are_calibrated():
    # 3 products beside 7 terms of the additive model: residuals are far fewer than trials
    rng = np.random.default_rng(0)
    tables = [random_trials(lambda *x: rng.normal(size=20), n=20, seed=s) for s in range(60)]
    p = [variation_parts(table, names=NAMES, n_shuffles=99)["p"].iloc[1] for table in tables]
    # binomial(60, .1): more than 12 with probability .005
    assert sum(value <= 0.1 for value in p) <= 12


def test_the_shares_of_a_full_table_by_hand():
    # ranks of 1, 2, 3, 4 on a 2 x 2 table, each four times: additive, b twice as strong as a;
    # sums of squares of the ranks 2.5, 6.5, 10.5, 14.5: a 64, b 256, no interaction
    rows = [
        {"learning_rate": 1 + a, "weight_decay": b, "validation_score": 1.0 + a + 2 * b}
        for a in (0, 1)
        for b in (0, 1)
        for _ in range(4)
    ]
    table = make_trials(rows)
    shares = importance(table, names=["learning_rate", "weight_decay"])["share"]
    assert shares.tolist() == pytest.approx([0.2, 0.8])
    parts = variation_parts(table, names=["learning_rate", "weight_decay"])["share"]
    assert parts.tolist() == pytest.approx([1, 0, 0, -1])


def test_slices_by_hand():
    scores = {1e-5: [0.5, 0.7], 2e-5: [0.8, 0.8]}
    rows = [
        {"learning_rate": rate, "validation_score": s, "weight_decay": 0.1 * n}
        for n, (rate, s) in enumerate((r, s) for r, values in scores.items() for s in values)
    ]
    found = slices(make_trials(rows), names=["learning_rate", "weight_decay"], n_bins=2)
    grid, binned = found.iloc[:2], found.iloc[2:]
    assert grid["at"].tolist() == [1e-5, 2e-5] and grid["mean"].tolist() == [0.6, 0.8]
    # mean .6 of .5 and .7: half-width t(1, .975) * .1 = 12.706 * .1
    assert grid["low"].iloc[0] == pytest.approx(0.6 - 1.2706, abs=1e-4)
    assert binned["left"].tolist() == pytest.approx([0.0, 0.2])
    assert binned["n"].tolist() == [2, 2]


SPACE = SearchSpace(
    name="full",
    family="f",
    domains={
        "learning_rate": LogUniform(1e-5, 1e-3),
        "weight_decay": Uniform(0.0, 0.1),
        "warmup_steps": WholeNumber(0, 500),
        "batch_size": Choice((16, 32, 64)),
        "hidden_dropout": Choice((0.1,)),
    },
    fixed={},
)


def test_edges_by_hand():
    best = {"learning_rate": 1e-4, "weight_decay": 0.099, "warmup_steps": 14, "batch_size": 64}
    rows = [best | {"hidden_dropout": 0.1, "validation_score": 0.9}]
    rows += [best | {"weight_decay": 0.05, "validation_score": 0.9}]  # ties with the first: later
    rows += [best | {"validation_score": 0.1}] * 18
    table = make_trials(rows).sample(frac=1, random_state=1)
    found = edge_of_range(table, space=SPACE).set_index("hyperparameter")
    assert found["position"].tolist()[:4] == pytest.approx([0.5, 0.99, 0.028, 1.0])
    assert found["edge"].tolist() == ["", "upper", "lower", "upper", ""]
    # 0 to 25 and 475 to 500 of 501 whole numbers; two of three values
    chances = found["by_chance"].tolist()
    assert chances[:4] == pytest.approx([0.1, 0.1, 52 / 501, 2 / 3]) and np.isnan(chances[4])
    assert found.loc["weight_decay", ["tenth_low", "tenth_high"]].tolist() == [0.5, 0.99]
    assert found.loc["weight_decay", "tenth_share"] == 0.5
    assert found.loc["weight_decay", "advice"] == "at the upper end: widen upwards"
    assert found.loc["warmup_steps", "advice"] == "at the lower end, which is 0: nothing to widen"
    assert found.loc["learning_rate", "advice"].startswith("inside")
    assert found.loc["hidden_dropout", "advice"].startswith("one value")


ANALYSES = {
    "effects": partial(one_factor_effects, **DESIGN),
    "ranks": partial(rank_candidates, **DESIGN),
    "importance": partial(importance, names=NAMES),
    "interactions": partial(interactions, names=NAMES, n_shuffles=20),
    "parts": partial(variation_parts, names=NAMES, n_shuffles=20),
    "slices": partial(slices, names=NAMES),
    "edges": partial(edge_of_range, space=SPACE),
}
DEGENERATE = {
    "none": [],
    "one": variation([0.8]),
    "tied": variation([0.8] * 4) + variation([0.8] * 4, learning_rate=1e-4),
    "failed": variation([None] * 4) + variation([None] * 4, learning_rate=1e-4),
    "missing": variation([float("nan"), 0.8]) + variation([0.8, float("nan")], weight_decay=0.1),
    "constant": variation([0.7, 0.8, 0.9, 0.6, 0.75, 0.81, 0.82, 0.83, 0.84]),
}


@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.parametrize("analysis", ANALYSES)
def test_degenerate_trials_give_no_false_numbers(analysis, name):
    table = make_trials(DEGENERATE[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ANALYSES[analysis](table)
    assert len(found.columns) > 3
    numbers = found.select_dtypes("number").to_numpy(float)
    assert not np.isinf(numbers).any()
    if analysis in ("importance", "interactions", "parts"):
        assert found["share"].isna().all()


def test_figures_show_what_they_are_given(one_factor):
    effects = one_factor_effects(one_factor, **DESIGN)
    differences = seed_differences(one_factor, **DESIGN)
    ax = plot_effects(effects, band=0.02, differences=differences)
    assert [t.get_text() for t in ax.get_yticklabels()][2:] == ["dropout", "Adam epsilon"]
    assert "1e-06" in {t.get_text() for t in ax.texts}
    assert "0.1 (1 failed)" in {t.get_text() for t in ax.texts}
    table = random_trials(lambda a, b, c, noise: a * b + 0.2 * noise)
    found = importance(table, names=NAMES)
    assert len(plot_importance(found).containers) == 1
    assert plot_importance(found.drop(columns="method")).get_legend() is None
    ax = plot_interactions(interactions(table, names=NAMES, n_shuffles=99))
    assert sum("*" in t.get_text() for t in ax.texts) == 1
    figure = figure_slices(table, slices(table, names=NAMES))
    assert [ax.get_xlabel() for ax in figure.axes] == [
        "learning rate",
        "weight decay",
        "hidden dropout",
    ]
    plt.close("all")


def test_unchosen_lines_lie_behind_in_grey(one_factor):
    chosen = one_factor["validation_score"] < 0.72
    ax = plot_parallel_coordinates(one_factor, names=NAMES, chosen=chosen)
    (lines,) = (c for c in ax.collections if isinstance(c, LineCollection))
    # 14 trials have a score, 2 of them below .72, drawn over the others all the same
    assert len(lines.get_segments()) == 14
    is_grey = [len(set(colour[:3])) == 1 for colour in lines.get_colors()]
    assert is_grey == [True] * 12 + [False] * 2
    # the axes are those of all trials
    assert {"70.0", "84.0"} <= {t.get_text() for t in ax.texts}
    figure = figure_parallel_coordinates(one_factor, names={"rs": NAMES})
    assert len(figure.axes[0].collections[0].get_segments()) == 14
    plt.close("all")


def test_thousands_of_lines_are_one_image_with_the_best_on_top():
    n = 2001
    table = pd.DataFrame({"learning_rate": 0.0, "weight_decay": 0.0}, index=range(n))
    table.loc[n - 1, ["learning_rate", "weight_decay"]] = 1.0
    table["validation_score"] = np.linspace(0.5, 0.9, n)
    table.loc[0, "validation_score"] = 1.0  # the highest of those at the bottom, but not chosen
    names = ["learning_rate", "weight_decay"]
    ax = plot_parallel_coordinates(table, names=names, chosen=np.arange(n) > 0)
    (image,) = ax.images
    pixels, colours = image.get_array(), plt.colormaps["cividis_r"]
    bottom, top = (round((at + 0.16) / 1.32 * 400 - 0.5) for at in (0, 1))
    # the scores of the chosen run to .9 of .5 to 1: .8; of those at the bottom to just below
    for row in (bottom, top):
        assert pixels[row, 10, :3].tolist() == pytest.approx(colours(0.8)[:3], abs=0.01)
    assert (pixels[bottom + 50 : top - 50, :150, 3] == 0).all()  # nobody between the two
    plt.close("all")


@pytest.mark.parametrize("name", ["none", "failed", "constant"])
def test_figures_of_degenerate_trials_are_drawn(name):
    table = make_trials(DEGENERATE[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_effects(ANALYSES["effects"](table), band=float("nan"))
        plot_importance(ANALYSES["importance"](table))
        plot_interactions(ANALYSES["interactions"](table))
        figure_slices(table, ANALYSES["slices"](table))
        plot_parallel_coordinates(table, names=NAMES)
        plt.gcf().canvas.draw()
    plt.close("all")
