"""ASHA against warm-up: when rungs fall, and what ASHA stops that would have won."""

import numpy as np
import pandas as pd

from repro.study.pools import Clock, Pool
from repro.study.profile import Profile
from repro.study.replay_many import RUNGS, replay_many
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
        ends = grid * epochs, domain.low * epochs, domain.high * epochs
        rungs = tuple(rung / per_epoch for rung in RUNGS if rung / per_epoch <= epochs)
        rows.append((name, epochs, *ends, rungs))
    columns = ["name", "epochs", "warmup_ends", "warmup_ends_low", "warmup_ends_high", "rungs"]
    return pd.DataFrame(rows, columns=columns)


def full_curves(trials: pd.DataFrame, evaluations: pd.DataFrame) -> pd.DataFrame:
    """Pick the trials that ran to the end without ASHA, with their curves.

    Returns:
        the rows of random search's completed trials with a score, one row a distinct
        configuration, with `curve`: the validation scores of all evaluations (tuple).
    """
    full = trials[(trials["method"] == "rs") & (trials["status"] == "completed")]
    full = full.dropna(subset="validation_score")
    curves = evaluations.sort_values("step").groupby("trial_id")["validation_score"].agg(tuple)
    full = full.join(curves.rename("curve"), on="trial_id", how="inner")
    same = ["model", "task", "learning_rate", "warmup_ratio", "batch_size", "hidden_dropout"]
    return full.drop_duplicates(same).reset_index(drop=True)


def asha_losses(full: pd.DataFrame, *, n_orders: int = 100, seed: int = 0) -> pd.DataFrame:
    """Replay ASHA over `full_curves` in random orders: what did it stop that would have won?

    The winner is the trial with the best validation score. All trials of a model and task are
    taken together, one after another, whatever their run, space and budget.

    Returns:
        one row a model and task: n_trials, p_winner_stopped, validation_loss and test_loss (mean
        score of the winner minus that of ASHA's best, over orders; fractions), evaluations_saved
        (share), p_stopped_low and p_stopped_high (how often a trial with less, or more, than the
        median warm-up is stopped at the first rung), warmup_median.
    """
    rows = []
    for number, ((model, task), group) in enumerate(full.groupby(["model", "task"])):
        rng = np.random.default_rng([seed, number])
        orders = np.stack([rng.permutation(len(group)) for _ in range(n_orders)])
        scores = pd.DataFrame(group["curve"].tolist()).to_numpy(float)
        curves = {"validation_score": scores, "step": np.ones(scores.shape).cumsum(axis=1)}
        lengths = group["curve"].str.len().to_numpy()
        pool = Pool(model, task, space="", trials=group, curves=curves, lengths=lengths)
        clock = Clock(workers=1, unit="steps")
        replays = replay_many(pool, orders, clock=clock, deadline=np.inf, asha=True)
        ends = np.empty_like(orders)  # evaluations of each trial, a row an order
        np.put_along_axis(ends, orders, replays.reached, axis=1)
        is_stopped = ends < pool.lengths
        reached = pool.at_best("validation_score")[np.arange(len(pool)), ends - 1]
        best, test = pool.whole("validation_score"), group["test_score"].to_numpy()
        winner, chosen = best.argmax(), reached.argmax(axis=1)
        warmups, median = group["warmup_ratio"].to_numpy(), group["warmup_ratio"].median()
        at_first = pd.Series((is_stopped & (ends == 1)).mean(axis=0))
        losses = (best[winner] - reached.max(axis=1)).mean(), (test[winner] - test[chosen]).mean()
        saved = 1 - ends.sum() / (n_orders * pool.lengths.sum())
        sides = at_first[warmups <= median].mean(), at_first[warmups > median].mean()
        counts = model, task, len(pool), is_stopped[:, winner].mean()
        rows.append((*counts, *losses, saved, *sides, median))
    columns = ["model", "task", "n_trials", "p_winner_stopped", "validation_loss", "test_loss"]
    columns += ["evaluations_saved", "p_stopped_low", "p_stopped_high", "warmup_median"]
    return pd.DataFrame(rows, columns=columns)
