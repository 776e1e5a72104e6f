"""Optuna's tree-structured Parzen estimator: every trial to its end."""

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)


class Tuner:
    """Model which configurations did well, and suggest more of these."""

    def __init__(self, space, budget, seed):
        self.space, self.trial, self.last = space, None, None
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=4)
        self.study = optuna.create_study(direction="maximize", sampler=sampler)

    def suggest(self):
        """Tell the study how the last trial ended, and ask it for the next."""
        if self.trial is not None and self.last is not None:
            self.study.tell(self.trial, self.last)
        self.trial, self.last = self.study.ask(), None
        return {name: self._ask(name, *domain) for name, domain in self.space.items()}

    def _ask(self, name, low, high, scale):
        if scale == "whole":
            return self.trial.suggest_int(name, low, high)
        return self.trial.suggest_float(name, low, high, log=scale == "log")

    def tell(self, trial, configuration, epochs, score):
        """Keep the latest score."""
        self.last = score
        return True
