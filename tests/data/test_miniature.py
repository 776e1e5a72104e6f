"""The embedded miniature: language, tasks, pretraining and the embedded models."""

import json
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from pretrain import corpus
from pretrain.manifest import check_manifest
from pretrain.pretraining import main, pretrain, save
from pretrain.recipe import FAMILIES, MODELS, Recipe
from pretrain.tampering import corrupt
from pretrain.text import unlabelled_pairs
from pretrain.tokenizer import make_tokenizer
from pretrain.vectors import content_words, neighbours, word_vectors
from repro.data.miniature import lexicon
from repro.data.miniature.grammar import Event, Phrase, Voice, ask, tell
from repro.data.miniature.pairs import event_similarity
from repro.data.miniature.relations import contradict, extend, near_miss, restate, weaken
from repro.data.miniature.single import MISTAKES
from repro.data.miniature.tasks import SIZES, load_mini_task
from repro.paths import ROOT

MODELS_DIRECTORY = ROOT / "data/mini"
COLUMNS = {
    "cola": ["sentence"],
    "sst2": ["sentence"],
    "mrpc": ["sentence1", "sentence2"],
    "stsb": ["sentence1", "sentence2"],
    "qqp": ["question1", "question2"],
    "mnli": ["premise", "hypothesis"],
    "qnli": ["question", "sentence"],
    "rte": ["sentence1", "sentence2"],
    "wnli": ["sentence1", "sentence2"],
}
EVENT = Event(
    Phrase("doctor", "the", "young"),
    "praise",
    Phrase("owl", "a"),
    place=Phrase("market", "the"),
)


@pytest.fixture(scope="module", params=SIZES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def frames(name):
    return load_mini_task(name)


def voice(seed=0):
    return Voice(random.Random(seed))


def texts(name, frame):
    return set(frame[COLUMNS[name]].itertuples(index=False, name=None))


# --------------------------------------------------------------------------------- tasks


def test_frames_have_glue_columns_and_sizes(name, frames):
    assert {split: len(frame) for split, frame in frames.items()} == SIZES[name]
    for frame in frames.values():
        assert list(frame) == [*COLUMNS[name], "label", "idx"]
        assert list(frame["idx"]) == list(range(len(frame)))
        assert not frame.isna().any(axis=None)


def test_same_seed_same_frames_whatever_the_global_generators(name, frames):
    random.seed(1)
    np.random.seed(1)
    again = load_mini_task(name)
    other = load_mini_task(name, seed=1)
    for split, frame in frames.items():
        assert frame.equals(again[split])
        assert not frame.equals(other[split])


def test_shift_changes_the_test_split_alone(name, frames):
    shifted = load_mini_task(name, shift=1.0)
    assert frames["train"].equals(shifted["train"])
    assert frames["validation"].equals(shifted["validation"])
    assert not frames["test"].equals(shifted["test"])


def test_shift_moves_frequent_words_to_rare_ones(name):
    """The commonest noun of all validation texts is rarer in the shifted test."""
    frames = load_mini_task(name, shift=1.0, sizes={"validation": 200, "test": 200})
    words = [" ".join(frames[s][COLUMNS[name]].to_numpy().ravel()).split() for s in frames]
    nouns = set(lexicon.OPINION_TARGETS if name == "sst2" else lexicon.NOUNS["person"])
    counts = [[w.count(noun) / len(w) for noun in sorted(nouns)] for w in words]
    assert counts[2][int(np.argmax(counts[1]))] < max(counts[1])


def test_no_text_is_in_two_splits(name, frames):
    splits = [texts(name, frame) for frame in frames.values()]
    assert sum(map(len, splits)) == sum(map(len, frames.values()))
    assert len(set.union(*splits)) == sum(map(len, splits))


@pytest.mark.parametrize(
    ("name", "shares"),
    [("cola", {1: 0.7}), ("mrpc", {1: 0.67}), ("qqp", {1: 0.37}), ("mnli", {0: 1 / 3, 2: 1 / 3}),
     ("sst2", {1: 0.52}), ("qnli", {0: 0.5}), ("rte", {0: 0.5})],
)  # fmt: skip
def test_labels_come_in_glue_like_shares(name, shares):
    labels = load_mini_task(name)["train"]["label"]
    for label, share in shares.items():  # noise moves a share by at most 4 points
        assert (labels == label).mean() == pytest.approx(share, abs=0.045)


def test_stsb_scores_fill_the_range():
    scores = load_mini_task("stsb")["train"]["label"]
    assert scores.dtype == float
    assert scores.between(0, 5).all()
    assert scores.std() > 1


def test_wnli_validation_asks_the_other_candidate_of_training_sentences():
    frames = load_mini_task("wnli")
    train, validation = frames["train"], frames["validation"]
    assert list(validation["label"].value_counts()[[0, 1]]) == [40, 31]  # as in GLUE
    both = validation.merge(train, on="sentence1", suffixes=("", "_train"))
    assert len(both) >= 64  # 65 in GLUE
    assert (both["label"] != both["label_train"]).all()
    assert (both["sentence2"] != both["sentence2_train"]).all()


def test_sizes_can_be_overridden_for_some_splits():
    frames = load_mini_task("rte", sizes={"train": 7})
    assert [len(frame) for frame in frames.values()] == [7, 120, 250]
    assert len(load_mini_task("mnli", sizes={"validation": 1})["validation"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "rt"}, r"must be asked for one of cola, sst2.*got 'rt'"),
        ({"shift": 1.5}, r"`shift` must lie in \[0, 1\], but got 1.5"),
        ({"shift": float("nan")}, "`shift` must lie"),
        ({"sizes": {"dev": 3}}, r"must name train, validation or test, but got \['dev'\]"),
        ({"sizes": {"test": 0}}, r"must be at least 1, but got \{'test': 0\}"),
    ],
)
def test_impossible_requests_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        load_mini_task(**{"name": "rte"} | arguments)


