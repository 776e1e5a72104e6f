"""Time the larger analyses, in CPU seconds of one thread, on made-up trials of the stated size.

python benchmarks/analysis.py
"""

import time

import numpy as np
import pandas as pd

from repro.chapters.procedure.rules import Rule, replay
from repro.chapters.procedure.uncertainty import simulate_verdicts
from repro.chapters.seeds.early_stopping import search_settings
from repro.published import load_published, published_rounds
from repro.stats.expected_performance import expected_maximum


def main() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(10_000)
    curves = pd.DataFrame(rng.random((625, 30)).round(2)).cummax(axis=1)
    rounds, verdicts = published_rounds(), load_published("liu_wang_2021_table05")
    pool, chance = rng.random((500, 3)), {"repetitions": 3, "n_simulations": 10_000}
    print("| analysis | CPU s | wanted |")
    print("|---|---|---|")
    measure("replay of the published Tables 10 and 11", "1", lambda: replay(rounds, verdicts))
    measure(
        "10,000 simulations of a round's verdict",
        "2",
        lambda: simulate_verdicts(pool, 6, rule=Rule(), rng=np.random.default_rng(0), **chance),
    )
    measure("expected performance of 10,000 scores", "0.1", lambda: expected_maximum(scores))
    measure(
        "the same without replacement", "0.1", lambda: expected_maximum(scores, replacement=False)
    )
    measure("early stopping, 30 budgets, 625 trials", "20", lambda: search_settings(curves))


def measure(name: str, wanted: str, work) -> None:
    """Print a row: the least of three turns, and what is wanted at most."""
    turns = []
    for _ in range(3):
        start = time.process_time()
        work()
        turns.append(time.process_time() - start)
    print(f"| {name} | {min(turns):.2f} | {wanted} |", flush=True)


if __name__ == "__main__":
    main()
