"""Random search: every trial to its end."""

import math
import random


class Tuner:
    """Suggest configurations; hear how they do; say whether they go on.

    Args:
        space: name -> lowest, highest, scale ("log", "linear" or "whole").
        budget: epochs, over all trials.
    """

    def __init__(self, space, budget, seed):
        self.space, self.rng = space, random.Random(seed)

    def suggest(self):
        """Return the next configuration: a number for each name of the space."""
        return {name: self._draw(*domain) for name, domain in self.space.items()}

    def _draw(self, low, high, scale):
        if scale == "log":
            return math.exp(self.rng.uniform(math.log(low), math.log(high)))
        return self.rng.randint(low, high) if scale == "whole" else self.rng.uniform(low, high)

    def tell(self, trial, configuration, epochs, score):
        """Hear the validation score of a trial after so many epochs; return whether it goes on."""
        return True