# ------------------------------------------------------------------------------ language


def test_every_word_is_in_the_vocabulary_once():
    words = lexicon.all_words()
    assert len(words) == len(set(words))
    assert 900 <= len(words) <= 1100
    used = {w for row in unlabelled_pairs(3000, seed=0) for s in row[::2] for w in s.split()}
    used |= {
        w for n in SIZES for t in texts(n, load_mini_task(n)["test"]) for s in t for w in s.split()
    }
    assert used <= set(words)
    assert len(used) > 0.95 * len(words)


def test_no_content_word_has_two_meanings():
    words = [w for group in lexicon.SYNONYM_SETS for w in group]
    assert len(words) == len(set(words))


def test_an_event_told_and_asked():
    passive = replace(EVENT, passive=True, fronted=True, negated=True)
    assert tell(EVENT) == "the young doctor praised an owl in the market"
    assert tell(passive) == "in the market , an owl was not praised by the young doctor"
    assert ask(EVENT, "agent") == "who praised an owl in the market ?"
    assert ask(EVENT, "place") == "where did the young doctor praise an owl ?"
    assert ask(EVENT, "patient") == "which animal did the young doctor praise in the market ?"
    assert ask(passive, "agent") == "by whom was an owl praised in the market ?"
    assert ask(passive, "patient") == "which animal was praised by the young doctor in the market ?"
    assert ask(EVENT, "truth") == "did the young doctor praise an owl in the market ?"


def test_changes_of_meaning_are_graded_as_such():
    for seed in range(50):
        assert event_similarity(EVENT, restate(voice(seed), EVENT)) > 0.9
        for change, most in ((near_miss, 0.96), (contradict, 0.8), (extend, 0.99)):
            assert event_similarity(EVENT, change(voice(seed), EVENT)) < most
    assert event_similarity(EVENT, EVENT) == pytest.approx(1.0)


def test_weakening_never_strengthens():
    """`every` and `few` keep nouns and adjectives, negated events stay as they are."""
    every = replace(EVENT, agent=Phrase("doctor", "every", "young"), place=None)
    few = replace(every, agent=Phrase("doctor", "few", "young", plural=True))
    for seed in range(30):
        agent = weaken(voice(seed), every, steps=1).agent
        assert agent in (every.agent, replace(every.agent, determiner="a"))
        assert weaken(voice(seed), few).agent == few.agent
        assert weaken(voice(seed), replace(EVENT, negated=True)) == replace(EVENT, negated=True)


def test_every_mistake_changes_a_sentence():
    words = "every young doctor was not praised by the tall nurse".split()
    for mistake in MISTAKES:
        assert mistake(voice(), words) not in (None, words)
        assert mistake(voice(), ["never", "never"]) in (None, ["never", "never"])


def test_a_voice_at_shift_one_prefers_what_was_rare():
    items = tuple(range(20))
    draws = [[Voice(random.Random(i), shift).pick(items) for i in range(2000)] for shift in (0, 1)]
    common = np.bincount(draws[0]).argmax()
    assert np.mean(np.equal(draws[0], common)) > 4 * np.mean(np.equal(draws[1], common))


# -------------------------------------------------------------------------------- corpus


@pytest.fixture(scope="module")
def small():
    return corpus.make_corpus(unlabelled_pairs(500, seed=0), lexicon.all_words())


def test_unlabelled_text_depends_on_its_seed_alone():
    assert unlabelled_pairs(20, seed=1) == unlabelled_pairs(30, seed=1)[:20]
    assert unlabelled_pairs(20, seed=1) != unlabelled_pairs(20, seed=2)


def test_rows_are_laid_out_as_the_family_does():
    pairs = [corpus.Pair([10, 11], 3, [12, 14], [12, 13]), corpus.Pair([], 0, [11, 9], [11, 9])]
    bert, roberta = corpus.encode(pairs, "bert"), corpus.encode(pairs, "roberta")
    assert bert.ids.tolist() == [[2, 10, 11, 3, 12, 14, 3], [2, 11, 9, 3, 0, 0, 0]]
    assert bert.side.tolist() == [[2, 0, 0, 2, 1, 1, 2], [2, 0, 0, 2, 2, 2, 2]]
    assert np.argwhere(bert.changed).tolist() == [[0, 5]]
    assert roberta.ids.tolist() == [[2, 10, 11, 3, 3, 12, 14, 3], [2, 11, 9, 3, 0, 0, 0, 0]]


