"""The embedded miniature: nine GLUE-like tasks of a small language."""

from repro.data.miniature.tasks import SIZES, load_mini_task

__all__ = ["SIZES", "load_mini_task"]
