"""Measure what it costs to hand out trials that train nothing, here and on simulated machines.

The trials are those of random search, one after another in each of as many runs as there are
workers, twice. Beside them Optuna alone asks and tells as many, in one process and without workers.
On simulated machines (Ray's own test cluster, all on this one) some are lost and others join in the
meantime; every trial must come out once. Memory is resident, at a fifth of the trials and at their
end, of this process and of the desk.

    python benchmarks/driver.py [--trials 3000] [--nodes 0 --workers 8 --seconds 600]
"""

import argparse
import os
import sys
import time
from contextlib import suppress
from functools import partial
from itertools import count

import psutil

from repro.training.types import TrialResult
from repro.tuning.cluster import ENVIRONMENT, LOOPBACK, connect, disconnect
from repro.tuning.runs import TuningRun
from repro.tuning.spaces import search_space

SPACE = search_space("electra-mini", epochs=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=3000)
    parser.add_argument("--nodes", type=int, default=0, help="simulated machines; 0: this one")
    parser.add_argument("--workers", type=int, default=8, help="on each simulated machine")
    parser.add_argument("--seconds", type=float, default=600, help="after which no trial starts")
    options = parser.parse_args()
    os.environ.update(ENVIRONMENT)
    if options.nodes:
        on_simulated_machines(options)
    else:
        on_this_machine(options)


def on_this_machine(options: argparse.Namespace) -> None:
    connect()
    tune(Store(options.trials // 5, options.seconds), n_trials=40, n_runs=4)  # starts the workers
    store = Store(options.trials // 5, options.seconds)
    tune(store, n_trials=options.trials, n_runs=4)
    print("| empty trials | ms a trial | the first fifth | the last | memory MB: driver | desk |")
    print("|---|---|---|---|---|---|")
    print(f"| repro | {store.row()}")
    disconnect()
    print(f"| Optuna, random, alone | {optuna_alone(options.trials)}")


def optuna_alone(n: int) -> str:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    times = [time.perf_counter()]
    for _ in range(n):
        trial = study.ask()
        for name in SPACE.domains:
            trial.suggest_float(name, 0, 1)
        study.tell(trial, 0.5)
        times.append(time.perf_counter())
    parts = (times[n] - times[0]) / n, (times[n // 5] - times[0]) * 5 / n
    last = (times[n] - times[-1 - n // 5]) * 5 / n
    return " | ".join(f"{1e3 * seconds:.2f}" for seconds in (*parts, last)) + " | | |"


def on_simulated_machines(options: argparse.Namespace) -> None:
    os.environ.update(LOOPBACK)
    from ray.cluster_utils import Cluster

    size = {"object_store_memory": 100 * 1024**2}
    head = {"num_cpus": 0, "include_dashboard": False, **size}
    cluster = patiently(Cluster, initialize_head=True, head_node_args=head)
    add = partial(patiently, cluster.add_node, num_cpus=options.workers, **size)
    nodes = [add() for _ in range(options.nodes)]
    cluster.wait_for_nodes(timeout=600)
    os.environ["RAY_ADDRESS"] = cluster.address
    connect()

    def lose_one_and_add_one() -> None:
        cluster.remove_node(nodes.pop(0), allow_graceful=False)
        nodes.append(add())

    n_workers = options.nodes * options.workers
    store = Store(options.trials // 5, options.seconds, shake=lose_one_and_add_one)
    tune(store, n_trials=options.trials, n_runs=2 * n_workers)
    print("| machines x workers | trials | ms a trial | the first fifth | the last |", end=" ")
    print("memory MB: driver | desk | machines lost | trials missing or twice |")
    print("|---|---|---|---|---|---|---|---|---|")
    wrong = len(store.twice) + (0 if store.stopped else options.trials - len(store.seen))
    print(f"| {options.nodes} x {options.workers} | {len(store.seen)} | {store.row()}", end=" ")
    print(f"{store.n_shaken} | {wrong} |")
    disconnect()
    cluster.shutdown()


def patiently(start, **options):
    """Start a part of Ray, again if a busy machine let it wait too long."""
    for _ in range(4):
        with suppress(Exception):
            return start(**options)
    return start(**options)


def tune(store: "Store", *, n_trials: int, n_runs: int) -> None:
    from ray import cloudpickle

    from repro.tuning.ray_tune import tune_runs

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    sizes = [n_trials // n_runs + (i < n_trials % n_runs) for i in range(n_runs)]
    runs = [TuningRun(f"rs{i}", "rs", SPACE, i, n_trials=n) for i, n in enumerate(sizes)]
    try:
        tune_runs(runs, train_nothing, store=store)
    except TimeoutError:
        store.stopped = True


def train_nothing(request, report) -> TrialResult:
    return TrialResult("completed", steps=1)


class Store:
    """Counts trials; notes times and memory every so often."""

    def __init__(self, every: int, seconds: float, shake=None):
        self.every, self.deadline, self.shake = every, time.monotonic() + seconds, shake
        self.seen, self.twice, self.marks = set(), set(), []
        self.n_shaken, self.stopped, self._numbers = 0, False, count(1)

    def __getstate__(self):
        return {}

    def recall(self, request):
        if time.monotonic() > self.deadline:
            raise TimeoutError

    def record(self, request, result):
        key, number = (request.run_id, request.trial), next(self._numbers)
        (self.twice if key in self.seen else self.seen).add(key)
        if number == 1 or number % self.every == 0:
            self.marks.append((time.perf_counter(), number, *memory()))
            if self.shake and number > 1 and self.n_shaken < 3:
                self.n_shaken += 1
                self.shake()

    def finish(self, run, *, budget, spent):
        pass

    def row(self) -> str:
        (t0, n0, *_), (t1, n1, *first), *_, (t8, n8, *_), (t9, n9, *last) = self.marks
        rates = (t9 - t0) / (n9 - n0), (t1 - t0) / (n1 - n0), (t9 - t8) / (n9 - n8)
        sizes = [f"{a:.0f} -> {b:.0f}" for a, b in zip(first, last, strict=True)]
        return " | ".join([*(f"{1e3 * rate:.2f}" for rate in rates), *sizes]) + " |"


def memory() -> tuple[float, float]:
    """Return the MB of this process and of the desk."""
    desks = [p for p in psutil.process_iter(["name", "cmdline"]) if is_desk(p)]
    own = [p for p in desks if p.username() == psutil.Process().username()]
    sizes = [psutil.Process().memory_info().rss, max((p.memory_info().rss for p in own), default=0)]
    return tuple(size / 1e6 for size in sizes)


def is_desk(process: psutil.Process) -> bool:
    return bool(process.info["cmdline"]) and process.info["cmdline"][0].startswith("ray::Desk")


if __name__ == "__main__":
    main()
