"""Carry out tuning runs in this process, and as if killed after so many trials."""

from functools import partial
from itertools import chain, repeat

from repro.tuning import in_process

_OF_WORKERS = ("cpus_per_trial", "gpus_per_trial", "trials_at_once", "in_process")


def tune_runs(*arguments, stop_after=None, **settings):
    """Stand in for `ray_tune.tune_runs`."""
    answers = chain(repeat(False, stop_after), repeat(True)) if stop_after else repeat(False)
    settings = {name: value for name, value in settings.items() if name not in _OF_WORKERS}
    in_process.tune_runs(*arguments, **settings, stop=partial(next, answers))
