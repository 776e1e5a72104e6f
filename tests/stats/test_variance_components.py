"""Components of the variance: by hand, where they are known, and where there are none."""

import numpy as np
import pandas as pd
import pytest

from repro.stats.variance_components import crossed_components, variance_components


def components_of(values):
    table = variance_components(pd.DataFrame(values, dtype=float), factors=("rows", "columns"))
    return table.set_index("factor")


def test_analysis_of_variance_by_hand():
    # rows means 2, 4; column means 2, 4; grand 3; interaction residuals 1, -1, -1, 1
    # SS: rows 4, columns 4, rest 4 with 1, 1, 1 degrees: F = 1, p = .5, components 0
    found = components_of([[2, 2], [2, 6]])
    assert found.loc[["rows", "columns"], "F"].tolist() == pytest.approx([1, 1])
    assert found.loc[["rows", "columns"], "p"].tolist() == pytest.approx([0.5, 0.5])
    assert found["variance"].tolist() == pytest.approx([0, 0, 4])
    assert found.loc["rest", ["F", "p"]].isna().all()


def test_components_are_found_again_with_and_without_holes():
    rng = np.random.default_rng(3)
    rows, columns = rng.normal(0, 2, (40, 1)), rng.normal(0, 1, (1, 40))
    values = rows + columns + rng.normal(0, 1, (40, 40))
    expected = {"rows": float(rows.var(ddof=1)), "columns": float(columns.var(ddof=1)), "rest": 1.0}
    for holes in (0, 180):
        values.flat[rng.choice(1600, holes, replace=False)] = np.nan
        found = components_of(values)
        assert found["variance"].to_dict() == pytest.approx(expected, rel=0.1)
        assert ((found["low"] < found["share"]) & (found["share"] < found["high"])).all()
        assert (found["n_missing"] == holes).all()
    assert found["share"].sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "values", [np.full((3, 3), 0.5), [[1, np.nan], [np.nan, 2]], [[1, 2]], np.full((2, 2), np.nan)]
)
def test_what_cannot_be_split_is_nan(values):
    found = components_of(values)
    assert found["share"].isna().all()
    assert (found["n_missing"] == np.isnan(np.asarray(values, float)).sum()).all()


def test_three_factors_on_a_latin_square_by_hand():
    # levels (i, j, i + j mod 3); the third alone has effects, 0, 1, 2, on three cells each: its sum
    # of squares is 3 x (1 + 0 + 1) = 6 on 2 degrees; noise that is orthogonal to all adds the rest
    i, j = np.indices((3, 3)).reshape(2, -1)
    third = (i + j) % 3
    noise = np.where((i - j) % 3 == 0, 0.2, -0.1)  # the fourth factor of the square
    frame = pd.DataFrame({"a": i, "b": j, "c": third, "score": third + noise})
    found = crossed_components(frame, factors=["a", "b", "c"]).set_index("factor")
    assert found["df"].tolist() == [2, 2, 2, 2]
    rest = (noise**2).sum() / 2
    assert found.loc["rest", "variance"] == pytest.approx(rest)
    assert found.loc["c", "F"] == pytest.approx(3 / rest)
    assert found.loc["c", "variance"] == pytest.approx((3 - rest) / 3)
    assert found.loc[["a", "b"], "variance"].tolist() == [0, 0]
