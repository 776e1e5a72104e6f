"""What a class hands in, for the tests of the assignments: answers right, wrong and hostile."""

import nbformat

from repro.paths import ROOT

FOLDER = ROOT / "notebooks/assignments"
SOURCE = FOLDER / "source"

# Typical wrong answers: (cell, right, wrong), ..., and the test cells that they must cost.
WRONG = {
    "learning_rate_and_warmup": (
        (
            ("schedule", "return (n_steps - step) / (n_steps - n_warmup)", "return 1.0"),
            ("range", "np.geomspace", "np.linspace"),
            ("warmup", "max(learning_rates)", "min(learning_rates)"),
        ),
        {"schedule_by_hand", "schedule_everywhere", "range_is_geometric", "warmup_alone_differs"},
    ),
    "grid_against_random": (
        (
            ("space", "LogUniform(1e-4, 1e-2)", "Uniform(1e-4, 1e-2)"),
            ("random", "default_rng(seed)", "default_rng()"),
        ),
        {
            "space_is_stated",
            "draws_come_from_space",
            "draws_follow_seed",
            "trials_lie_in_stated_space",
        },
    ),
    "asha_by_hand": (
        (
            (
                "asha",
                "score_after(trial, rung)",
                "(score_after(trial, 6), table.loc[trial, rung])[1]",
            ),
            ("losses", "saved = 1 - ", "saved = "),
        ),
        {"asha_never_looks_ahead", "saving_is_counted"},
    ),
    "seeds_and_reporting": (
        (
            ("spread", "values.std(ddof=1)", "values.std()"),
            ("reporting", '"mean": values.mean()', '"mean": values.max()'),
        ),
        {"spread_is_of_sample", "report_gives_means"},
    ),
    "overfitting_validation": (
        (("decision", 'choose(trials, "validation")', 'max(trials["trial"], key=look_at_test)'),),
        {"decided_by_more_examples", "one_look_at_the_decision", "no_further_look"},
    ),
    "three_stage_project": (
        (
            ("noise", 'rest["seed"].map(baseline)', "baseline.mean()"),
            ("effects", "abs(means[name]).max()", "means[name].max()"),
            ("grid_results", '"grid")', '"grid", seed=2)'),
            ("search", "seed=seed, ", ""),
            ("report", "n_right =", "look_at_test(BASELINE)\nn_right ="),
            ("report", "gain * N_VALIDATION", "gain * 100"),
        ),
        {
            "differences_are_paired",
            "effects_are_measured",
            "grid_is_trained_as_stated",
            "search_follows_seed",
            "one_look_at_the_decision",
            "report_is_honest",
        },
    ),
}

# Put before the first answer of `asha_by_hand`, the rest of it being right; status and points:
# two are for what does without that answer. `lingers` and `mistyped` also show that the others did
# no harm.
LINGERS = "98765"
HOSTILE = {
    "loops": ("while True:\n    pass", "timed out", 2),
    "stubborn": (
        "while True:\n    try:\n        while True:\n            pass\n"
        "    except BaseException:\n        pass",
        "timed out",
        0,
    ),
    "hungry": ("hog = bytearray(2**40)", "out of memory", 2),  # refused at once, on any machine
    "deletes": (
        "import pathlib, shutil\n"
        "shutil.rmtree(pathlib.Path.cwd().parents[2], ignore_errors=True)\n"
        "shutil.rmtree(pathlib.Path.home(), ignore_errors=True)",
        "failed",
        0,
    ),
    "dies": ("import os\nos._exit(0)", "failed", 0),
    "lingers": (
        f"import subprocess\nsubprocess.Popen(['sleep', '{LINGERS}'], start_new_session=True)",
        "graded",
        15,
    ),
    "mistyped": ("def unfinished(:", "graded", 2),
}


def read_cells(path):
    notebook = nbformat.read(path, as_version=4)
    return notebook, {
        cell.metadata.nbgrader.grade_id: cell
        for cell in notebook.cells
        if "nbgrader" in cell.metadata
    }


def read_solutions(assignment):
    """Return the instructor's answers, cell by cell."""
    _, cells = read_cells(SOURCE / assignment / f"{assignment}.ipynb")
    return {name: c.source for name, c in cells.items() if c.metadata.nbgrader.solution}


def hand_in(released, to, *, assignment, answers):
    """Write a submission: the students' version with these answers."""
    notebook, cells = read_cells(released / assignment / f"{assignment}.ipynb")
    for name, answer in answers.items():
        cells[name].source = answer
    (to / assignment).mkdir(parents=True)
    nbformat.write(notebook, to / assignment / f"{assignment}.ipynb")


def answer_wrongly(assignment):
    """Return wrong answers; the last cell prints the cells before it, hidden tests and all."""
    answers = read_solutions(assignment)
    for cell, right, wrong in WRONG[assignment][0]:
        assert right in answers[cell]
        answers[cell] = answers[cell].replace(right, wrong)
    answers[list(answers)[-1]] += "\nprint(*In)"
    return answers
