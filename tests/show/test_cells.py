"""The text of single cells, and the sentence on a study that captions end with."""

import pandas as pd
import pytest

from repro.show import cells
from repro.show.cells import describe_study
from synthetic_study import make_study

NAN = float("nan")
MODEL = "tiny-electra"


@pytest.fixture(scope="module")
def study():
    return make_study(tasks=("cola", "mrpc"))


def test_numbers_as_text():
    assert cells.percent(0.8766) == "87.7"
    assert cells.points(0.0081) == "+0.8"
    assert cells.points(-0.0001) == "0.0"
    assert cells.points(NAN) == cells.percent(NAN) == "–"
    assert cells.interval(-0.003, 0.019) == " [-0.3, +1.9]"
    assert cells.interval(NAN, NAN) == ""
    assert cells.scientific(3.9e-5) == "3.9e-5"
    assert [cells.short(x) for x in (1e-4, 2.99e-5, 0.0015)] == ["1e-4", "2.99e-5", "1.5e-3"]
    assert [cells.seconds(x) for x in (3.14, 7800.0)] == ["3.1", "7,800"]


def test_rows_in_the_papers_order():
    frame = pd.DataFrame({"task": ["rte", "own", "wnli", "rte"], "method": ["asha", "rs"] * 2})
    rows = cells.in_paper_order(frame, ["task", "method"])
    assert rows.index.tolist() == [2, 3, 0, 1]  # WNLI before RTE, RS before ASHA, unknown last


def test_study_note_counts_failures_and_empty_runs(study):
    # 2 models x 2 tasks x (1 grid + 3 methods x 3) = 40 runs of 4 trials; 1 failed, 1 diverged,
    # and a dead run of 4
    note = describe_study(study.runs, study.trials)
    assert note == (
        "Profile mini; n = 3 repetitions (grid search: 1); 6 of 160 trials failed or diverged; "
        "1 of 40 tuning runs without a score."
    )


def test_study_note_says_unequal_repetitions(study):
    runs = study.runs[study.runs["run_id"] != f"{MODEL}/cola/rs/1gst/full/rep3"]
    assert "n = 2 to 3 repetitions" in describe_study(runs, study.trials)
