"""The embedded miniature: nine GLUE-like tasks of a small language, and text to pretrain on."""

from repro.mini.tasks import SIZES, load_mini_task
from repro.mini.text import unlabelled_pairs

__all__ = ["SIZES", "load_mini_task", "unlabelled_pairs"]
