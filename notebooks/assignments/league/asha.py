"""ASHA: random search whose poor trials are stopped early."""

import math
import random
from bisect import insort


class Tuner:
    """Suggest what random search suggests; stop a trial that is in the lower half at a rung."""

    def __init__(self, space, budget, seed):
        self.space, self.rng = space, random.Random(seed)
        self.rungs = {0.25: [], 0.5: [], 1.0: [], 2.0: []}  # epochs -> scores seen there

    def suggest(self):
        """Draw at random."""
        return {name: self._draw(*domain) for name, domain in self.space.items()}

    def _draw(self, low, high, scale):
        if scale == "log":
            return math.exp(self.rng.uniform(math.log(low), math.log(high)))
        return self.rng.randint(low, high) if scale == "whole" else self.rng.uniform(low, high)

    def tell(self, trial, configuration, epochs, score):
        """Go on unless the score is below the median of those seen here before."""
        seen = self.rungs.get(epochs)
        if seen is None:
            return True
        goes_on = not seen or score >= seen[(len(seen) - 1) // 2]
        insort(seen, score)
        return goes_on
