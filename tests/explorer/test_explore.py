"""The explorer's widgets without a browser: what they show follows what is chosen."""

import re

import pytest

from repro.explorer import explore, explore_tabs
from repro.explorer.explore import Explorer
from synthetic_study import make_study, write_study


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    study = make_study(methods=["grid", "rs"], repetitions=2)
    for table in (study.runs, study.trials):
        table.loc[table["method"] == "grid", "space"] = "grid"
    write_study(study, folder)
    return folder


@pytest.fixture
def explorer(results):
    return Explorer(results)


INCUMBENTS, CURVES, BRUSH, TABLE, COMPARE, CURSE = range(6)


def picture(explorer, tab):
    explorer.tab.selected_index = tab
    return explorer.tabs[tab].picture.value


def test_a_choice_changes_the_picture_and_the_count(explorer):
    before = picture(explorer, INCUMBENTS)
    assert (
        before.startswith('<img alt="Incumbent curves of 18')
        and "72 trials of 18 tuning runs" in explorer.status.value
    )
    explorer.choices["task"].value = "rte"
    assert "24 trials of 6 tuning runs</b>, of 72 found" in explorer.status.value
    assert picture(explorer, INCUMBENTS) != before


def test_only_the_tab_that_is_seen_is_drawn(explorer, monkeypatch):
    drawn = []
    for tab in explorer.tabs:
        monkeypatch.setattr(type(tab), "show", lambda self, *_: drawn.append(self.title))
    explorer.choices["method"].value = "rs"
    assert drawn == ["Incumbents"]
    explorer.tab.selected_index = TABLE
    explorer.tab.selected_index = INCUMBENTS
    assert drawn == ["Incumbents", "Trials"]


def test_evaluations_are_read_only_where_learning_curves_are_seen(explorer, monkeypatch):
    read = []
    monkeypatch.setattr(type(explorer.found), "evaluations", lambda *_: read.append(1) or 1 / 0)
    for tab in (INCUMBENTS, BRUSH, TABLE):
        explorer.tab.selected_index = tab
    assert not read
    with pytest.raises(ZeroDivisionError):
        explorer.tab.selected_index = CURVES


def test_the_brush_chooses_what_the_other_tabs_show(explorer):
    explorer.choices["method"].value = "rs"
    explorer.tab.selected_index = BRUSH
    axis = len(explorer.brush.plot.axes) - 1
    explorer.brush.plot.ranges = {str(axis): [0.8, 1.0]}
    scale = explorer.brush.plot.axes[axis]
    lowest = scale["low"] + 0.8 * (scale["high"] - scale["low"])
    chosen = explorer.brush.chosen()
    assert 1 <= chosen.sum() < len(chosen)
    assert f"<b>{chosen.sum()} of {len(chosen)} trials" in explorer.brush.note.value
    explorer.tab.selected_index = TABLE
    shown = explorer.tabs[TABLE].table.value
    assert f"of {chosen.sum()} chosen trials" in shown
    scores = [float(s) for s in re.findall(r">(\d\d\.\d)<", shown)][::2]
    assert len(scores) >= 1 and max(scores) >= 100 * lowest - 0.05
    explorer.tab.selected_index = CURVES
    assert len(explorer.tabs[CURVES].picked.options) == chosen.sum()
    explorer.brush.clear_button.click()
    assert explorer.brush.chosen().all()


def test_other_dropdowns_clear_the_brush(explorer):
    explorer.brush.plot.ranges = {"0": [0.0, 0.1]}
    explorer.choices["task"].value = "cola"
    assert explorer.brush.chosen().all()


def test_learning_curves_are_of_the_best_n_or_of_those_that_are_picked(explorer):
    before = picture(explorer, CURVES)
    tab = explorer.tabs[CURVES]
    assert len(tab.picked.value) == 5
    tab.best.value = 2
    assert tab.picked.value == tuple(value for _, value in tab.picked.options[:2])
    two = tab.picture.value
    tab.picked.value = tab.picked.value[1:]
    assert len({before, two, tab.picture.value}) == 3
    tab.picked.value = ()
    assert "No trial" in tab.note.value


