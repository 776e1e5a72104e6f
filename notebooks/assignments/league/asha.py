"""ASHA: random search whose poor trials are stopped early."""

import math
import random
from bisect import insort


class Tuner:
    """Stop a trial that is not among the best quarter at a rung."""

    def __init__(self, space, budget, seed):
        self.space, self.rng = space, random.Random(seed)
        self.rungs = {0.25: [], 1.0: []}

    def suggest(self):
        """Draw at random, and always ask for all four epochs."""
        return {name: self._draw(*d) for name, d in self.space.items()} | {"epochs": 4}

    def _draw(self, low, high, scale):
        if scale == "log":
            return math.exp(self.rng.uniform(math.log(low), math.log(high)))
        return self.rng.randint(low, high) if scale == "whole" else self.rng.uniform(low, high)

    def tell(self, trial, configuration, epochs, score):
        """Go on unless the score is below the best quarter of those seen here before."""
        seen = self.rungs.get(epochs)
        if seen is None:
            return True
        goes_on = not seen or score >= seen[int(0.75 * (len(seen) - 1))]
        insort(seen, score)
        return goes_on
