"""Data classes: dotted, the general covers the particular."""

from collections.abc import Container, Mapping


def covered(one: str, allowed: Container[str]) -> bool:
    """Whether `one` or a class above it is in `allowed`: `pii` covers `pii.contact`."""
    if one in allowed:
        return True
    dot = one.rfind(".")
    while dot > 0:
        if one[:dot] in allowed:
            return True
        dot = one.rfind(".", 0, dot)
    return False


def sensitivity(one: str, levels: Mapping[str, int], unknown: int) -> int:
    """How sensitive a class is: as said of it, else of the nearest class above it, else `unknown`."""
    while one not in levels:
        one, dot, _ = one.rpartition(".")
        if not dot:
            return unknown
    return levels[one]
