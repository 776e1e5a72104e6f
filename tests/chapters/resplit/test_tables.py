"""The notebook on resplits: its settings, tables and figures."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from predicted_trials import make_predictions
from repro.chapters.resplit.analysis import correlations, published_correlations, top_trials
from repro.chapters.resplit.plots import figure_optimism, figure_scores_against, figure_simulated
from repro.chapters.resplit.settings import split_profiles
from repro.chapters.resplit.tables import (
    all_correlations,
    looks_table,
    simulated_runs,
    table7,
    top_correlations,
)
from repro.chapters.resplit.winners_curse import observed_optimism, score_pools, simulate_runs
from repro.published import load_published
from repro.study.profile import load_profile
from synthetic_study import make_study

PAPER = load_published("liu_wang_2021_table07")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def trials():
    parts = [
        make_study(models=["m"], tasks=["rte", "cola"], methods=["rs"], n_trials=6, seed=i)
        .trials.assign(split=split)
        for i, split in enumerate(("official", "resplit"))
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def simulated():
    table = make_predictions()
    return simulate_runs(
        table, grid=list(table.columns[3:6]), metric="accuracy", validation_sizes=(20, 50),
        trial_counts=(4, 8), draws=20,
    ).assign(model="m", task="rte")  # fmt: skip


@pytest.mark.parametrize("name", ["smoke", "mini", "laptop", "paper"])
def test_each_profile_gives_two_studies_that_differ_in_the_split(name):
    profile = load_profile(name)
    own, resplit = split_profiles(profile).values()
    assert own.split == profile.split and resplit.split == "resplit"
    assert own.methods == resplit.methods == ("grid", "rs")
    assert [m.name for m in own.models] == [profile.models[0].name]
    assert own.models[0].tasks == profile.resplit.tasks
    assert own.repetitions == profile.resplit.repetitions
    assert bool(own.shifted_tests) == (profile.source == "mini") and not resplit.shifted_tests
    assert own.title == profile.title


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"shifts": [0.5, 1.0]}, "`shifts` must hold 0, .* but got .0.5, 1.0.; add it"),
        ({"examples": 2}, "greater than or equal to 4"),
        ({"trial_counts": [2]}, "greater than or equal to 4"),
        ({"taks": ["rte"]}, "unknown key"),
    ],
)
def test_settings_that_cannot_be_are_refused(section, message):
    with pytest.raises(ValueError, match=message):
        load_profile("smoke", resplit=section)


def test_an_unknown_task_of_the_section_is_refused():
    with pytest.raises(ValueError, match="unknown task 'rtee'"):
        split_profiles(load_profile("smoke", resplit={"tasks": ["rtee"]}))


def test_table7_has_four_rows_a_task_and_the_paper_s_beneath(trials):
    table = table7(trials, published=PAPER, note="Made up.")
    assert table.frame["task"].tolist() == ["RTE, m"] * 4 + ["CoLA, m"] * 4 + ["QNLI, paper"] * 4
    paper = table.frame.tail(4)
    assert paper["official: validation"].tolist() == ["93.3", "93.2", "93.2", "93.1"]
    assert paper["official: test rank"].tolist() == ["2", "3", "4", "1"]
    assert paper["resplit: test rank"].tolist() == ["1", "2", "4", "3"]
    assert len(table.data) == 2 * (2 * 3 - 1) * 4  # one run has no scored trial
    hidden = table7(trials.assign(test_score=np.nan), published=PAPER, note="").frame
    assert set(hidden["official: test rank"].head(8)) == {"–"}
    returned = trials.assign(test_source=np.where(trials["split"] == "official", "returned", ""))
    cells = table7(returned, published=PAPER, note="").frame.head(8)
    assert cells["official: test"].str.endswith("†").all()
    assert not cells.drop(columns="official: test").map(lambda text: "†" in text).any(axis=None)


def test_tables_of_correlations_name_what_they_hold(trials):
    keys = ["split", "model", "task", "repetition"]
    top = correlations(top_trials(trials), keys)
    published = published_correlations(PAPER)
    table = top_correlations(top, published=published, note="Made up.")
    assert table.frame["whose"].tail(2).tolist() == ["paper, as stated", "paper, from its Table 7"]
    last = table.frame.tail(2)
    assert last["official: Pearson (p)"].tolist() == ["-0.14 (0.86)", "-0.32 (0.68)"]
    assert last["resplit: Pearson (p)"].tolist() == ["+0.66 (0.34)", "+0.80 (0.20)"]
    assert "origin: -" in table.caption and "resplit: " in table.caption
    found = correlations(trials, ["split", "model", "task"])
    table = all_correlations(found, columns="split", name="all", what="Made up.")
    assert table.frame["task"].tolist() == ["RTE", "CoLA"]
    assert table.frame["official: Pearson"].str.fullmatch(r"[-+]\d.\d\d \[.*, .*\]").all()
    assert table.to_latex() and table.to_markdown()


def test_simulated_runs_are_averaged_over_tasks(simulated):
    both = pd.concat([simulated, simulated.assign(task="cola", overfits=0.0)])
    table = simulated_runs(both, note="Made up.")
    assert len(table.frame) == 2 * 2 * 2
    first = simulated.sort_values(["n_trials", "validation_size", "shift"]).iloc[0]
    assert table.frame["runs that overfit"].iloc[0] == f"{100 * first['overfits'] / 2:.1f}"
    assert simulated_runs(simulated.head(0), note="").frame.empty


def test_looks_are_summed_over_runs():
    row = {"study": "official", "task": "rte", "split": "test", "n_examples": 32, "n_returned": 0}
    rows = [row | {"run_id": name, "n_trials": 3, "n_scored": 2} for name in ("a", "b")]
    frame = looks_table(pd.DataFrame(rows), note="Made up.").frame
    assert frame[["examples", "tuning runs", "trials", "looks"]].to_numpy().tolist() == [
        ["32", "2", "6", "4"]
    ]


def test_figures_have_a_panel_a_task_and_a_legend(trials, simulated):
    figure = figure_scores_against(trials)
    assert [ax.get_title() for ax in figure.axes] == [
        "RTE, official", "CoLA, official", "RTE, resplit", "CoLA, resplit",
    ]  # fmt: skip
    rings = figure.axes[0].collections[1].get_offsets()
    assert len(rings) == 3 * 4  # four of each of three repetitions
    both = pd.concat([simulated, simulated.assign(task="cola")])
    figure = figure_simulated(both[both["n_trials"] == 8])
    assert len(figure.axes) == 6 and len(figure.axes[0].get_lines()) == 3  # two shifts and zero
    assert [t.get_text() for t in figure.legends[0].texts] == ["shift 0", "shift 1"]
    scores = score_pools(make_predictions(), metric="accuracy")
    runs = trials[trials["split"] == "official"].assign(trial_id=lambda t: t["trial"].astype(str))
    fresh = pd.DataFrame({"trial_id": list("012345"), "pool_score": scores["pool_score"].head(6)})
    observed = observed_optimism(runs, fresh)
    figure = figure_optimism(both, observed)
    assert [ax.get_title() for ax in figure.axes] == ["RTE", "CoLA"]
    texts = [t.get_text() for t in figure.legends[0].texts]
    assert texts == ["simulated, 20 examples", "simulated, 50 examples", "observed, mean of runs"]
