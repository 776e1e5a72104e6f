"""Profiles: what the files say, how values override them, and what is refused."""

import pytest

from repro.models.locate import guess_family
from repro.study.profile import known_profiles, load_profile, overridable_keys, profile_class
from repro.tuning.spaces import grid_configurations


def write_profile(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


MINE = """
methods: [grid, rs]
models:
  - {name: tiny-electra, tasks: [rte, cola], epochs: {rte: 2, cola: 1}}
  - {name: tiny-roberta, tasks: [rte], epochs: 1}
"""


@pytest.mark.parametrize("name", ["smoke", "mini", "laptop", "gpu", "paper"])
def test_every_profile_is_valid_and_described(name):
    profile = load_profile(name)
    assert profile.name == profile.title == name
    assert known_profiles()[name] == profile.description != ""
    for model in profile.models:
        for task in model.tasks:
            assert model.epochs_for(task) >= 1
            assert profile.evaluations_for(task) >= 1


def test_paper_profile_holds_the_published_settings():
    paper = load_profile("paper")
    electra, roberta = paper.models
    # sec. 3: grid searches over two hours were pruned: QQP for ELECTRA, four tasks for RoBERTa
    assert set(electra.tasks) == {"wnli", "rte", "mrpc", "cola", "stsb", "sst2", "qnli", "mnli"}
    assert set(roberta.tasks) == {"wnli", "rte", "mrpc", "cola", "stsb"}
    # Table 2: "10 for RTE/STS-B, 3 for other", RoBERTa 10
    electra_epochs = {task: electra.epochs_for(task) for task in electra.tasks}
    assert {task for task, epochs in electra_epochs.items() if epochs == 10} == {"rte", "stsb"}
    assert set(electra_epochs.values()) == {3, 10}
    assert {roberta.epochs_for(task) for task in roberta.tasks} == {10}
    # Appendix A.1: 10 evaluations an epoch for SST, QNLI and MNLI, 5 for the others
    frequent = {task for task in electra.tasks if paper.evaluations_for(task) == 10}
    assert frequent == {"sst2", "qnli", "mnli"}
    assert (paper.precision, paper.gpus_per_trial, paper.cpus_per_trial) == ("fp16", 1, 1)
    assert (paper.budget_gst, paper.budget_unit, paper.repetitions) == (1, "seconds", 3)
    assert (paper.max_length, paper.adam_epsilon, paper.training_seed) == (128, 1e-6, 42)
    # four GPUs for one run; that more of them train other runs changes nothing
    assert (paper.trials_at_once_per_run, paper.trials_at_once) == (4, None)
    # Dodge et al.'s repository: BertAdam, without 16-bit arithmetic; the article's library: 1e-8
    assert (paper.seed_study.optimizer, paper.seed_study.precision) == ("bertadam", "fp32")
    assert paper.strategies.adam_epsilon == 1e-8
    assert len(grid_configurations(electra.family, epochs=3)) == 3
    assert len(grid_configurations(roberta.family, epochs=10)) == 6


def test_values_override_the_file_and_none_does_not():
    profile = load_profile("mini", repetitions=1, seed=None, budget_gst=0.5)
    assert (profile.repetitions, profile.budget_gst) == (1, 0.5)
    assert profile.seed == load_profile("mini").seed
    assert profile.title == "mini (repetitions 1, budget_gst 0.5)"


def test_tasks_and_epochs_go_to_every_model():
    profile = load_profile("mini", tasks="cola", epochs=7)
    assert [model.tasks for model in profile.models] == [("cola",), ("cola",)]
    assert profile.model("tiny-roberta").epochs_for("cola") == 7


def test_models_are_picked_by_name_or_given_whole():
    assert [m.name for m in load_profile("mini", models="tiny-roberta").models] == ["tiny-roberta"]
    new = load_profile("mini", models=["tiny-bert"]).models[0]
    assert (new.family, new.tasks) == ("bert-mini", load_profile("mini").models[0].tasks)
    whole = {"name": "someone/large", "family": "roberta", "tasks": ["sst2"], "epochs": 2}
    assert load_profile("mini", models=[whole]).models[0].epochs_for("sst2") == 2


def test_epochs_may_differ_by_task_and_have_a_default(tmp_path):
    profile = load_profile(write_profile(tmp_path, MINE))
    assert [profile.models[0].epochs_for(task) for task in ("rte", "cola")] == [2, 1]
    assert profile.name == "mine"
    assert (
        load_profile("mini", evaluations_per_epoch={"default": 5, "rte": 3}).evaluations_for("rte")
        == 3
    )


def test_sizes_hold_for_all_tasks_or_for_one_where_default_is_for_the_others():
    profile = load_profile("mini", sizes={"train": 64, "test": 9})
    assert [profile.data(task).sizes for task in ("rte", "cola")] == [
        (("test", 9), ("train", 64)),
    ] * 2
    by_task = {"default": {"train": 64}, "rte": {"validation": 30}}
    profile = load_profile("mini", sizes=by_task)
    # a task's own sizes stand in the place of the default's
    assert profile.data("rte").sizes == (("validation", 30),)
    assert profile.data("cola").sizes == (("train", 64),)
    profile = load_profile("mini", sizes={"rte": {"train": 20}})
    assert profile.data("cola") == load_profile("mini").data("cola")


def test_16_bits_without_a_gpu_are_bf16():
    asked = {"cpu": {"gpus_per_trial": 0}, "cuda": {"gpus_per_trial": 1}}
    settings = [load_profile("mini", precision="fp16", **a).training("rte") for a in asked.values()]
    assert [s.device for s in settings] == list(asked)
    assert [s.precision for s in settings] == ["bf16", "fp16"]


def test_profile_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load_profile("mini").repetitions = 5


def test_family_is_read_from_a_local_model(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "electra"}')
    assert guess_family(str(tmp_path)) == "electra"
    assert guess_family("FacebookAI/roberta-large") == "roberta"
    assert guess_family("tiny-electra") == "electra-mini"
    with pytest.raises(ValueError, match="must come with its `family`, one of .'electra'"):
        guess_family("google-bert/bert-base-uncased")


def test_unknown_profile_lists_the_known_ones():
    with pytest.raises(FileNotFoundError, match=r"'laptop', 'mini'.*got 'minni'.*mean 'mini'"):
        load_profile("minni")


REFUSED = {
    "budget_units: steps\n" + MINE: r"mine.yaml: unknown key 'budget_units' \(did you mean "
    r"'budget_unit'\?\); known: .*precision",
    MINE.replace("epochs: 1}", "epochs: 1, taks: [rte]}"): r"`models.1.taks`: unknown key \(did "
    r"you mean 'tasks'\?\); known: name, family",
    MINE.replace("epochs: 1}", "}"): "`models.1.epochs`: must be given",
    MINE.replace(
        "cola: 1", "mnli: 1"
    ): "`epochs` must say a number for 'cola'.*add it or a default",
    MINE.replace("[rte, cola]", "[rte, colla]"): "unknown task 'colla'.*mean 'cola'.*wnli",
    MINE.replace("[rte, cola]", "[rte, rte]"): "got 'rte' twice",
    MINE.replace("tiny-roberta", "tiny-electra"): "got 'tiny-electra' twice",
    MINE.replace("tiny-roberta, ", "tiny-roberta, family: roberto, "): "unknown family.*'roberta'",
    MINE.replace("rs]", "sr]"): "unknown method 'sr'.*known: grid, rs",
    "methods: [rs]": "`models`: must be given",
    "models: 3\nmethods: [rs]": "`models`: .*but got 3",
    "- a list": "must hold `key: value` lines",
    "a: [": "must be YAML",
}


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_malformed_file_is_refused_in_one_line_that_names_it(tmp_path, text):
    with pytest.raises(ValueError, match=REFUSED[text]) as caught:
        load_profile(write_profile(tmp_path, text))
    assert "mine.yaml: " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"repetitons": 2}, r"unknown key 'repetitons' \(did you mean 'repetitions'\?\)"),
        ({"name": "other"}, "unknown key 'name'"),
        ({"repetitions": 0}, "`repetitions`: .*greater than or equal to 1, but got 0"),
        ({"repetitions": True}, "`repetitions`: .*but got True"),
        ({"budget_gst": 0}, "`budget_gst`: .*greater than or equal to 0.01, but got 0"),
        ({"budget_gst": float("nan")}, "`budget_gst`: .*finite number, but got nan"),
        ({"budget_unit": "hours"}, "`budget_unit`: .*'steps' or 'seconds', but got 'hours'"),
        ({"precision": "fp8"}, "`precision`: .*'bf16' or 'fp16', but got 'fp8'"),
        ({"split": "random"}, "`split`: .*'resplit' or 'held_out', but got 'random'"),
        ({"gpus_per_trial": -1}, "`gpus_per_trial`: .*but got -1"),
        ({"cpus_per_trial": 0}, "`cpus_per_trial`: .*but got 0"),
        ({"shift": 1.5}, "`shift`: .*less than or equal to 1, but got 1.5"),
        ({"sizes": {"dev": 5}}, "`sizes.*dev.*'train', 'validation' or 'test', but got 'dev'"),
        ({"sizes": {"rtee": {"train": 5}}}, "unknown task of `sizes` 'rtee'.*mean 'rte'"),
        ({"sizes": {"rte": {"train": 5}, "test": 5}}, "`sizes.test`: .*but got 5"),
        ({"source": "no/such/place"}, "`source`: must be mini, hub or an existing directory"),
        ({"source": "hub", "shift": 0.5}, "`shift` must be left out unless `source` is mini"),
        ({"trials_at_once_per_run": 4, "trials_at_once": 2}, "`trials_at_once` must be at least"),
        ({"tasks": []}, "`models.0.tasks`: .*at least 1"),
        ({"methods": []}, "`methods`: .*at least 1"),
        ({"epochs": 0}, "`models.0.epochs.default`: .*but got 0"),
        ({"models": ["no/idea"]}, "model 'no/idea' must come with its `family`"),
        ({"tasks": "mine/absent.yaml"}, "absent.yaml"),
    ],
)
def test_impossible_value_is_refused(overrides, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        load_profile("mini", **overrides)


def test_overridable_keys_are_those_that_load_profile_takes():
    profile = load_profile("mini")
    same = {key: getattr(profile, key) for key in overridable_keys() if hasattr(profile, key)}
    again = load_profile("mini", **same, tasks=["rte"], epochs=1)
    assert again.methods == profile.methods
    assert "name" not in overridable_keys()


@pytest.fixture
def made_up_chapter(tmp_path, monkeypatch):
    """A chapter that the package does not have, in a folder of its own."""
    from repro import chapters

    (tmp_path / "made_up").mkdir()
    (tmp_path / "made_up/__init__.py").touch()
    (tmp_path / "made_up/settings.py").write_text(
        "from repro.study.settings import Count, Section\n"
        "class MadeUp(Section):\n"
        "    n: Count = 3\n"
        "    def check(self, profile):\n"
        "        if self.n < profile.repetitions:\n"
        "            raise ValueError('`made_up` must repeat all')\n"
        "SECTIONS = {'made_up': MadeUp}\n"
    )
    monkeypatch.setattr(chapters, "__path__", [*chapters.__path__, str(tmp_path)])
    profile_class.cache_clear()
    yield
    profile_class.cache_clear()


def test_a_new_chapter_adds_its_section_by_being_there(made_up_chapter):
    assert load_profile("mini").made_up.n == 3
    assert load_profile("mini", made_up={"n": 5}).title == "mini (made_up n 5)"
    with pytest.raises(ValueError, match=r"`made_up.m`: unknown key.*known: n"):
        load_profile("mini", made_up={"m": 5})
    with pytest.raises(ValueError, match="mini.yaml: `made_up` must repeat all"):
        load_profile("mini", made_up={"n": 2})


def test_without_the_chapter_its_section_is_unknown():
    with pytest.raises(ValueError, match="unknown key 'made_up'; known: .*procedure"):
        load_profile("mini", made_up={"n": 5})
