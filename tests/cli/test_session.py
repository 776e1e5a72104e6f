"""What notebooks that run side by side show, and how they come by their workers."""

import io
import threading

import pytest

from repro.cli.session import Session
from repro.tuning.cluster import SESSION_VARIABLE, answer, ask


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_drawn_over_one_line_on_a_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    out = Terminal()
    with Session(out) as session:
        session.begin("01_study")
        session.begin("02_next")
        session.file("01_study").write_text("3/40 runs")
        session.look()
        session.say("00_start: done")
    drawn = out.getvalue().split("\r")
    assert "01_study 0:00  3/40 runs (and 02_next)".ljust(49) in drawn
    assert "00_start: done\n" in drawn
    assert drawn[-2:] == [" " * 49, ""]  # wiped at the end


@pytest.mark.parametrize(
    ("every", "printed"),
    [(0, ["running", "first", "second"]), (3600, ["running", "first"])],
    ids=["whenever it changed", "but not too often"],
)
def test_progress_goes_to_a_log(every, printed):
    out = io.StringIO()
    with Session(out, every=every) as session:
        session.begin("01_study")
        for text in ("first", "second"):
            session.file("01_study").write_text(text)
            session.look()
            session.look()
    assert out.getvalue().splitlines() == [f"01_study: {text}" for text in printed]


def asking(folder):
    """Ask as a notebook does; return a thread and the list in which the answer will be."""
    answers = []

    def wait():
        try:
            answers.append(ask(folder, "ray"))
        except RuntimeError as error:
            answers.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread, answers


def test_workers_are_started_once_and_only_when_a_notebook_asks(tmp_path):
    started = []

    def start():
        started.append("Ray")
        return "127.0.0.1:1234"

    answer(tmp_path, "ray", start)
    assert not started
    asked = [asking(tmp_path), asking(tmp_path)]
    while not started:
        answer(tmp_path, "ray", start)
    for thread, _ in asked:
        thread.join()
    assert [answers for _, answers in asked] == [["127.0.0.1:1234"]] * 2
    answer(tmp_path, "ray", start)
    assert started == ["Ray"]


def test_a_notebook_learns_why_there_are_no_workers(tmp_path):
    def fail():
        raise RuntimeError("Ray must start within 3 attempts, but did not")

    thread, answers = asking(tmp_path)
    while not answers:
        answer(tmp_path, "ray", fail)
    thread.join()
    assert "within 3 attempts" in str(answers[0])


def test_kernels_are_told_of_the_session_and_the_command_is_not(monkeypatch):
    class Client:
        def execute(self, *, env):
            self.environment = env

    monkeypatch.delenv(SESSION_VARIABLE, raising=False)
    import os

    with Session(io.StringIO()) as session:
        client = Client()
        session.execute(client, "01_study")
        assert client.environment["REPRO_PROGRESS"] == str(session.file("01_study"))
        assert client.environment[SESSION_VARIABLE] == str(session.file("01_study").parent)
        assert SESSION_VARIABLE not in os.environ
