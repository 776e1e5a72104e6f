"""Refuse unknown names: list the known ones and suggest the nearest."""

import difflib
from collections.abc import Iterable


def check_name(what: str, name: str, known: Iterable[str]) -> str:
    """Return `name` if it is among `known`.

    Raises:
        ValueError: if it is not, with the nearest name and all the known ones.
    """
    known = list(known)
    if name in known:
        return name
    raise ValueError(
        f"unknown {what} {name!r}{suggest_name(name, known)}; known: {', '.join(known)}"
    )


def suggest_name(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)`, or nothing where no known name is near."""
    nearest = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {nearest[0]!r}?)" if nearest else ""
