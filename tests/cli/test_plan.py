"""What a profile's notebooks would cost, before anything is trained."""

import pytest

from official_layout import write_official
from repro.chapters.initial.run import planned_runs
from repro.cli.plan import COUNTED, by_part, describe, plan
from repro.study.profile import chapter_modules, load_profile
from repro.study.runs import bind_run

KEYS = ["section", "part", "model", "task"]
ELECTRA, ROBERTA = "google/electra-base-discriminator", "FacebookAI/roberta-base"
# three learning rates on RTE: 10 epochs of ceil(2490 / 32) = 78 steps
ON_RTE = 3 * 10 * 78


@pytest.fixture(scope="module")
def paper():
    return plan(load_profile("paper"), steps_per_second=10.0).table


def select(table, *key):
    """Return the rows of a section, part, model and task, or of the first of these."""
    return table[(table[KEYS[: len(key)]] == list(key)).all(axis=1)]


def test_the_paper_profile_has_the_papers_grids(paper):
    assert "qqp" not in set(paper["task"])  # pruned
    electra = select(paper, "01 initial study", "grid", ELECTRA, "rte").iloc[0]
    assert (electra["trials"], electra["steps"]) == (3, ON_RTE)
    assert electra["hours"] == pytest.approx(ON_RTE / 10 / 3600)
    # RoBERTa on RTE: 3 rates x 10 epochs x (156 steps of 16 + 78 steps of 32)
    roberta = select(paper, "01 initial study", "grid", ROBERTA, "rte").iloc[0]
    assert (roberta["trials"], roberta["steps"]) == (6, 3 * 10 * (156 + 78))
    searches = select(paper, "01 initial study", "rs", ELECTRA, "rte")
    assert searches["steps"].tolist() == [3 * ON_RTE]
    # 8 tasks + 5 tasks, each 1 grid search and 3 x 3 tuning runs (sec. 4)
    assert select(paper, "01 initial study")["runs"].sum() == (8 + 5) * 10
    assert (paper["done"] == -1).all()  # not looked for


def test_the_procedures_worst_case_by_hand(paper):
    # a method: 3 repetitions at 1 GST in the first round, which are the initial study's
    first = select(paper, "02 procedure", "first round", ELECTRA, "rte")
    assert first["steps"].tolist() == [3 * 3 * ON_RTE]  # of three methods
    assert set(first["bound"]) == {COUNTED}
    # then 4 GST in the full space, in S-wr and in Smin
    further = select(paper, "02 procedure", "further rounds", ELECTRA, "rte")
    assert further["runs"].tolist() == [3 * 9]
    assert further["steps"].tolist() == [3 * 3 * 3 * 4 * ON_RTE]
    assert set(further["bound"]) == {"at most"}
    other = load_profile("paper", procedure={"budgets_gst": [2]}, tasks=["rte"])
    table = plan(other, steps_per_second=1).table
    first = select(table, "02 procedure", "first round", ELECTRA, "rte")
    assert first["steps"].tolist() == [3 * 3 * 2 * ON_RTE] and set(first["bound"]) == {""}


