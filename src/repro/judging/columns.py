"""What the columns of other people's tables mean: scores, hyperparameters, seeds, and the rest."""

import re
from collections.abc import Iterable

from repro.names import check_name, suggest_name

# other tools' names of hyperparameters -> ours (see `records`)
SYNONYMS = {
    **dict.fromkeys(("lr", "learningrate", "peak_lr", "base_lr"), "learning_rate"),
    **dict.fromkeys(("warmup", "warmup_proportion", "warm_up_ratio"), "warmup_ratio"),
    **dict.fromkeys(("num_warmup_steps", "n_warmup_steps", "warm_up_steps"), "warmup_steps"),
    **dict.fromkeys(("wd", "decay", "l2"), "weight_decay"),
    **dict.fromkeys(
        ("bs", "batchsize", "train_batch_size", "per_device_train_batch_size"), "batch_size"
    ),
    **dict.fromkeys(("num_epochs", "n_epochs", "num_train_epochs", "max_epochs"), "epochs"),
    **dict.fromkeys(("dropout", "hidden_dropout_prob", "dropout_rate"), "hidden_dropout"),
    "attention_probs_dropout_prob": "attention_dropout",
    **dict.fromkeys(("eps", "epsilon", "adam_eps"), "adam_epsilon"),
    **dict.fromkeys(("grad_clip", "clip_norm", "gradient_clipping"), "max_grad_norm"),
    **dict.fromkeys(("max_seq_length", "max_seq_len", "max_len"), "max_length"),
}
UP = frozenset(
    "accuracy acc f1 auc auroc matthews mcc pearson spearman bleu rouge r2 precision recall map "
    "ndcg em score reward".split()
)
DOWN = frozenset("loss error err perplexity ppl mse mae rmse wer cer nll".split())
SHARES = frozenset("accuracy acc em error err".split())  # of right or wrong answers
_SCORES = ("validation_score", "val_score", "eval_score", "score", "objective", "value", "metric")
_VALIDATION = ("validation", "val", "valid", "eval", "dev")
_CONFIG = re.compile(r"^(params|config|hyperparameters|hparams|hp)[_/.]", re.IGNORECASE)
# names of columns, and words in them, that are no hyperparameters; in doubt a column is one: that
# tells configurations apart, at worst too finely, which refuses an interval and never invents one
_NAMES = frozenset(
    "trial trial_id number name id run run_id job job_type tag tags notes user sweep created state "
    "status group host hostname node_ip pid worker description github commit message task dataset "
    "profile repetition training_iteration iterations_since_restore checkpoint_dir_name logdir "
    "experiment_tag done epoch step global_step number_of_steps direction mode".split()
)
_WORDS = frozenset(
    "time runtime duration seconds timestamp datetime date elapsed memory system".split()
)
_SEEDS = frozenset("seed seeds replicate".split())
_STATUSES = {
    "completed": "complete completed finished terminated done success succeeded ok",
    "stopped": "pruned stopped cut early_stopped diverged",
    "failed": "fail failed error errored crashed killed preempted nan",
    "running": "running waiting pending queued paused",
}
STATUS = {word: status for status, words in _STATUSES.items() for word in words.split()}


def key(column: object) -> str:
    """Write a column's name in lower case with underscores."""
    return re.sub(r"[^a-z0-9]+", "_", str(column).lower()).strip("_")


def hyperparameter_name(column: str) -> str:
    """Return our name of a hyperparameter where it has one, without a tool's prefix."""
    bare = _CONFIG.sub("", str(column))
    return SYNONYMS.get(key(bare), bare)


def find_score(columns: Iterable[str]) -> str:
    """Find the one column that is the validation score.

    Raises:
        ValueError: if there is none, or more than one could be it.
    """
    names = {key(column): column for column in columns if not _CONFIG.match(str(column))}
    for name in _SCORES:
        if name in names:
            return names[name]
    measures = [k for k in names if set(k.split("_")) & (UP | DOWN)]
    found = [k for k in measures if k.split("_")[0] in _VALIDATION]
    found = found or [k for k in measures if k.split("_")[0] not in ("test", "train")]
    if len(found) == 1:
        return names[found[0]]
    what = f"but {[names[k] for k in found]} could be it" if found else "but none looks like it"
    raise ValueError(
        f"one column must be the validation score, {what} among {[*map(str, names.values())]}; "
        "name it: score='...'"
    )


def find_test_score(columns: Iterable[str], score: str) -> str | None:
    """Find the column of test scores that goes with the validation score, if there is one."""
    names = {key(column): column for column in columns}
    first, _, rest = key(score).partition("_")
    rest = rest if first in _VALIDATION else key(score)
    tests = [name for name in names if name.split("_")[0] == "test"]
    fitting = [name for name in (f"test_{rest}", "test_score", "test") if name in tests]
    return names[fitting[0]] if fitting else None


def find_direction(score: str, direction: str | None) -> int:
    """Return 1 where larger is better and -1 where smaller is.

    Args:
        direction: "maximize", "minimize", or None to tell from the name of the score.
    """
    if direction is not None:
        signs = {"maximize": 1, "minimize": -1}
        word = re.sub("[^a-z]", "", str(direction).lower())[-8:]  # StudyDirection.MAXIMIZE, too
        return signs[check_name("direction", word, signs)]
    words = set(key(score).split("_"))
    if bool(words & DOWN) != bool(words & UP):
        return -1 if words & DOWN else 1
    raise ValueError(
        f"whether larger is better must be known, but {score!r} does not say; "
        "give direction='maximize' or 'minimize'"
    )


def find_hyperparameters(columns: Iterable[str], asked: Iterable[str] | None) -> list[str]:
    """Find the columns that are hyperparameters.

    Those with a tool's prefix (`params_`, `config/`) if there are any; else all but what looks like
    a measure, a seed, a time or a name.
    """
    columns = list(columns)
    for name in asked or ():
        if name not in columns:
            near = suggest_name(name, map(str, columns))
            raise ValueError(f"hyperparameter {name!r} must be a column{near}; there are {columns}")
    if asked is not None:
        return list(asked)
    if prefixed := [c for c in columns if is_prefixed(c) and not is_seed(c)]:
        return prefixed
    ours, measures = set(SYNONYMS.values()), UP | DOWN | _SEEDS | _WORDS | {"test"}
    return [
        column
        for column in columns
        if hyperparameter_name(column) in ours
        or not (
            str(column).startswith(("_", "Unnamed", "user_attrs", "system_attrs"))
            or key(column) in _NAMES
            or set(key(column).split("_")) & measures
        )
    ]


def is_prefixed(column: object) -> bool:
    return bool(_CONFIG.match(str(column)))


def is_seed(column: object) -> bool:
    return bool(_SEEDS & set(key(_CONFIG.sub("", str(column))).split("_")))
