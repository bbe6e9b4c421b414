"""Bytes of YAML to plain values, each with its place. Builds data only: no object, no alias, no surprise.

The reader works on events and not on composed nodes: a document nested a million deep, or one that
multiplies itself through aliases, then costs no more than its own bytes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from authz.compiler.problem import Problems, shown
from authz.core.app import Place

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
Mark: TypeAlias = "int | tuple[int, dict[str, tuple[int, Mark]]] | tuple[int, list[Mark]]"
"""Where a value stands (line and column in one number, for there are many), and what is in it."""

_COLUMN_BITS = 16
_COLUMN_MAX = (1 << _COLUMN_BITS) - 1

# YAML 1.2's core schema. YAML 1.1 would read `no` as false and `07:00` as 420; other readers of the same
# file would not, so what is not plainly a number stays text.
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})?(?:\.[0-9]{1,18})?(?:[eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file, as the user named it."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: plain values, and where each of them stands."""

    file: str
    value: Plain
    mark: Mark

    def at(self, *path: str | int) -> Place:
        """Place of the value at `path`, or of the nearest thing around it that exists."""
        return self._find(path, key=False)

    def key(self, *path: str | int) -> Place:
        """Place of the key that `path` ends with."""
        return self._find(path, key=True)

    def _find(self, path: tuple[str | int, ...], *, key: bool) -> Place:
        mark = self.mark
        position = _position(mark)
        for step in path:
            if isinstance(mark, int):
                break
            inside = mark[1]
            if isinstance(inside, dict) and isinstance(step, str) and step in inside:
                at_key, mark = inside[step]
                position = at_key if key else _position(mark)
            elif isinstance(inside, list) and isinstance(step, int) and step < len(inside):
                mark = inside[step]
                position = _position(mark)
            # else: a step that is no key, such as the name of a union's branch
        return Place(self.file, (position >> _COLUMN_BITS) + 1, (position & _COLUMN_MAX) + 1)


def _position(mark: Mark) -> int:
    return mark if isinstance(mark, int) else mark[0]


def read(source: SourceFile, problems: Problems) -> list[Document]:
    """All documents of a file; what can't be read is noted, so that the set will not compile."""
    name, data = source.name, source.data
    if len(data) > MAX_BYTES:
        problems.error(Place(name), f"is larger than {MAX_BYTES >> 20} MiB")
        return []
    try:
        data.decode()
    except UnicodeDecodeError as error:
        problems.error(_place_of_byte(name, data, error.start), "is not UTF-8 text")
        return []
    tab = data.find(b"\t")
    if tab >= 0:
        problems.error(_place_of_byte(name, data, tab), "has a tab: use spaces")
        return []
    documents: list[Document] = []
    try:
        for document in _Reader(name, problems).documents(data):
            documents.append(document)  # noqa: PERF402 - what came before a syntax error is kept
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name)
        problems.error(place, f"is not YAML: {error.problem}")
    except yaml.reader.ReaderError as error:
        problems.error(_place_of_byte(name, data, error.position), f"is not YAML: {error.reason}")
    except _UnreadableError:
        pass  # said where it was found
    if not documents and not any(one.place.file == name for one in problems.errors):
        # Half-written or emptied by mistake: what it defined would be gone without a word.
        problems.error(Place(name), "holds no document")
    return documents


def _place_of_byte(name: str, data: bytes, offset: int) -> Place:
    before = data[:offset]
    return Place(name, before.count(b"\n") + 1, offset - (before.rfind(b"\n") + 1) + 1)


class _UnreadableError(Exception):
    """What follows in the file cannot be told apart from what went wrong."""


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being read."""

    value: "list[Plain] | dict[str, Plain]"
    mark: Mark
    key: tuple[str, int] | None = None
    awaits_key: bool = True
    """For a mapping: whether the next event is a key."""


@dataclass(slots=True)
class _Reader:
    """Turns events into documents."""

    file: str
    problems: Problems
    stack: list[_Open] = field(default_factory=list)
    root: tuple[Plain, Mark] | None = None

    def documents(self, data: bytes) -> Iterator[Document]:
        """Each document that holds something."""
        loader = yaml.CBaseLoader(data)
        next_event = loader.get_event
        event = next_event()
        while event is not None and not isinstance(event, yaml.StreamEndEvent):
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._start(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._end()
            elif isinstance(event, yaml.AliasEvent):
                self._refuse(event, f"alias `*{event.anchor}`: write the value out")
                self._add(None, _packed(event))
            elif isinstance(event, yaml.DocumentStartEvent):
                self.stack, self.root = [], None
            elif isinstance(event, yaml.DocumentEndEvent) and self.root is not None:
                value, mark = self.root
                if value is not None:
                    yield Document(self.file, value, mark)
            event = next_event()

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if event.anchor is not None or event.tag is not None:
            self._check(event)
        top = self.stack[-1] if self.stack else None
        if top is not None and top.awaits_key and isinstance(top.value, dict):
            self._key(top, event)
            return
        self._add(event.value if event.style else plain(event.value), _packed(event))

    def _key(self, top: _Open, event: yaml.ScalarEvent) -> None:
        key = event.value
        if isinstance(top.value, dict) and key in top.value:
            self._refuse(event, f"key `{key}` is there already")
        top.key, top.awaits_key = (key, _packed(event)), False

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        self._check(event)
        top = self.stack[-1] if self.stack else None
        if top is not None and top.awaits_key and isinstance(top.value, dict):
            self._refuse(event, "a key must be text")
            raise _UnreadableError
        if len(self.stack) >= MAX_DEPTH:
            self._refuse(event, f"is nested deeper than {MAX_DEPTH} levels")
            raise _UnreadableError
        at = _packed(event)
        if isinstance(event, yaml.MappingStartEvent):
            self.stack.append(_Open({}, (at, {})))
        else:
            self.stack.append(_Open([], (at, [])))

    def _end(self) -> None:
        done = self.stack.pop()
        self._add(done.value, done.mark)

    def _add(self, value: Plain, mark: Mark) -> None:
        if not self.stack:
            self.root = (value, mark)
            return
        top = self.stack[-1]
        inside = top.mark[1] if not isinstance(top.mark, int) else None
        if isinstance(top.value, list) and isinstance(inside, list):
            top.value.append(value)
            inside.append(mark)
        elif isinstance(top.value, dict) and isinstance(inside, dict):
            if top.awaits_key:  # an alias where a key should be
                top.key, top.awaits_key = ("", 0), False
                return
            key, at = top.key or ("", 0)
            top.value[key] = value
            inside[key] = (at, mark)
            top.key, top.awaits_key = None, True

    def _check(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor is not None:
            self._refuse(event, f"anchor `&{event.anchor}`: write the value out where it is needed")
        if event.tag is not None:
            self._refuse(event, f"tag {shown(event.tag)}: only plain values are read")

    def _refuse(self, event: yaml.NodeEvent, message: str) -> None:
        self.problems.error(Document(self.file, None, _packed(event)).at(), message)


def _packed(event: yaml.NodeEvent) -> int:
    mark = event.start_mark
    if mark is None:
        return 0
    column = mark.column
    return mark.line << _COLUMN_BITS | (min(_COLUMN_MAX, column))


def plain(text: str) -> bool | float | str | None:
    """A scalar without quotes: nothing, a truth, a number or text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "0123456789-+.":
        if _INT.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text) and any(one.isdigit() for one in text):
            return float(text)
    return text
