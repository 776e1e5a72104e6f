import subprocess
import sys

import pandas as pd

from repro.data.definitions import TASKS
from repro.data.tasks import TaskData


def test_importing_tasks_is_light():
    heavy = ("torch", "ray", "transformers", "datasets", "sklearn", "scipy")
    code = f"import repro.data.tasks, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def small_data(**columns):
    frame = pd.DataFrame({"text_a": ["a", "bc"], "label": [0, 1], "index": [0, 1]} | columns)
    return TaskData(TASKS["cola"], {"train": frame, "test": frame})


def test_labels_are_hidden_where_none_is_known():
    assert small_data(label=[-1, -1]).hidden("test")
    assert not small_data(label=[-1, 1]).hidden("test")
    scores = pd.DataFrame({"label": [0.5, -1.0]})
    data = TaskData(TASKS["stsb"], {"train": scores, "test": scores * float("nan")})
    assert data.hidden("test") and not data.hidden("train")


def test_fingerprint_tells_contents_apart():
    first = small_data().fingerprint()
    assert first == small_data().fingerprint() and len(first) == 16
    others = [
        small_data(text_a=["ab", "c"]),
        small_data(label=[1, 0]),
        small_data(index=[0, 2]),
        small_data(label=[-1, -1]),
        TaskData(TASKS["sst2"], small_data().splits),
    ]
    assert len({first, *(data.fingerprint() for data in others)}) == 6
