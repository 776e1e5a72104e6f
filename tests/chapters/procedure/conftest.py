import pytest

from repro.chapters.procedure.rules import Rule, judge_rounds, replay
from repro.published import load_published, published_rounds


@pytest.fixture(scope="session")
def judged():
    """The paper's rounds, judged."""
    return judge_rounds(published_rounds(), Rule(weak="tie"))


@pytest.fixture(scope="session")
def verdicts():
    """Table 5."""
    return load_published("liu_wang_2021_table05")


@pytest.fixture(scope="session")
def trace(verdicts):
    """The replay of the paper's rounds."""
    return replay(published_rounds(), verdicts)
