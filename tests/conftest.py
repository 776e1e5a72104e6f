"""The order of the tests: rooms that train or start processes first, for they take longest."""

from pathlib import Path

LONGEST = ("study", "tuning", "cli", "course", "training", "chapters", "explorer")


def pytest_collection_modifyitems(items):
    """Put long modules first, so that no process of several is left alone with one at the end."""
    rooms = {room: place for place, room in enumerate(LONGEST)}
    here = Path(__file__).parent
    items.sort(key=lambda item: rooms.get(item.path.relative_to(here).parts[0], len(rooms)))
