"""The list of claims and the numbers of the texts: one vocabulary, and equal to what code uses."""

import itertools

import pandas as pd
import pytest

from repro.chapters.strategies.settings import StrategySettings
from repro.chapters.strategies.spaces import article_grid, bayesian_space, population_space
from repro.chapters.three_stage.settings import ThreeStageSettings
from repro.chapters.three_stage.spaces import Project
from repro.paths import ROOT
from repro.published import list_published, load_published
from repro.stats.ledger import load_claims

SOURCES = ["liu_wang_2021", "dodge_2020", "wandb_article", "course_project", "mosbach_2021"]
SOURCES += ["zhang_2021", "jordan_2024", "bouthillier_2021", "schneider_2025", "future_work"]
N_ROWS = {
    "claims": 119 + 32,
    "sections": 44 + 13,
    "stated_numbers": 61,
    "wandb_article_spaces": 7 + 5 * 2 + 3 + 2 * 2 + 4 + 1,
    "course_project_spaces": 2 * 2 + 3 + 3 + 3 + 2 + 3 * 2,
    "dodge_2020_figure01": 57,
    "dodge_2020_figure02": 2 * 25 * 25,
    "dodge_2020_figure05": 2 * (30 * 31 // 2 + 31 * 32 // 2),  # each pair of evaluations once
    "dodge_2020_figure06": 2 * 30 * 3,
}
KINDS = {"direction", "size", "existence", "equivalence", "count"}
UNITS = {"points", "percent", "ratio", "correlation", "cases", "trials", "p-value", "GPUs", ""}


@pytest.fixture(scope="module")
def claims():
    return load_claims()


def test_all_files_are_there_with_their_rows():
    others = [name for name in list_published() if "_table" not in name]
    assert {name: len(load_published(name)) for name in others} == N_ROWS
    for name in N_ROWS:
        assert not load_published(name).duplicated().any(), name


def test_the_dictionary_names_every_file_and_column():
    text = (ROOT / "data/published/README.md").read_text(encoding="utf-8")
    columns = itertools.chain(*(load_published(name).columns for name in N_ROWS))
    assert [name for name in sorted({*N_ROWS, *columns}) if f"`{name}`" not in text] == []


def test_claims_use_one_vocabulary(claims):
    chapters = {path.name for path in (ROOT / "src/repro/chapters").iterdir() if path.is_dir()}
    known = {"source": set(SOURCES), "kind": KINDS, "tasks": {"fixed", "sample", ""},
             "unit": UNITS, "chapter": chapters | {""}}  # fmt: skip
    for column, words in known.items():
        assert set(claims[column]) <= words, column
    assert set(claims["source"]) == set(SOURCES)
    assert claims["id"].str.fullmatch(r"[a-z]+(-[a-z]+)+").all()
    assert (claims["id"].str.split("-").str[0] == claims["source"].str.split("_").str[0]).all()


def test_a_claim_is_a_sentence_of_its_own_and_says_what_is_computed(claims):
    assert not claims["claim"].duplicated().any()
    assert claims["claim"].str.fullmatch(r"[A-Z0-9].*\.").all()
    assert (claims["estimand"].str.len() > 20).all() and (claims["about"] != "").all()
    assert claims.loc[claims["published_value"].notna(), "unit"].ne("").all()


@pytest.mark.parametrize("name", ["claims", "stated_numbers", "wandb_article_spaces"])
def test_every_section_that_is_cited_exists(name):
    sections = load_published("sections").set_index(["source", "section"])
    assert not sections.index.has_duplicates
    cited = load_published(name)[["source", "section"]].itertuples(index=False, name=None)
    assert set(cited) <= set(sections.index)


def stated(source, quantity):
    rows = load_published("stated_numbers").query("source == @source and quantity == @quantity")
    return rows.set_index("about")["value"].to_dict()


def test_what_is_claimed_follows_from_the_numbers_stated(claims):
    value = claims["published_value"]
    r = stated("liu_wang_2021", "pearson")
    assert value["liu-original-split-negative"] == r["original"]
    assert value["liu-split-explains"] == pytest.approx(r["resplit"] - r["original"])
    over, runs = (stated("liu_wang_2021", q) for q in ("n_overfitting", "n_runs"))
    for claim, model in (("electra-nine", "electra-base"), ("roberta-eleven", "roberta-base")):
        share = 100 * over[model] / runs[model]
        assert value[f"liu-{claim}-overfit"] == pytest.approx(share, abs=0.05)
    days = stated("liu_wang_2021", "cost")
    assert value["liu-procedure-cost"] == 100 * days["procedure"] / days["all combinations"]
    assert value["liu-failures"] == stated("liu_wang_2021", "n_failures")["all spaces"]
    start, keep = (stated("dodge_2020", q)["mrpc"] for q in ("t_started", "p_kept"))
    assert value["dodge-start-many"] == pytest.approx(start / keep, abs=0.05)


def test_claimed_differences_follow_from_the_published_tables(claims):
    value = claims["published_value"]
    scores = load_published("course_project_table01").set_index("method")["score"]
    for claim, first, second in (
        ("course-manual-beats-baseline", "manual", "baseline"),
        ("course-sweep-beats-baseline", "automatic", "baseline"),
        ("course-manual-beats-sweep", "manual", "automatic"),
    ):
        assert value[claim] == pytest.approx(scores[first] - scores[second])
    best = load_published("dodge_2020_table01")
    best = best.pivot(index=["model", "reported_by"], columns="task", values="score")
    ours = best.loc["bert-large", "dodge_2020"]
    before = best.loc["bert-large"].drop("dodge_2020")
    assert value["dodge-best-above-published"] == pytest.approx(
        (ours - before).mean(axis=None), abs=0.01
    )
    spread = load_published("dodge_2020_table03").query("aggregated_over == 'total'")
    assert value["dodge-seeds-move-scores"] == pytest.approx(
        100 * spread["standard_deviation"].mean(), abs=0.1
    )


def by_recipe(name, column):
    return load_published(name).pivot(index="task", columns="recipe", values=column)


def test_claims_on_optimizers_follow_from_the_printed_tables(claims):
    value = claims["published_value"]
    mean, spread = (
        by_recipe("mosbach_2021_table01", f"{c}_percent") for c in ("mean", "deviation")
    )
    assert value["mosbach-recipe-lifts"] == (mean["mosbach"] - mean["devlin"]).mean().round(1)
    ratio = (spread["mosbach"] / spread["devlin"]).mean()
    assert value["mosbach-recipe-steadies"] == pytest.approx(ratio, abs=6e-4)
    mean, spread = (by_recipe("zhang_2021_table01", f"{c}_percent") for c in ("mean", "deviation"))
    for claim, recipe in (("fresh-layers-lift", "reinitialised"), ("longer-lifts", "longer")):
        gain = (mean[recipe] - mean["standard"]).mean()
        assert value[f"zhang-{claim}"] == pytest.approx(gain)
    ratio = (spread["reinitialised"] / spread["standard"]).mean()
    assert value["zhang-fresh-layers-steady"] == pytest.approx(ratio, abs=6e-4)


def test_claims_on_means_follow_from_table_3(claims):
    table = load_published("liu_wang_2021_table03")
    tuned = table["task"].map({"mrpc": "accuracy", "stsb": "pearson"}).fillna(table["metric"])
    table = table[table["metric"] == tuned]
    keys = ["model", "split", "task"]
    wide = table.pivot(index=keys, columns="method", values="score")
    from_grid = wide.drop(columns="grid").sub(wide["grid"], axis=0).mean(axis=1)
    from_random = wide[["asha", "bo_asha"]].sub(wide["rs"], axis=0).mean(axis=1)
    electra, roberta = from_grid["electra-base"], from_grid["roberta-base"]
    expected = {
        "electra-below-grid": electra["validation"][["rte", "stsb", "sst2", "qnli"]].mean(),
        "electra-far-below-grid": -electra["validation"][["rte", "qnli"]].mean(),
        "electra-overfits-wnli-mrpc": electra["test"][["wnli", "mrpc"]].mean(),
        "roberta-above-grid": roberta["validation"].drop("cola").mean(),
        "early-stopping-validation": from_random["electra-base", "validation"].mean(),
        "random-search-stands": from_random.xs("test", level="split").mean(),
    }
    for name, value in expected.items():
        assert claims["published_value"][f"liu-{name}"] == pytest.approx(value, abs=0.006), name


def space_of(name, method):
    """Return a printed space: hyperparameter -> its domain and values."""
    rows = load_published(name).query("method == @method").groupby("hyperparameter")
    return {key: (group["domain"].iloc[0], tuple(group["value"])) for key, group in rows}


def points(space):
    return list(itertools.product(*(values for _, values in space.values())))


def ends(space, names):
    return {n: (space.domains[n].low, space.domains[n].high) for n in names}


def test_the_articles_spaces_in_code_are_those_printed():
    printed = space_of("wandb_article_spaces", "grid")
    ours = [tuple(point[name] for name in printed) for point in article_grid("article")]
    assert set(ours) == set(points(printed)) and len(ours) == 18
    bayes = space_of("wandb_article_spaces", "hyperopt_asha")
    space = bayesian_space("article", n_train=2490)
    assert ends(space, bayes) == {name: values for name, (_, values) in bayes.items()}
    population = space_of("wandb_article_spaces", "pbt")
    space = population_space("article")
    intervals = [name for name, (domain, _) in population.items() if domain == "interval"]
    assert ends(space, intervals) == {name: population[name][1] for name in intervals}
    for name in set(population) - set(intervals):
        assert space.domains[name].values == population[name][1]


def test_the_articles_numbers_in_code_are_those_printed():
    defaults = StrategySettings()
    for quantity, method in (
        ("n_trials", "hyperopt_asha"),
        ("random_starts", "hyperopt_asha"),
        ("population", "pbt"),
        ("interval", "pbt"),
    ):
        assert getattr(defaults, quantity) == stated("wandb_article", quantity)[method]


def test_the_projects_grid_sweep_and_winners_in_code_are_those_printed():
    project = Project(scale="project", n_train=3668, max_lengths=(64, 128, 256))
    grid = space_of("course_project_spaces", "manual")
    ours = [tuple(point[name] for name in grid) for point in project.manual_grid]
    assert set(ours) == set(points(grid))
    assert len(ours) == stated("course_project", "n_trials")["manual"]
    sweep = space_of("course_project_spaces", "automatic")
    assert ends(project.sweep_space, sweep) == {name: values for name, (_, values) in sweep.items()}
    table = load_published("course_project_table01").set_index("method")
    for method, winner in project.printed_winners.items():
        assert {name: winner[name] for name in grid} == table.loc[method, list(grid)].to_dict()
    assert ThreeStageSettings().n_trials == stated("course_project", "n_trials")["automatic"]
    assert ThreeStageSettings().epochs == stated("course_project", "epochs")["all"]


def test_correlations_typed_in_code_are_those_printed():
    from repro.chapters.resplit import analysis as resplit

    r, p = (stated("liu_wang_2021", name) for name in ("pearson", "pearson_p"))
    assert {name: (r[name], p[name]) for name in r} == resplit.STATED


def test_the_matrices_of_figure_2_are_those_of_table_3():
    # Table 3's total: the standard deviation of all scores; RTE's are k of 277
    scores = load_published("dodge_2020_figure02").groupby("task")["score"]
    assert scores.std(ddof=0).round(4).to_dict() == {"mrpc": 0.0608, "rte": 0.0689}
    rte = 277 * scores.get_group("rte")
    assert (rte - rte.round()).abs().max() < 1e-3


def test_the_example_of_figure_6_is_among_the_best_settings():
    table = load_published("dodge_2020_figure06")
    rows = table.query("task == 'mrpc' and budget == 20")
    example = [stated("dodge_2020", q)["mrpc"] for q in ("t_started", "p_kept")]
    assert example in rows[["t_started", "p_kept"]].to_numpy().tolist()
    cost = table["t_started"] * table["evaluations"] + table["p_kept"] * (30 - table["evaluations"])
    assert (cost == 30 * table["budget"]).all()


def test_correlations_of_evaluations_are_correlations():
    table = load_published("dodge_2020_figure05")
    assert table["correlation"].between(-1, 1).all()
    assert pd.Index(table["task"].unique()).tolist() == ["mrpc", "rte"]
    assert (table.query("epoch_i == epoch_j")["correlation"] > 0.99).all()