def test_the_other_sections_by_hand(paper):
    # Dodge et al.: 2,100 trials; on RTE 625, of 3 epochs of ceil(2490 / 16) = 156 steps
    assert select(paper, "03 seed study")["trials"].sum() == 2100
    rte = select(paper, "03 seed study", "seeds", "google-bert/bert-large-uncased", "rte")
    assert rte["steps"].item() == 625 * 3 * 156
    # A.5: grid search and 5 times 4 GST of random search; 8 of 10 parts of 104743 + 5463 examples
    resplit = select(paper, "04 resplit", "resplit", ELECTRA, "qnli")
    assert resplit["steps"].item() == (1 + 5 * 4) * 3 * 3 * -(-int(0.8 * 110206) // 32)
    # the article: 3 x 3 Bayesian searches of 60 trials, at most 5 epochs of 156 steps
    strategies = select(paper, "05 strategies").set_index("part")
    assert strategies.loc["hyperopt_asha", "steps"] == 9 * 60 * 5 * 156
    # 3 rates x (2 + 3 + 4) epochs x (156 + 78) steps, three times
    assert strategies.loc["grid", "steps"] == 3 * 3 * 9 * (156 + 78)
    # 8 members of at most 5 epochs; 5 intervals of an epoch, or 10 of a half
    assert strategies.loc["pbt", ["trials", "steps"]].tolist() == [3 * 8 * 15, 3 * 8 * 2 * 780]
    assert strategies.index[strategies["bound"] == ""].tolist() == ["grid"]
    assert set(strategies["bound"]) == {"", "at most"}
    # the project: 15 configurations x 5 seeds of 3 epochs of ceil(3668 / 32) = 115 steps
    stages = select(paper, "06 three stages").set_index("part")
    assert stages.loc["one-factor", ["trials", "steps"]].tolist() == [75, 75 * 345]
    trials = {"one-factor": 75, "manual": 3 * 18, "cold": 3 * 20, "warm": 3 * 20, "final": 6 * 20}
    assert stages["trials"].to_dict() == trials


def test_the_total_counts_nothing_twice(paper):
    total, rows = paper.iloc[-1], paper.iloc[:-1]
    counted = rows[rows["bound"] != COUNTED]
    for name in ("runs", "trials", "steps", "hours", "gigabytes"):
        assert total[name] == pytest.approx(counted[name].sum())
    assert total["bound"] == "at most"
    short = by_part(paper)
    assert short["steps"].sum() == paper["steps"].sum()
    assert not short.duplicated(["section", "part", "model"]).any()


def test_a_plan_measures_the_rate_and_counts_what_is_done(tmp_path):
    profile = load_profile("smoke", tasks=["rte"])
    grid = bind_run(profile, next(planned_runs(profile)).run, results=tmp_path)
    grid.path.mkdir(parents=True)
    (grid.path / "run.json").write_text("{}")
    table = plan(profile, results=tmp_path).table
    assert table["steps"].iloc[:4].tolist() == [6] * 4
    assert (table["hours"] > 0).all()
    rows = table.iloc[:-1]
    depends = rows["part"].isin(["further rounds", "pbt from best seeds", "warm", "final"])
    assert rows.loc[depends, "done"].eq(-1).all()
    done = rows[~depends].set_index(KEYS)["done"]
    assert done[done > 0].to_dict() == {("01 initial study", "grid", "tiny-electra", "rte"): 1}
    assert done.min() == 0
    assert table["done"].iloc[-1] == 1


def test_each_chapter_that_is_found_is_planned(paper):
    chapters = {module.SECTION for module in chapter_modules("run", having="SECTION")}
    assert chapters == set(paper["section"]) - {"total"}
    one = plan(load_profile("paper"), steps_per_second=10.0, notebooks=["05_strategy_comparison"])
    assert set(one.table["section"]) == {"05 strategies", "total"}


def test_a_notebook_without_its_data_is_left_out_and_said_so(tmp_path):
    profile = load_profile(
        "laptop", source=str(write_official(tmp_path, "cola")), split="official", tasks=["cola"]
    )
    planned = plan(profile, steps_per_second=1)
    assert set(planned.table["section"]) == {"01 initial study", "total"}
    assert {"03 seed study", "05 strategies", "06 three stages"} < set(planned.left_out)
    assert "mrpc" in planned.left_out["06 three stages"].lower()
    with pytest.raises((ValueError, OSError), match="(?i)mrpc"):
        plan(profile, steps_per_second=1, notebooks=["06"])
    with pytest.raises(ValueError, match="one of .'00'. must tune, but none does"):
        plan(profile, steps_per_second=1, notebooks=["00_start_here"])


def test_there_must_be_a_rate_for_each_model():
    rates = {ELECTRA: 20.0, ROBERTA: 40.0}
    profile = load_profile("paper", tasks=["rte"])
    table = plan(profile, steps_per_second=rates, notebooks=["01"]).table
    hours = {m: select(table, "01 initial study", "rs", m)["hours"].sum() for m in rates}
    assert hours[ELECTRA] == pytest.approx(3 * ON_RTE / 20 / 3600)
    assert hours[ROBERTA] == pytest.approx(3 * 3 * 10 * (156 + 78) / 40 / 3600)
    with pytest.raises(ValueError, match=f"unknown model of rates '{ROBERTA}'"):
        plan(profile, steps_per_second={ELECTRA: 20.0}, notebooks=["01"])


def test_hours_are_divided_by_what_runs_side_by_side(paper):
    one = plan(load_profile("paper"), steps_per_second=10.0, gpus=1)
    assert (one.slots, one.hours) == (1, pytest.approx(paper["hours"].iloc[-1]))
    eight = plan(load_profile("paper", gpus_per_trial=0.5), steps_per_second=10.0, gpus=8)
    assert (eight.slots, eight.hours) == (16, pytest.approx(one.hours / 16))
    capped = load_profile("paper", trials_at_once=4)
    assert plan(capped, steps_per_second=10.0, gpus=8).slots == 4


def test_a_cards_hours_by_hand():
    # ELECTRA-base on RTE: 32 examples of 70 tokens, .51 GFLOP a token: 1.141 TFLOP a step, which
    # a T4 does in 87.8 ms; the launches take 12 ms more. 277 examples are evaluated 5 times an
    # epoch of 2490, at a third of the cost: 1 + .185
    profile = load_profile("paper", tasks=["rte"], models=[ELECTRA])
    table = plan(profile, card="T4", gpus=1, notebooks=["01"]).table
    hours = select(table, "01 initial study", "grid")["hours"].item()
    assert hours == pytest.approx(ON_RTE * 0.0998 * 1.185 / 3600, rel=0.01)
    with pytest.raises(ValueError, match="unknown card 'T5'; known: T4, V100"):
        plan(profile, card="T5")


def test_a_profile_for_gpus_is_planned_for_a_small_card_where_there_is_none(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    profile = load_profile("paper", tasks=["rte"])
    planned = plan(profile, notebooks=["01"])
    assert planned.hours == plan(profile, card="T4", gpus=1, notebooks=["01"]).hours
    assert "T4" in describe(planned, profile, notebooks=["01"])


def test_disk_and_memory_by_hand():
    planned = plan(load_profile("paper"), steps_per_second=1.0)
    # 2 generations x 8 members x (weights and two averages, 1.31 GB together, of BERT-base)
    assert planned.disk["states of a population"] == pytest.approx(2 * 8 * 1.31, rel=0.01)
    # in fp32: 3 base models of .44, .44 and .5 GB, BERT-large of 1.33 and DistilBERT of .27
    assert planned.disk["models"] == pytest.approx(0.44 + 0.44 + 0.5 + 1.33 + 0.27, rel=0.02)
    assert planned.gigabytes > 21 + 3
    large = planned.device_gigabytes["google-bert/bert-large-uncased"]
    assert large == max(planned.device_gigabytes.values()) and 8 < large < 12
    kept = plan(load_profile("paper", keep_checkpoints=True), steps_per_second=1.0)
    per_run = kept.table["gigabytes"].iloc[-1] / kept.table["runs"].iloc[-1]
    assert 0.3 < per_run < 0.6  # a base model's checkpoint each


def test_the_miniature_needs_neither_downloads_nor_a_gpu():
    planned = plan(load_profile("smoke"), steps_per_second=1.0)
    assert set(planned.disk) == {"encoded examples", "states of a population"}
    assert max(planned.device_gigabytes.values()) < 0.1
    assert "card" not in describe(planned, load_profile("smoke"))
