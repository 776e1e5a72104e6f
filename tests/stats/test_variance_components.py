"""Components of the variance: by hand, where they are known, and where there are none."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import f as f_distribution

from repro.stats.decisions import above, runs_needed, within
from repro.stats.variance_components import (
    crossed_components,
    variance_components,
    variance_ratio,
)


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


def seeds(of="rows", to="rest"):
    return {"of": of, "to": to, "units": "seeds"}


def test_a_component_held_against_none_is_the_f_test():
    # rows' mean square over the rest's, with 5 and 15 degrees of freedom, up to the draws' error
    rng = np.random.default_rng(2)
    table = rng.normal(size=(6, 4)) + rng.normal(size=(6, 1))
    found = variance_ratio(table, above(), **seeds())
    rows, columns = table.mean(axis=1), table.mean(axis=0)
    rest = table - rows[:, None] - columns + table.mean()
    f = 4 * rows.var(ddof=1) / ((rest**2).sum() / 15)
    assert found.value == pytest.approx((f - 1) / 4)
    assert found.p_for == pytest.approx(f_distribution.sf(f, 5, 15), abs=0.004)
    # the ends of the interval are those of the F test: (f / F - 1) / 4
    ends = (f / f_distribution.ppf([0.975, 0.025], 5, 15) - 1) / 4
    assert (found.low, found.high) == pytest.approx(ends.clip(0), rel=0.05)


def test_rows_against_columns_is_columns_against_rows_of_the_table_on_its_side():
    rng = np.random.default_rng(1)
    table = rng.normal(size=(8, 8)) + 2 * rng.normal(size=(8, 1)) + rng.normal(size=(1, 8))
    found = variance_ratio(table, above(1), **seeds("rows", "columns"))
    turned = variance_ratio(table.T, above(1), **seeds("columns", "rows"))
    assert turned.value == pytest.approx(found.value)
    assert turned.p == pytest.approx(found.p, abs=0.01)


def test_seeds_of_like_strength_are_equivalent_where_there_are_enough():
    rng = np.random.default_rng(0)
    many = rng.normal(size=(90, 90)) + rng.normal(size=(90, 1)) + rng.normal(size=(1, 90))
    assert variance_ratio(many, within(1 / 2, 2), **seeds("rows", "columns")).p_for < 0.025
    assert variance_ratio(many[:8, :8], within(1 / 2, 2), **seeds("rows", "columns")).p > 0.2


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (np.full((6, 6), np.nan), "36 of 36 runs have no score"),
        (np.full((6, 6), 0.7), "all values are equal"),
        (np.add.outer(np.arange(6.0), np.arange(6.0)), "all values are equal"),
        (np.eye(4), "4 x 4 runs, fewer than 5 x 2"),
        (np.ones((6, 1)), "6 x 1 runs, fewer than 5 x 2"),
    ],
)
def test_bad_input_decides_nothing_and_says_why(table, reason):
    found = variance_ratio(table, above(), **seeds())
    assert found.p == 1 and reason in found.reason


def test_a_component_that_is_not_there_has_an_infinite_ratio_and_no_plan():
    table = np.random.default_rng(0).normal(size=(8, 8))
    table -= table.mean(axis=0)  # no columns at all
    found = variance_ratio(table, above(1), **seeds("rows", "columns"))
    assert found.high == np.inf and found.p > 0.05
    assert runs_needed(found) == "unknown: how the value spreads"


def test_an_unknown_component_is_refused():
    with pytest.raises(ValueError, match="unknown component 'cells'; known: .*rest"):
        variance_ratio(np.eye(6), above(), **seeds("cells"))


def test_so_many_further_seeds_find_a_component_with_the_power_promised():
    # rows that explain a fifth of the variance, with four columns
    rng = np.random.default_rng(0)

    def table(n):
        return rng.normal(size=(n, 4)) + 0.5 * rng.normal(size=(n, 1))

    known = (variance_ratio(table(8), above(), **seeds()) for _ in range(1000))
    now = next(e for e in known if abs(e.value - 0.25) < 0.005)
    n = 8 + runs_needed(now)
    decided = [variance_ratio(table(n), above(), **seeds()).p <= 0.05 for _ in range(200)]
    assert 0.7 <= np.mean(decided) <= 0.95
