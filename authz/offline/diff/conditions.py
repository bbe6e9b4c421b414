"""`where:` and `when:` of two grants compared as written."""

import re

from authz.compiler.source import Plain
from authz.offline.diff.change import Direction, by_number, by_sets, canonical, opposite, together


def compare(old: dict[str, Plain], new: dict[str, Plain]) -> Direction:
    """Whether the new condition admits more."""
    found = [_when(old.get("when"), new.get("when"))]
    before, after = _mapping(old.get("where")), _mapping(new.get("where"))
    for path in {*before, *after}:
        if path not in after:
            found.append(Direction.WIDER)
        elif path not in before:
            found.append(Direction.NARROWER)
        else:
            found.append(_constraint(_mapping(before[path]), _mapping(after[path])))
    return together(found)


def _when(old: Plain, new: Plain) -> Direction:
    if old == new:
        return Direction.SAME
    if old is None or new is None:
        return Direction.WIDER if new is None else Direction.NARROWER
    before, after = " ".join(str(old).split()), " ".join(str(new).split())
    if _NOT_MONOTONE.search(before + after):
        return Direction.EITHER
    if after.startswith(f"{before} && "):
        return Direction.NARROWER
    if before.startswith(f"{after} && "):
        return Direction.WIDER
    return _bounds(before, after)


# With a negation, a choice or a text in it, a greater bound may admit more or less.
_NOT_MONOTONE = re.compile(r"!(?!=)|\?|==\s*(?:true|false)|[\"']")
_BOUND = re.compile(r"([<>]=?)\s*(-?\d+(?:\.\d+)?)(?=\s*(?:$|&&|[|][|]|[)]))")


def _bounds(old: str, new: str) -> Direction:
    """Two expressions that differ in the numbers after `<` and `>` only."""
    if _BOUND.sub(r"\1 #", old) != _BOUND.sub(r"\1 #", new):
        return Direction.EITHER
    found: list[Direction] = []
    for (mark, before), (_, after) in zip(_BOUND.findall(old), _BOUND.findall(new), strict=True):
        direction = by_number(float(before), float(after))
        found.append(direction if mark.startswith("<") else opposite(direction))
    return together(found)


def _constraint(old: dict[str, Plain], new: dict[str, Plain]) -> Direction:
    found: list[Direction] = []
    for key in {*old, *new}:
        before, after = old.get(key), new.get(key)
        if key == "optional":
            found.append(by_number(before is True, after is True))
        elif before is None or after is None:
            found.append(Direction.WIDER if after is None else Direction.NARROWER)
        else:
            found.append(_test(key, before, after))
    return together(found)


def _test(key: str, old: Plain, new: Plain) -> Direction:
    if old == new:
        return Direction.SAME
    if key in {"max", "max_length"} and isinstance(old, int | float) and isinstance(new, int | float):
        return by_number(old, new)
    if key == "min" and isinstance(old, int | float) and isinstance(new, int | float):
        return opposite(by_number(old, new))
    if key in {"in", "domain", "under"}:
        before, after = _texts(old), _texts(new)
        return by_sets(before, after) if before and after else Direction.EITHER
    if key == "each":
        return _constraint(_mapping(old), _mapping(new))
    return Direction.EITHER


def _texts(value: Plain) -> list[str]:
    """The members of a list, or the one value."""
    if isinstance(value, dict):
        return []
    return [canonical(one) for one in (value if isinstance(value, list) else [value])]


def _mapping(value: Plain) -> dict[str, Plain]:
    return value if isinstance(value, dict) else {}