def test_damaged_evaluations_are_said_in_the_tab(tmp_path):
    paths = write_study(make_study(models=["m"], tasks=["rte"], methods=["rs"]), tmp_path)
    for path in paths:
        (path / "evaluations.parquet").write_bytes(b"no")
    explorer = Explorer(tmp_path)
    explorer.tab.selected_index = CURVES
    note = explorer.tabs[CURVES].note.value
    assert note.startswith("Cannot be drawn: rep") and "evaluations.parquet" in note


def test_an_empty_folder_says_how_to_fill_it_and_refresh_finds_what_came(tmp_path):
    explorer = Explorer(tmp_path / "new")
    assert "no finished runs" in explorer.status.value and "make reproduce" in explorer.status.value
    assert explorer.tab.layout.display == "none"
    study = make_study(models=["m"], tasks=["rte"], methods=["grid"])
    write_study(study, tmp_path / "new")
    explorer.refresh_button.click()
    assert "4 trials of 1 tuning runs" in explorer.status.value
    assert explorer.tab.layout.display == ""


def test_choices_stay_over_a_refresh_and_a_choice_that_nothing_fits_is_said(explorer):
    explorer.choices["method"].value = "rs"
    explorer.refresh_button.click()
    assert explorer.choices["method"].value == "rs"
    explorer.choices["space"].value = "grid"
    assert "No trial fits" in explorer.status.value and explorer.tab.layout.display == "none"
    explorer.choices["space"].value = "all"
    assert explorer.tab.layout.display == ""


def test_what_has_no_variant_can_be_chosen_where_others_have_one(tmp_path):
    study = make_study(models=["m"], tasks=["rte"], methods=["grid", "rs"], repetitions=1)
    for table in (study.runs, study.trials):
        table.loc[table["method"] == "rs", "variant"] = "known"
    write_study(study, tmp_path)
    explorer = Explorer(tmp_path)
    assert [text for text, _ in explorer.choices["variant"].options] == ["all", "none", "known"]
    assert [text for text, _ in explorer.choices["stage"].options] == ["all"]
    explorer.choices["variant"].value = ""
    assert "4 trials of 1 tuning runs</b>, of 8 found" in explorer.status.value


def test_a_folder_that_could_not_be_read_is_named_without_markup(tmp_path):
    paths = write_study(make_study(models=["m"], tasks=["rte"], methods=["grid", "rs"]), tmp_path)
    paths[0].rename(tmp_path / "<b>bad")
    (tmp_path / "<b>bad/run.json").write_text("no")
    text = Explorer(tmp_path).status.value
    assert "1 folder could not be read" in text and "<code>&lt;b&gt;bad</code>" in text


@pytest.mark.parametrize("status", ["failed", "completed"])
def test_one_trial_and_no_score_are_shown_without_a_crash(tmp_path, status):
    study = make_study(models=["m"], tasks=["rte"], methods=["grid"], n_trials=1)
    if status == "failed":
        scores = [c for c in study.trials if "score" in c or c == "best_step"]
        study.trials[scores] = float("nan")
    write_study(study, tmp_path)
    explorer = Explorer(tmp_path)
    for tab in range(6):
        explorer.tab.selected_index = tab
    assert explorer.tabs[BRUSH].plot.layout.display == "none"


def test_test_scores_are_shown_when_asked_for_and_looks_are_counted(explorer):
    explorer.tab.selected_index = TABLE
    tab = explorer.tabs[TABLE]
    assert "test score" not in tab.table.value and "test_score" not in explore_tabs.SORTS
    tab.look_button.click()
    assert "test score" in tab.table.value and "so far: 1" in tab.table.value
    tab.n.value = 5
    assert "test score (" not in tab.table.value and "so far: 1" in tab.table.value


def test_every_name_of_a_dropdown_is_a_column(explorer):
    assert set(explore.CHOICES) <= set(explorer.found.trials)
    assert set(explore_tabs.SORTS) <= set(explorer.found.trials)


def test_the_sliders_move_the_winners_curse(explorer):
    before, tab = picture(explorer, CURSE), explorer.tabs[CURSE]
    assert "The best of 16 trials on 100 validation examples promises" in tab.note.value
    tab.n_examples.value = 3200
    assert "on 3,200 validation examples" in tab.note.value
    assert tab.picture.value != before
    promised, _ = map(float, re.findall(r"([\d.]+)%", tab.note.value))
    tab.n_trials.value = 1
    alone, truth = map(float, re.findall(r"([\d.]+)%", tab.note.value))
    assert abs(alone - truth) < 0.5 and promised > alone
