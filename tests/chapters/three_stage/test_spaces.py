"""The course project's configurations: what its text says, and their miniature."""

import pytest

from repro.chapters.three_stage.spaces import CANDIDATES, SCALES, TUNED, Project
from repro.published import load_published
from repro.records import HYPERPARAMETERS
from repro.tuning.spaces import ends

FULL = Project("project", 3668, (64, 128, 256))
MINI = Project("project-mini", 300, (20, 48, 64))


def test_the_baseline_agrees_with_the_text():
    assert {name: FULL.baseline[name] for name in TUNED} == {
        "learning_rate": 5e-5,
        "weight_decay": 0.01,
        "warmup_steps": 100,
    }
    assert FULL.baseline["epochs"] == 3  # "as required by the task"
    assert FULL.manual_grid.count(FULL.baseline) == 1  # "17 new runs after baseline"


@pytest.mark.parametrize("project", [FULL, MINI])
def test_a_variation_moves_one_candidate_to_a_lower_and_a_higher_value(project):
    assert len(project.variations) == 14
    pairs = zip(project.variations[::2], project.variations[1::2], strict=True)
    for (name, columns), (lower, higher) in zip(CANDIDATES.items(), pairs, strict=True):
        for variation in (lower, higher):
            assert variation.keys() == project.baseline.keys()
            changed = {c for c in variation if variation[c] != project.baseline[c]}
            assert changed == set(columns), name
        for column in columns:
            assert lower[column] < project.baseline[column] < higher[column]


def test_values_of_the_text_are_among_the_variations():
    values = {c: {v[c] for v in FULL.variations} - {FULL.baseline[c]} for c in TUNED}
    assert values == {
        "learning_rate": {2e-5, 2e-4},
        "weight_decay": {0.0, 0.1},
        "warmup_steps": {50, 200},
    }


@pytest.mark.parametrize("project", [FULL, MINI])
def test_the_manual_grid_is_18_within_the_sweeps_ranges(project):
    assert len({tuple(c.values()) for c in project.manual_grid}) == 18
    domains = project.sweep_space.domains
    for configuration in project.manual_grid:
        assert all(domain.contains(configuration[name]) for name, domain in domains.items())


def test_the_sweep_has_the_projects_ranges_and_the_baselines_rest():
    space = FULL.sweep_space
    assert {name: ends(domain) for name, domain in space.domains.items()} == {
        "learning_rate": (1e-5, 5e-5),
        "weight_decay": (0.0, 0.1),
        "warmup_steps": (0, 500),
    }
    assert space.fixed == {n: v for n, v in FULL.baseline.items() if n not in TUNED}
    assert set(space.fixed) | set(TUNED) <= set(HYPERPARAMETERS)


def test_the_miniature_scales_rates_by_thirty_and_warmup_by_the_data():
    # 300 of 3668 examples at the same batch size: 100 steps are 100 * 300 / 3668 = 8.2 updates
    assert MINI.baseline["learning_rate"] == pytest.approx(30 * 5e-5)
    assert MINI.baseline["warmup_steps"] == 8
    assert ends(MINI.sweep_space.domains["warmup_steps"]) == (0, 41)
    assert {c["warmup_steps"] for c in MINI.manual_grid} == {8, 16}


def test_the_printed_winners_are_those_of_the_published_table():
    table = load_published("course_project_table01").set_index("method")
    for name, configuration in FULL.printed_winners.items():
        assert table.loc[name, list(TUNED)].to_dict() == {c: configuration[c] for c in TUNED}


def test_a_tiny_training_set_keeps_a_warmup_of_one():
    tiny = Project("project-mini", 10, (20, 48, 64))
    assert {c["warmup_steps"] for c in tiny.manual_grid} == {1}
    assert set(SCALES) == {"project", "project-mini"}
