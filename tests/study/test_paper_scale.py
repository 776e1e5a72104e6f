"""The paper's profile, driven whole through a stand-in for the hub, with tiny models in it."""

import pytest

from hub_server import model_files, serve_glue, serve_model, serving
from repro.study.profile import load_profile
from repro.study.study import enumerate_runs, run_all
from repro.tuning.runs import wall_clock

pytest_plugins = ("shared_ray",)
# On a busy machine Ray may have to start again; the first attempt leaves open pipes behind.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"
)
ELECTRA = "google/electra-base-discriminator"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The hub with RTE and an ELECTRA, both of them tiny, in the state that they are in there."""
    with serving(monkeypatch, tmp_path / "cache") as server:
        serve_model(server, ELECTRA, model_files("tiny-electra"))
        serve_glue(server, ["rte"], sizes={"train": 48, "validation": 24, "test": 24})
        yield server


def test_the_paper_profile_runs_its_whole_path(hub, shared_ray, tmp_path):
    profile = load_profile(
        "paper",
        models=[ELECTRA],
        tasks=["rte"],
        epochs=2,
        max_length=48,  # the most that the tiny model takes is 64
        gpus_per_trial=0,
        repetitions=1,
        trials_at_once_per_run=2,
        trials_at_once=2,
    )
    assert (profile.source, profile.precision, profile.budget_unit) == ("hub", "fp16", "seconds")
    results = run_all(profile, enumerate_runs(profile), results=tmp_path / "results")
    n_asked = len(hub.requests)
    hub.close()  # what follows is offline
    runs, trials = results.runs.set_index("method"), results.trials
    assert (trials["status"].isin(["completed", "stopped", "cut"])).all()
    assert trials["test_score"].isna().all()  # GLUE's test labels are hidden
    assert trials["validation_score"].notna().all()
    # grid search's own wall clock is the budget of the others, which end after it, not before
    grid = trials[trials["method"] == "grid"].sort_values("trial")["seconds"]
    assert runs.loc["rs", "budget"] == pytest.approx(wall_clock(grid, trials_at_once=2), rel=0.5)
    assert runs.loc["rs", "budget"] < grid.sum()
    others = runs.loc[["rs", "asha", "bo_asha"]]
    assert (others["spent"] >= others["budget"] - 1e-9).all()
    predictions = results.predictions(runs.loc["grid", "run_id"])
    assert len(predictions.query("split == 'test' and checkpoint == 'best'")) == 24
    assert len(list((tmp_path / "results/encoded").iterdir())) == 1  # by the driver, for all
    again = run_all(profile, enumerate_runs(profile), results=tmp_path / "results")
    assert again.trials.equals(trials)
    assert len(hub.requests) == n_asked
