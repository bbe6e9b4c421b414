"""Data classes: dotted, the general covers the particular."""

from collections.abc import Container


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
