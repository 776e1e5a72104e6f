"""ASHA against warm-up: when rungs fall, and what ASHA stops that would have won."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from repro.study.profile import Profile
from repro.study.replay_many import KEPT, RUNGS
from repro.tuning.spaces import grid_configurations, search_space


def rung_times(profile: Profile) -> pd.DataFrame:
    """Say when rungs fall and when warm-up ends, in epochs, in the paper and under a profile.

    Returns:
        one row a model and number of epochs, the paper's (five evaluations an epoch) first: name,
        epochs, warmup_ends (grid search's), warmup_ends_low and warmup_ends_high (of the search
        space), and rungs (tuple), those before the end of training.
    """
    settings = [
        ("ELECTRA-base (paper)", "electra", 3, 5),
        ("ELECTRA-base, RTE and STS-B (paper)", "electra", 10, 5),
        ("RoBERTa-base (paper)", "roberta", 10, 5),
    ]
    for model in profile.models:
        epochs = [model.epochs_for(task) for task in model.tasks]
        per_epoch = map(profile.evaluations_for, model.tasks)
        pairs = sorted(set(zip(epochs, per_epoch, strict=True)))
        settings += [(model.name, model.family, *pair) for pair in pairs]
    rows = []
    for name, family, epochs, per_epoch in settings:
        domain = search_space(family, epochs=epochs).domains["warmup_ratio"]
        grid = grid_configurations(family, epochs=epochs)[0]["warmup_ratio"]
        row = {"name": name, "epochs": epochs, "warmup_ends": grid * epochs}
        row |= {"warmup_ends_low": domain.low * epochs, "warmup_ends_high": domain.high * epochs}
        rows.append(row | {"rungs": tuple(r / per_epoch for r in RUNGS if r / per_epoch <= epochs)})
    return pd.DataFrame(rows)


def full_curves(trials: pd.DataFrame, evaluations: pd.DataFrame) -> pd.DataFrame:
    """Pick the trials that ran to the end without ASHA, with their curves.

    Returns:
        the rows of random search's completed trials with a score, one row a distinct
        configuration, with `curve`: the validation scores of all evaluations (tuple), and
        short_warmup (not above the median of its model and task).
    """
    full = trials[(trials["method"] == "rs") & (trials["status"] == "completed")]
    full = full.dropna(subset="validation_score")
    curves = evaluations.sort_values("step").groupby("trial_id")["validation_score"].agg(tuple)
    full = full.join(curves.rename("curve"), on="trial_id", how="inner")
    same = ["model", "task", "learning_rate", "warmup_ratio", "batch_size", "hidden_dropout"]
    full = full.drop_duplicates(same).reset_index(drop=True)
    medians = full.groupby(["model", "task"])["warmup_ratio"].transform("median")
    return full.assign(short_warmup=full["warmup_ratio"] <= medians)


def replay_asha(
    curves: Sequence[Sequence[float]], order: Sequence[int], *, rungs: Sequence[int] = RUNGS
) -> np.ndarray:
    """Run ASHA's stopping rule over full curves, trial after trial.

    At a rung a trial stops when its score lies below the best quarter of those that were there
    before it, as Ray's scheduler decides.

    Args:
        curves: the scores of each trial's evaluations; they may differ in number.
        order: which trial comes first, second, ...
    Returns:
        shape (n_trials,), the evaluations of each trial until its end.
    """
    ends, seen = np.array([len(curve) for curve in curves]), {rung: [] for rung in rungs}
    for trial in order:
        curve = curves[trial]
        for rung in (r for r in rungs if r <= len(curve)):
            earlier, here = seen[rung], curve[rung - 1]
            stops = bool(earlier) and here < np.nanquantile(earlier, KEPT)
            earlier.append(here)
            if stops:
                ends[trial] = rung
                break
    return ends


def asha_losses(full: pd.DataFrame, *, n_orders: int = 100, seed: int = 0) -> pd.DataFrame:
    """Replay ASHA over `full_curves` in random orders: what did it stop that would have won?

    The winner is the trial with the best validation score. All trials of a model and task are
    taken together, whatever their run, space and budget.

    Returns:
        one row a model and task: n_trials, p_winner_stopped, validation_loss and test_loss (mean
        score of the winner minus that of ASHA's best, over orders; fractions), evaluations_saved
        (share), p_stopped_low and p_stopped_high (how often a trial with less, or more, than the
        median warm-up is stopped at the first rung), warmup_median.
    """
    rows = []
    for number, ((model, task), group) in enumerate(full.groupby(["model", "task"])):
        rng = np.random.default_rng([seed, number])
        curves, test = list(group["curve"]), group["test_score"].to_numpy()
        lengths = np.array([len(curve) for curve in curves])
        best = np.array([np.nanmax(curve) for curve in curves])
        winner, orders, stopped_first = int(np.argmax(best)), [], []
        for _ in range(n_orders):
            ends = replay_asha(curves, rng.permutation(len(curves)))
            reached = [np.nanmax(c[:end]) for c, end in zip(curves, ends, strict=True)]
            chosen = int(np.argmax(reached))
            losses = best[winner] - reached[chosen], test[winner] - test[chosen]
            saved = 1 - ends.sum() / lengths.sum()
            orders.append((ends[winner] < lengths[winner], *losses, saved))
            stopped_first.append((ends < lengths) & (ends == 1))
        row = {"model": model, "task": task, "n_trials": len(curves)}
        row |= dict(zip(_LOSSES, map(np.mean, zip(*orders, strict=True)), strict=True))
        share, short = pd.Series(np.mean(stopped_first, axis=0)), group["short_warmup"].to_numpy()
        row |= {"p_stopped_low": share[short].mean(), "p_stopped_high": share[~short].mean()}
        rows.append(row | {"warmup_median": group["warmup_ratio"].median()})
    columns = ["model", "task", "n_trials", *_LOSSES, "p_stopped_low", "p_stopped_high"]
    return pd.DataFrame(rows, columns=[*columns, "warmup_median"])


_LOSSES = ("p_winner_stopped", "validation_loss", "test_loss", "evaluations_saved")
