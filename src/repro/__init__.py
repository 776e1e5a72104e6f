"""Does hyperparameter tuning help when fine-tuning a pretrained language model?

Importing the package loads nothing. Notebooks import what they need from the modules; these are
there for everybody's own trials, and loaded when asked for:

- `repro.judge(trials)`: is the best of them better than the default, or luck?
- `repro.design(effect=...)`: how many seeds, trials and examples does a study need?
- `repro.check_landing(...)`, `repro.landing_callback(...)`: did hyperparameters reach the training?
"""

from importlib import import_module

__version__ = "0.1.0"
_HOMES = {
    "judge": "repro.judging.judgement",
    "design": "repro.judging.design",
    "check_landing": "repro.judging.landing",
    "landing_callback": "repro.judging.landing",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'repro' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
