"""Search spaces as a table."""

import pandas as pd

from repro.show.spaces import space_rows, table1
from repro.tuning import spaces


def test_table1_from_spaces_and_from_the_paper():
    ours = space_rows(
        "google/electra",
        space=spaces.search_space("electra", epochs=3),
        grid=spaces.grid_configurations("electra", epochs=3),
    )
    table = table1(ours, profile="paper").frame.set_index("hyperparameter")
    grid, full = table["google/electra, grid (here)"], table["google/electra, full (here)"]
    assert grid["learning rate"] == "{3e-5, 1e-4, 1.5e-4}"
    assert full["learning rate"] == "log(2.99e-5, 1.51e-4)"
    assert (grid["batch size"], full["batch size"]) == ("32", "{16, 32, 64}")
    assert (full["warm-up ratio"], full["epochs"]) == ("(0, 0.2)", "3")


def test_table1_groups_the_tasks_of_a_value():
    rows = pd.DataFrame({"task": ["rte", "stsb", "other"], "value": [10, 10, 3]}).assign(
        model="m", space="grid", hyperparameter="epochs", domain="constant", bound=""
    )
    assert table1(rows).frame.iloc[0, 1] == "10 for RTE, STS-B; 3 for other"
