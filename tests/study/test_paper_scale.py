"""The paper's profile, driven whole on local folders that look like the hub's."""

import shutil

import pytest

from repro.data.miniature.tasks import load_mini_task
from repro.paths import data_directory
from repro.study.profile import load_profile
from repro.study.study import enumerate_runs, run_all

pytest_plugins = ("shared_ray",)
# On a busy machine Ray may have to start again; the first attempt leaves open pipes behind.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"
)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A copy of the hub's repositories of RTE and of an ELECTRA, both of them tiny."""
    folder = tmp_path_factory.mktemp("hub")
    frames = load_mini_task("rte", sizes={"train": 48, "validation": 24, "test": 24})
    frames["test"]["label"] = -1  # as on the hub: hidden
    (folder / "glue" / "rte").mkdir(parents=True)
    for split, frame in frames.items():
        frame.to_parquet(folder / "glue" / "rte" / f"{split}-00000-of-00001.parquet")
    shutil.copytree(data_directory() / "mini" / "tiny-electra", folder / "electra")
    return folder


def paper(hub, **changes):
    model = {"name": str(hub / "electra"), "family": "electra", "tasks": ["rte"], "epochs": 2}
    local = {"source": str(hub / "glue"), "models": [model], "max_length": 48, "gpus_per_trial": 0}
    return load_profile("paper", **(local | changes))


def test_the_paper_profile_runs_its_whole_path(hub, shared_ray, tmp_path):
    profile = paper(hub, repetitions=1, trials_at_once_per_run=2, trials_at_once=2)
    assert (profile.precision, profile.budget_unit) == ("fp16", "seconds")
    results = run_all(profile, enumerate_runs(profile), results=tmp_path)
    runs, trials = results.runs.set_index("method"), results.trials
    assert (trials["status"].isin(["completed", "stopped", "cut"])).all()
    assert trials["test_score"].isna().all()  # GLUE's test labels are hidden
    assert trials["validation_score"].notna().all()
    # grid search's own seconds are the budget of the others, which end after it, not before
    grid_seconds = trials.loc[trials["method"] == "grid", "seconds"].sum()
    assert runs.loc["rs", "budget"] == pytest.approx(grid_seconds)
    assert (runs.loc[["rs", "asha", "bo_asha"], "spent"] >= grid_seconds - 1e-9).all()
    predictions = results.predictions(runs.loc["grid", "run_id"])
    assert len(predictions.query("split == 'test' and checkpoint == 'best'")) == 24
