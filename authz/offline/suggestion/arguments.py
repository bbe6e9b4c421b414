"""What an argument was like in all calls of a tool, and the constraint that this supports, if any.

Bounded: of many values, ranges and common beginnings are kept, not the values.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from authz.audit.digest import safe
from authz.core.call import Json

Written: TypeAlias = "dict[str, object]"

MOST_VALUES: Final = 50
MOST_ARGUMENTS: Final = 40
ENOUGH: Final = 10
"""Calls from which on a constraint is drawn."""
FEW: Final = 6
"""Different values that are listed one by one."""
_MAIL = re.compile(r"[A-Za-z0-9.!#$&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
_HEAD = re.compile(r"[A-Za-z]{1,20}[-_:]")
"""A beginning that says what sort of thing is named: `T-`, `ORD_`."""
_HEADROOM: Final = 1.5


@dataclass(slots=True)
class Seen:
    """All values of one argument."""

    calls: int = 0
    kinds: set[str] = field(default_factory=set)
    values: Counter[str | int | float | bool] = field(default_factory=Counter)
    many: bool = False
    """Whether there were more values than are kept."""
    low: float = math.inf
    high: float = -math.inf
    longest: int = 0
    domains: set[str] | None = field(default_factory=set)
    """None once a value was no mail address, or there are too many."""
    heads: set[str] | None = field(default_factory=set)
    folder: tuple[str, ...] | None = None
    """Folders that all paths share; empty when they share none."""
    inner: "Seen | None" = None
    """Of a list's elements."""

    def add(self, value: Json) -> None:
        """One more value."""
        self.calls += 1
        if isinstance(value, list):
            self.kinds.add("list" if value else "empty")
            self.inner = self.inner or Seen()
            for one in value[:MOST_VALUES]:
                self.inner.add(one)
            return
        if isinstance(value, bool):
            self.kinds.add("truth")
        elif isinstance(value, int | float):
            self.kinds.add("number" if math.isfinite(value) else "other")
            self.low, self.high = min(self.low, value), max(self.high, value)
        elif isinstance(value, str):
            self.kinds.add("text")
            self._text(value)
        else:
            self.kinds.add("other")
            return
        if value in self.values or len(self.values) < MOST_VALUES:
            self.values[value] += 1
        else:
            self.many = True

    def _text(self, value: str) -> None:
        self.longest = max(self.longest, len(value))
        mail = _MAIL.fullmatch(value)
        if self.domains is not None:
            self.domains = self.domains | {mail[1].lower()} if mail and len(self.domains) < FEW else None
        head = _HEAD.match(value)
        if self.heads is not None:
            self.heads = self.heads | {head[0]} if head and len(self.heads) < FEW else None
        folders = _folders(value)
        shared = folders if self.folder is None else _shared(self.folder, folders)
        self.folder = shared


def _folders(value: str) -> tuple[str, ...]:
    """The folders of an absolute path that can be read in one way only."""
    if not value.startswith("/") or "%" in value or "\\" in value or not value.isprintable():
        return ()
    parts = value.split("/")[1:]
    if any(one.strip() in {"", ".", ".."} for one in parts):
        return ()
    return tuple(parts[:-1])


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    count = 0
    for ours, theirs in zip(one, other, strict=False):
        if ours != theirs:
            break
        count += 1
    return one[:count]


@dataclass(slots=True)
class Arguments:
    """All arguments of one tool."""

    calls: int = 0
    hidden: int = 0
    """Calls whose arguments the log does not show."""
    seen: dict[str, Seen] = field(default_factory=dict)
    too_many: bool = False

    def add(self, args: Mapping[str, Json], *, whole: bool) -> None:
        """One more call."""
        self.calls += 1
        if not whole:
            self.hidden += 1
            return
        for name, value in args.items():
            known = self.seen.get(name)
            if known is None:
                if len(self.seen) >= MOST_ARGUMENTS:
                    self.too_many = True
                    continue
                known = self.seen[name] = Seen()
            known.add(value)

    def constraints(self) -> dict[str, tuple[Written, str]]:
        """By argument, what it must be and what that is drawn from."""
        if self.hidden or self.calls < ENOUGH:
            return {}
        found: dict[str, tuple[Written, str]] = {}
        for name, seen in self.seen.items():
            if not _nameable(name):
                continue
            drawn = constraint(seen)
            if drawn is None:
                continue
            written, why = drawn
            if seen.calls < self.calls:
                written = {**written, "optional": True}
            found[name] = written, f"{why}, {seen.calls} of {self.calls} calls"
        return found


def _nameable(name: str) -> bool:
    """Whether a path can name it: a dot would name something inside."""
    return bool(name) and "." not in name and name != "args" and name.isprintable() and name == name.strip()


def constraint(seen: Seen) -> tuple[Written, str] | None:
    """What the values support, the narrowest first; None when they support nothing."""
    if seen.calls < ENOUGH or len(seen.kinds) != 1:
        return None
    kind = next(iter(seen.kinds))
    if kind == "list":
        inner = constraint(seen.inner) if seen.inner is not None else None
        return None if inner is None else ({"each": inner[0]}, f"each element: {inner[1]}")
    listed = _listed(seen)
    if listed is not None:
        return listed
    if kind == "number":
        return _numbers(seen)
    return _texts(seen) if kind == "text" else None


def _listed(seen: Seen) -> tuple[Written, str] | None:
    """One value, or a few that came again and again."""
    values = list(seen.values)
    if seen.many or not values or any(isinstance(one, str) and not _tellable(one) for one in values):
        return None
    if len(values) == 1:
        return {"equals": values[0]}, "always this"
    if len(values) <= FEW and seen.calls >= ENOUGH * len(values) and min(seen.values.values()) > 1:
        return {"in": sorted(values, key=str)}, f"{len(values)} different values"
    return None


def _tellable(text: str) -> bool:
    """Whether the value may stand in a definition: short, printable, and no secret."""
    return 0 < len(text) <= 60 and text.isprintable() and safe(text) == text  # noqa: PLR2004 - one short line


def _numbers(seen: Seen) -> tuple[Written, str]:
    written: Written = {"max": above(seen.high)}
    written["min"] = 0 if seen.low >= 0 else -above(-seen.low)
    return written, f"from {seen.low:g} to {seen.high:g}"


def _texts(seen: Seen) -> tuple[Written, str]:
    if seen.domains:
        return {"domain": sorted(seen.domains)}, "mail addresses of these domains"
    if seen.folder:
        return {"under": ["/" + "/".join(seen.folder)]}, "paths under it"
    limit = int(above(seen.longest))
    if seen.heads and all(map(_tellable, seen.heads)):
        heads = sorted(seen.heads)
        begins = heads[0] if len(heads) == 1 else f"({'|'.join(heads)})"
        return {"pattern": f"{begins}.*", "max_length": limit}, "texts that begin so"
    return {"max_length": limit}, f"texts of at most {seen.longest} characters"


def above(most: float, factor: float = _HEADROOM) -> int | float:
    """A round number with head-room above `most`."""
    if most <= 0:
        return 0
    wanted = most * factor
    unit = 10 ** max(0, math.floor(math.log10(wanted)) - 1)
    return int(math.ceil(wanted / unit) * unit)
