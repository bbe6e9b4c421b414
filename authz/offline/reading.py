"""A log as calls, one line after the other: constant memory, whatever its length.

Nothing is dropped silently: what could not be read, and what is no call, is counted.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Protocol

import orjson

from authz.core.definitions import Definitions
from authz.offline.formats.calls import CallsReader
from authz.offline.formats.contextforge import ContextForgeReader
from authz.offline.formats.envoy import EnvoyReader
from authz.offline.formats.litellm import LiteLlmReader
from authz.offline.formats.otlp import OtlpReader
from authz.offline.formats.trail import TrailReader
from authz.offline.told import Bad, BadLineError, BadLines, Ended, Told


class Format(StrEnum):
    """How a log is written."""

    CALLS = "calls"
    ENVOY = "envoy"
    OTLP = "otlp"
    TRAIL = "trail"
    LITELLM = "litellm"
    CONTEXTFORGE = "contextforge"


class Reader(Protocol):
    """Reads one format."""

    def read(self, value: object) -> Iterable[Told | Ended]:
        """What a line's JSON tells.

        Raises:
            BadLineError: nothing that this format knows.
        """
        ...


def reader_of(form: Format, definitions: Definitions, fields: Mapping[str, str]) -> Reader:
    """The reader of a format.

    Args:
        form: The format.
        definitions: Where names of apps and routes are looked up.
        fields: For `envoy`: by meaning, the member that holds it.
    """
    match form:
        case Format.CALLS:
            return CallsReader()
        case Format.ENVOY:
            return EnvoyReader(definitions, fields)
        case Format.OTLP:
            return OtlpReader(definitions.apps)
        case Format.TRAIL:
            return TrailReader()
        case Format.LITELLM:
            return LiteLlmReader(definitions.apps)
        case Format.CONTEXTFORGE:
            return ContextForgeReader(definitions.apps)


class Reading:
    """One pass over a log. Iterates over `(index, call)`; what else there was is counted."""

    def __init__(self, lines: Iterable[tuple[int, bytes]], reader: Reader) -> None:
        self._lines = lines
        self._reader = reader
        self.bad = BadLines()
        self.others = 0
        """Lines that tell of no call."""

    def __iter__(self) -> Iterator[tuple[int, Told | Ended]]:
        """Calls with their index: the calls and bad lines before them."""
        index = 0
        read = self._reader.read
        for number, line in self._lines:
            if line.isspace() or not line:
                continue
            try:
                found = read(orjson.loads(line))
            except orjson.JSONDecodeError as error:
                self.bad.add(Bad(number, f"is not JSON: {error.msg}"))
                index += 1
                continue
            except BadLineError as error:
                self.bad.add(Bad(number, str(error)))
                index += 1
                continue
            if not found:
                self.others += 1
            for one in found:
                yield index, one
                if type(one) is Told:
                    index += 1
