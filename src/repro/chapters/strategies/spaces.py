"""The three search spaces of the Weights & Biases article, and their miniature.

The article extends the space from method to method, so that a difference between two methods is
also one between two spaces. The batch size, the epochs and the warm-up of its Bayesian search are
intervals; we take their whole numbers. Population-based training draws a member's epochs once and
does not perturb them, as in Ray's example that the article was made with.

Source: "Hyperparameter Optimization for HuggingFace Transformers", Weights & Biases.
"""

import itertools

from repro.tuning.spaces import Choice, SearchSpace, Uniform, WholeNumber

ARTICLE_TRAIN_SIZE = 2490  # examples of RTE; the warm-up of the miniature is in proportion
_RATE_SCALE = {"article": 1.0, "article-mini": 30.0}  # as for RoBERTa's miniature (see `spaces`)
LONGEST = 5  # epochs, of any run
SCALES = tuple(_RATE_SCALE)


def article_grid(scale: str) -> list[dict]:
    """Return the 18 configurations of the article's grid search, in a fixed order."""
    rates = [rate * _RATE_SCALE[scale] for rate in (2e-5, 3e-5, 5e-5)]
    names = ("learning_rate", "batch_size", "epochs")
    points = itertools.product(rates, (16, 32), (2, 3, 4))
    return [dict(zip(names, point, strict=True)) | {"warmup_steps": 0} for point in points]


def bayesian_space(scale: str, *, n_train: int) -> SearchSpace:
    """Return the article's space of Bayesian search; a miniature's warm-up fits its data's size."""
    full_warmup = 500
    if scale != "article":
        full_warmup = max(1, round(full_warmup * n_train / ARTICLE_TRAIN_SIZE))
    return SearchSpace(
        name="article",
        family=scale,
        domains={
            "learning_rate": _rates(scale),
            "warmup_steps": WholeNumber(0, full_warmup),
            "weight_decay": Uniform(0.0, 0.3),
            "batch_size": WholeNumber(16, 64),
            "epochs": WholeNumber(2, 5),
        },
        fixed={},
    )


def population_space(scale: str) -> SearchSpace:
    """Return the article's space of population-based training."""
    return SearchSpace(
        name="article",
        family=scale,
        domains={
            "learning_rate": _rates(scale),
            "weight_decay": Uniform(0.0, 0.3),
            "batch_size": Choice((16, 32, 64)),
            "epochs": Choice((2, 3, 4, 5)),
        },
        fixed={"warmup_steps": 0},
    )


def _rates(scale: str) -> Uniform:
    return Uniform(1e-5 * _RATE_SCALE[scale], 5e-5 * _RATE_SCALE[scale])
