"""Pretrain a tiny ELECTRA, RoBERTa or BERT on the miniature language's unlabelled text.

    PYTHONPATH=tools python -m pretrain.pretraining --model tiny-bert --out DIR

On masked rows each family keeps its own objective: masked tokens; for ELECTRA replaced ones, with a
generator. On intact rows all share two: name, from the first token, the word that joined or opened
the passage, or how it was tampered with (`tampering`); and find the words put there. Without them
models this small hardly learn to compare two segments.
"""

import argparse
import random
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from pretrain.corpus import (
    END,
    MASK,
    N_SPECIALS,
    PAD,
    SPECIAL_SIDE,
    START,
    choose_masked,
    encode,
    hide,
    make_corpus,
    paired_batches,
)
from pretrain.manifest import write_manifest
from pretrain.recipe import GENERATOR_SIZE, MODELS, NO_DROPOUT, SIZE, STEPS, Recipe
from pretrain.tampering import corrupt
from pretrain.text import unlabelled_pairs
from pretrain.tokenizer import make_tokenizer
from pretrain.vectors import content_words, neighbours, word_vectors
from repro.data.miniature.lexicon import all_words
from repro.paths import data_directory

# --------------------------------------------------------------------------------- models


def make_config(family, n_words, **changes):
    """Describe a tiny model of a family."""
    own = {"type_vocab_size": 1 if family == "roberta" else 2}
    if family == "electra":
        own["embedding_size"] = SIZE["hidden_size"]
    settings = SIZE | own | changes
    return transformers.AutoConfig.for_model(
        family,
        vocab_size=n_words, pad_token_id=PAD, bos_token_id=START, eos_token_id=END,
        **settings,
    )  # fmt: skip


class TokenHead(nn.Module):
    """Predict words from hidden states, with the word embeddings as the output layer."""

    def __init__(self, hidden_size, embeddings):
        super().__init__()
        width = embeddings.embedding_dim
        self.transform = nn.Sequential(
            nn.Linear(hidden_size, width), nn.GELU(), nn.LayerNorm(width)
        )
        self.embeddings = embeddings
        self.bias = nn.Parameter(torch.zeros(embeddings.num_embeddings))

    def forward(self, hidden):
        return F.linear(self.transform(hidden), self.embeddings.weight, self.bias)


class Pretrainer(nn.Module):
    """A model to pretrain together with the heads that are dropped afterwards.

    Args:
        n_words: vocabulary size, special tokens included.
        n_links: classes of the first token's task.
    """

    def __init__(self, recipe, n_words, n_links):
        super().__init__()
        self.recipe, self.family = recipe, recipe.family
        config = make_config(recipe.family, n_words, num_labels=n_links, **NO_DROPOUT)
        self.model = transformers.AutoModelForSequenceClassification.from_config(config)
        self.encoder = getattr(self.model, recipe.family)
        embeddings = self.encoder.get_input_embeddings()
        width = SIZE["hidden_size"]
        self.replaced = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))
        if recipe.family == "electra":
            small = make_config(recipe.family, n_words, **GENERATOR_SIZE, **NO_DROPOUT)
            self.generator = transformers.ElectraModel(small)
            self.generator.embeddings.word_embeddings = embeddings
            width = GENERATOR_SIZE["hidden_size"]
        self.tokens = TokenHead(width, embeddings)

    def encode(self, encoder, ids, side):
        """Encode token ids; BERT and ELECTRA are told the segments, RoBERTa is not."""
        known = (ids != PAD).long()
        if self.family == "roberta":
            return encoder(ids, attention_mask=known)
        second = ((side == 1).long().cumsum(1) > 0).long() * known
        return encoder(ids, attention_mask=known, token_type_ids=second)

    def forward(self, ids, shown, *, side, changed, links, chosen):
        """Give the losses of a batch whose first rows are masked and whose last ones are not.

        Args:
            ids, side, changed: shape (n, length); see `corpus.Rows`.
            shown: shape (n_masked, length), the ids the model sees in the first rows.
            links: shape (n_intact,), the links of the last rows.
            chosen: shape (n_masked, length), the tokens to predict in the first rows.
        Returns:
            dict of named losses and accuracies; `loss` is the weighted sum to minimise.
        """
        n, report = len(chosen), {}
        if self.family == "electra":
            shown = self._generate(shown, ids[:n], side[:n], chosen, report)
        changed = torch.cat([shown != ids[:n], changed[n:]])
        shown = torch.cat([shown, ids[n:]])
        output = self.encode(self.encoder, shown, side)
        hidden = output.last_hidden_state
        if self.family != "electra":
            _report(report, "token", self.tokens(hidden[:n][chosen]), ids[:n][chosen])
        words = (side != SPECIAL_SIDE) & (shown != MASK)
        _report(report, "replaced", self.replaced(hidden[words])[:, 0], changed[words])
        pooled = output.pooler_output if self.family == "bert" else hidden
        _report(report, "link", self.model.classifier(pooled[n:]), links)
        weights = {"token": 1.0, "link": 1.0, "replaced": self.recipe.replaced_weight}
        report["loss"] = sum(w * report[f"{name}_loss"] for name, w in weights.items())
        return report

    def _generate(self, masked, ids, side, chosen, report):
        """Fill the masks with words drawn from the generator, and add its losses to the report."""
        hidden = self.encode(self.generator, masked, side).last_hidden_state
        logits = self.tokens(hidden[chosen])
        _report(report, "token", logits, ids[chosen])
        filled = masked.clone()
        filled[chosen] = torch.multinomial(logits.detach().softmax(-1), 1)[:, 0]
        return filled


