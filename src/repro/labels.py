"""What tables and figures call the tasks, methods, metrics and hyperparameters, and in what order.

Order and task names follow Liu & Wang 2021, Table 3. An unknown name is shown as it is, last.
"""

from collections.abc import Iterable, Mapping

TASK_LABELS = {
    "wnli": "WNLI",
    "rte": "RTE",
    "mrpc": "MRPC",
    "cola": "CoLA",
    "stsb": "STS-B",
    "sst2": "SST-2",
    "qnli": "QNLI",
    "qqp": "QQP",
    "mnli": "MNLI",
    "superglue_rte": "RTE (SuperGLUE)",
}
METHOD_LABELS = {
    "grid": "grid",
    "rs": "RS",
    "asha": "RS+ASHA",
    "bo_asha": "BO+ASHA",
    "bo": "BO",
    "hyperopt_asha": "Bayesian search",
    "pbt": "PBT",
    "seeds": "seeds",
    "seeds_asha": "seeds+ASHA",
}
# The order of a pair in one cell: F1/accuracy for MRPC, Pearson/Spearman for STS-B.
METRIC_LABELS = {
    "f1": "F1",
    "accuracy": "acc.",
    "matthews": "Matthews",
    "pearson": "Pearson",
    "spearman": "Spearman",
    "score": "score",
}
HYPERPARAMETER_LABELS = {
    "learning_rate": "learning rate",
    "warmup_ratio": "warm-up ratio",
    "warmup_steps": "warm-up steps",
    "batch_size": "batch size",
    "hidden_dropout": "hidden dropout",
    "attention_dropout": "attention dropout",
    "weight_decay": "weight decay",
    "epochs": "epochs",
    "adam_epsilon": "Adam epsilon",
    "max_grad_norm": "gradient clipping",
    "max_length": "maximum length",
}
SOURCE_LABELS = {
    "liu_wang_2021": "Liu & Wang 2021",
    "dodge_2020": "Dodge et al. 2020",
    "wandb_article": "Weights & Biases article",
    "course_project": "Course project",
    "mosbach_2021": "Mosbach et al. 2021",
    "zhang_2021": "Zhang et al. 2021",
    "bouthillier_2021": "Bouthillier et al. 2021",
    "jordan_2024": "Jordan 2024",
    "schneider_2025": "Schneider et al. 2025",
    "future_work": "Liu & Wang's future work",
}
EVIDENCE_LABELS = {
    "published": "printed numbers",
    "miniature": "miniature",
    "recorded": "recorded curves",
    "own run": "own runs",
    "none": "none",
}


def in_order(names: Iterable[str], labels: Mapping[str, str]) -> list[str]:
    """Return the distinct `names`, the known ones in the order of `labels`, the others after."""
    names = set(names)
    return [n for n in labels if n in names] + sorted(names - set(labels))


def label(name: str, labels: Mapping[str, str]) -> str:
    """Return the label of `name`, or the name itself where it has none."""
    return labels.get(name, name)


def join_words(words: list[str]) -> str:
    """Write a list as in a sentence: a, b and c."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def in_number(n: int, noun: str) -> str:
    """Write a number of things: 1 claim, 1,200 claims."""
    return f"{n:,} {noun}{'s' * (n != 1)}"