@pytest.mark.parametrize("family", FAMILIES)
def test_tokenizer_lays_pairs_out_as_pretraining_did(family, small):
    tokenizer = make_tokenizer(family, lexicon.all_words())
    first, _, second = unlabelled_pairs(1, seed=0)[0]
    assert (
        tokenizer(first, second)["input_ids"]
        == corpus.encode(small.pairs[:1], family).ids[0].tolist()
    )
    assert tokenizer("the Doctor xyz")["input_ids"][-2] == corpus.UNKNOWN


def test_masks_hit_words_only_and_leave_one_segment_intact(small):
    side = corpus.encode(small.pairs, "bert").side
    chosen = corpus.choose_masked(np.random.default_rng(0), side, one_sided=1.0)
    assert not chosen[side == corpus.SPECIAL_SIDE].any()
    assert chosen.any(axis=1).all()
    assert not ((chosen & (side == 0)).any(axis=1) & (chosen & (side == 1)).any(axis=1)).any()


def test_tampering_is_labelled_as_what_it_is(small):
    near = neighbours(word_vectors(small, 8)).tolist()
    tampered = corrupt(small, random.Random(0), near, content_words(small).tolist())
    for before, after in zip(small.pairs, tampered, strict=True):
        link = small.links[after.link]
        if link in small.connectives:
            assert after == before
        elif link == corpus.SWAPPED:
            assert sorted(after.second) == sorted(before.second)
        elif link == corpus.REPLACED:
            assert after.original == before.second != after.second
        elif link == corpus.BROKEN:
            assert not after.first
            assert after.second != before.second
    assert {small.links[pair.link] for pair in tampered} == set(small.links)


# --------------------------------------------------------------------------- pretraining


def test_pretraining_repeats_itself():
    recipe = Recipe("electra", steps=2, n_pairs=300)
    model, averages = pretrain(recipe)
    torch.manual_seed(99)
    again, _ = pretrain(recipe)
    assert all(map(torch.equal, model.state_dict().values(), again.state_dict().values()))
    assert np.isfinite(list(averages.values())).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pretrained_model_loads_without_special_code(family, tmp_path):
    model, averages = pretrain(Recipe(family, steps=1, n_pairs=300))
    save(model, averages, tmp_path)
    assert check_manifest(tmp_path)["recipe"]["steps"] == 1
    reloaded = AutoModel.from_pretrained(tmp_path).state_dict()
    kept = model.encoder.state_dict()
    assert all(torch.equal(kept[key], reloaded[key]) for key in kept)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"family": "gpt"}, "must be one of electra.*'gpt'"), ({"steps": 0}, "at least 1, but got 0")],
)
def test_impossible_recipes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**{"family": "bert", "steps": 1} | arguments)


def test_the_command_refuses_unknown_models(capsys):
    with pytest.raises(SystemExit):
        main(["--model", "tiny-gpt"])
    assert "invalid choice: 'tiny-gpt'" in capsys.readouterr().err


# ------------------------------------------------------------------------ embedded models


@pytest.mark.parametrize("model", MODELS)
def test_embedded_weights_are_those_of_their_manifest(model):
    manifest = check_manifest(MODELS_DIRECTORY / model)
    assert f"--model {model}" in manifest["command"]
    assert (MODELS_DIRECTORY / model / "model.safetensors").stat().st_size < 4e6


@pytest.mark.parametrize("model", MODELS)
def test_embedded_models_lack_an_output_layer_and_nothing_else(model):
    loaded, information = AutoModelForSequenceClassification.from_pretrained(
        MODELS_DIRECTORY / model, num_labels=3, output_loading_info=True
    )
    layer = "classifier." if model == "tiny-bert" else "classifier.out_proj."
    assert set(information["missing_keys"]) == {f"{layer}weight", f"{layer}bias"}
    assert not information["unexpected_keys"]
    tokenizer = AutoTokenizer.from_pretrained(MODELS_DIRECTORY / model)
    inputs = tokenizer(["the doctor praised an owl"], ["who ?"], return_tensors="pt")
    assert loaded(**inputs).logits.shape == (1, 3)
    assert tokenizer.unk_token_id not in inputs["input_ids"]


def test_changed_weights_are_noticed(tmp_path):
    for file in ("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / file).write_text("{}")
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # of "{}"
    (tmp_path / "manifest.json").write_text(json.dumps({"sha256": {"config.json": digest}}))
    assert check_manifest(tmp_path)["sha256"]
    (tmp_path / "config.json").write_text("{ }")
    with pytest.raises(ValueError, match=r"config.json changed.*make pretrain"):
        check_manifest(tmp_path)