def _report(report, name, logits, labels):
    """Add a loss and an accuracy to a report; logits of one dimension are of a binary choice."""
    if logits.ndim == 1:
        report[f"{name}_loss"] = F.binary_cross_entropy_with_logits(logits, labels.float())
        guess = logits > 0
    else:
        report[f"{name}_loss"] = F.cross_entropy(logits, labels)
        guess = logits.argmax(-1)
    report[f"{name}_accuracy"] = (guess == labels).float().mean()


# ------------------------------------------------------------------------------- training


def sinusoids(n, size):
    """Tabulate sines and cosines of n positions, so that near positions have like rows.

    Source: Vaswani et al. 2017, "Attention is all you need", sec. 3.5; with base 100 for 10,000, as
    sentences here are short.
    """
    angles = torch.arange(n)[:, None] / 100 ** (torch.arange(size // 2) / (size // 2))
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def start(model, vectors):
    """Start words from word vectors, positions from sinusoids and keys from the queries."""
    recipe = model.recipe
    with torch.no_grad():
        table = model.encoder.get_input_embeddings().weight
        table[N_SPECIALS:] = torch.from_numpy(vectors[N_SPECIALS:]) * recipe.word_spread
        for name, weight in model.named_parameters():
            if "position_embeddings" in name:
                weight.copy_(sinusoids(*weight.shape) * recipe.position_spread * 2**0.5)
        for module in model.encoder.modules():
            if hasattr(module, "query") and hasattr(module, "key"):
                nn.init.normal_(module.query.weight, std=recipe.query_key_spread)
                module.key.weight.copy_(module.query.weight)


def make_optimizer(model):
    """Make AdamW with linear warm-up and decay; no decay on biases and LayerNorms."""
    recipe = model.recipe
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, recipe.learning_rate, betas=(0.9, 0.98), fused=True)
    schedule = transformers.get_linear_schedule_with_warmup(
        optimizer, min(recipe.warmup_steps, recipe.steps // 2), recipe.steps
    )
    return optimizer, schedule


def set_dropout(model, rate):
    """Set the rate of every dropout in a model."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = rate


def draw_batches(corpus, recipe, near, content):
    """Yield batches without end, as the arguments `Pretrainer.forward` takes."""
    rng, generator = random.Random(recipe.seed), np.random.default_rng(recipe.seed)
    near_lists, sizes = near.tolist(), (recipe.masked_rows, recipe.intact_rows)
    while True:
        intact = corrupt(corpus, rng, near_lists, content.tolist())
        for masked_part, intact_part in paired_batches(corpus.pairs, intact, sizes, rng):
            rows = encode([*masked_part, *intact_part], recipe.family)
            chosen = choose_masked(generator, rows.side[: sizes[0]])
            ids = rows.ids[: sizes[0]]
            shown = hide(generator, ids, chosen, near=near, replaced_share=recipe.replaced_share)
            arrays = {"ids": rows.ids, "shown": shown, "side": rows.side, "changed": rows.changed}
            arrays |= {"links": rows.links[sizes[0] :], "chosen": chosen}
            yield {name: torch.from_numpy(array) for name, array in arrays.items()}


def prepare(recipe):
    """Draw the corpus, and make a model started from it and its batches."""
    corpus = make_corpus(unlabelled_pairs(recipe.n_pairs, seed=recipe.seed), all_words())
    vectors = word_vectors(corpus, SIZE["hidden_size"])
    near, content = neighbours(vectors), content_words(corpus)
    model = Pretrainer(recipe, corpus.n_words, len(corpus.links))
    start(model, vectors)
    return model, draw_batches(corpus, recipe, near, content)


def pretrain(recipe, *, progress=None, every=250):
    """Pretrain a model.

    Args:
        progress: called with (step, averages since its last call).
    Returns:
        the `Pretrainer` and the last averages. The same on every call with one thread.
    """
    averages, recent = {}, []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model, batches = prepare(recipe)
        optimizer, schedule = make_optimizer(model)
        for step in range(1, recipe.steps + 1):
            if step > recipe.dropout_from * recipe.steps:
                set_dropout(model.encoder, recipe.dropout)
            report = model(**next(batches))
            _update(model, optimizer, schedule, report["loss"])
            recent.append({name: value.item() for name, value in report.items()})
            if step % every == 0 or step == recipe.steps:
                averages = {k: round(float(np.mean([r[k] for r in recent])), 4) for k in recent[0]}
                recent.clear()
                if progress:
                    progress(step, averages)
    return model, averages


def _update(model, optimizer, schedule, loss):
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()


# --------------------------------------------------------------------------------- saving


def save(model, averages, out):
    """Write weights, config, tokenizer and manifest so that transformers' Auto classes load them.

    The layer that reads the first token (`dense`; BERT's pooler) is kept, the output layer of the
    first token's task and all other heads are dropped.
    """
    out.mkdir(parents=True, exist_ok=True)
    words = all_words()
    output_layer = "classifier." if model.family == "bert" else "classifier.out_proj."
    state = {k: v.contiguous() for k, v in model.model.state_dict().items()}
    state = {k: v for k, v in state.items() if not k.startswith(output_layer)}
    save_file(state, out / "model.safetensors", metadata={"format": "pt"})
    config = make_config(model.family, len(words) + N_SPECIALS)
    config.architectures = [type(model.model).__name__]
    config.save_pretrained(out)
    make_tokenizer(model.family, words).save_pretrained(out)
    write_manifest(model.recipe, averages, sum(p.numel() for p in model.model.parameters()), out)


def main(arguments=None):
    """Pretrain one model, or all three, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, help="all three if none is named")
    parser.add_argument("--out", type=Path, help="directory to write to; data/mini/MODEL if none")
    parser.add_argument("--steps", type=int, default=STEPS, help="of pretraining; %(default)s")
    parser.add_argument("--seed", type=int, default=Recipe.seed, help="%(default)s")
    options = parser.parse_args(arguments)
    if options.out and not options.model:
        parser.error("`--out` is the directory of one model; name it by `--model`")
    torch.set_num_threads(1)  # another number of threads gives other weights
    for name in [options.model] if options.model else MODELS:
        recipe = Recipe(name.removeprefix("tiny-"), steps=options.steps, seed=options.seed)
        model, averages = pretrain(recipe, progress=lambda *report: print(*report, flush=True))
        save(model, averages, options.out or data_directory("mini") / name)


if __name__ == "__main__":
    main()
