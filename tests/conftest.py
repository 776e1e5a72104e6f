"""The order of the tests: rooms that train or start processes first, for they take longest."""

LONGEST = ("study", "tuning", "cli", "course", "training", "chapters", "explorer")


def pytest_collection_modifyitems(items):
    """Put long modules first, so that no process of several is left alone with one at the end."""
    places = {room: place for place, room in enumerate(LONGEST)}

    def place(item) -> int:
        return min(
            (places[part] for part in item.path.parts if part in places), default=len(places)
        )

    items.sort(key=place)
