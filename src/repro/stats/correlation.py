"""How alike two scores of the same trials are."""

import numpy as np


def row_correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return Pearson's r of each row of `x` with that of `y`; NaN where one is constant.

    Args:
        x, y: shape (..., n).
    """
    x, y = x - x.mean(axis=-1, keepdims=True), y - y.mean(axis=-1, keepdims=True)
    spread = np.sqrt((x**2).sum(axis=-1) * (y**2).sum(axis=-1))
    constant = spread < 1e-12
    return np.where(constant, np.nan, (x * y).sum(axis=-1) / np.where(constant, 1, spread))
