"""The authors' runs, and a user's folder of more of them."""

import pandas as pd
import pytest

from repro.chapters.seeds.analysis import aggregated_deviations
from repro.chapters.seeds.authors import COLUMNS, expected_curves, printed_settings, read_matrices


def write(folder, rows, columns=COLUMNS):
    pd.DataFrame(rows, columns=columns).to_csv(folder / "more.csv", index=False)
    return folder


GRID = [("cola", i, j, 0.1 * i + 0.01 * j) for i in (1, 2) for j in (1, 2, 3)]


def test_the_packages_matrices_give_table_3_as_printed():
    matrices = read_matrices()
    assert {task: matrix.shape for task, matrix in matrices.items()} == {
        "mrpc": (25, 25), "rte": (25, 25),
    }  # fmt: skip
    found = aggregated_deviations(matrices).set_index("task")[["wi", "do", "total"]].round(4)
    assert found.loc["mrpc"].tolist() == [0.0575, 0.0594, 0.0608]
    assert found.loc["rte"].tolist() == [0.0659, 0.0668, 0.0689]


def test_a_folder_adds_tasks_and_may_have_holes_and_unequal_numbers_of_seeds(tmp_path):
    matrices = read_matrices(write(tmp_path, GRID[:-1]))
    assert set(matrices) == {"mrpc", "rte", "cola"}
    assert matrices["cola"].shape == (2, 3) and matrices["cola"].isna().to_numpy().sum() == 1


def test_a_task_in_the_folder_takes_the_place_of_the_packages(tmp_path):
    rows = [("rte", i, j, 0.5) for i in (1, 2) for j in (1, 2)]
    assert read_matrices(write(tmp_path, rows))["rte"].shape == (2, 2)


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        (GRID, ["task", "wi", "do", "score"], r"more.csv must have the columns .* lacks"),
        ([("cola", 1, 1, 61.0), ("cola", 2, 2, 62.0)], COLUMNS, "must be a fraction, but goes up"),
        ([*GRID, GRID[0]], COLUMNS, "one run a pair of seeds"),
        (GRID[:3], COLUMNS, "two seeds of each kind or more, but cola has 1 by 3"),
    ],
)
def test_files_of_another_form_are_named(tmp_path, rows, columns, message):
    with pytest.raises(ValueError, match=message):
        read_matrices(write(tmp_path, rows, columns))


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there must be CSV files in"):
        read_matrices(tmp_path)


def test_curves_lie_on_the_points_of_figure_1():
    for task, curve in expected_curves(read_matrices()).items():
        ours = curve.query("scenario == 'from the runs'").set_index("n")["mean"]
        printed = curve.query("scenario == 'printed'").set_index("n")["mean"]
        # digitised within .001; on the left the curve is steep
        assert (ours[printed.index] - printed).abs().max() < 0.004, task


def test_printed_settings_cost_their_budgets():
    table = printed_settings()
    cost = table["t"] * table["f"] + table["p"] * (1 - table["f"])
    assert cost.to_numpy() == pytest.approx(table["budget"].to_numpy())
