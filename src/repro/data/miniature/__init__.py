"""The embedded miniature: nine GLUE-like tasks of a small language."""
