"""OTLP trace messages as bytes: the parts of `opentelemetry.proto.trace.v1` that a decision's span needs.

Written by hand because building the generated messages attribute by attribute costs several times the rest
of the exporter's work; a test reads the bytes back with the official messages.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from struct import pack

KIND_SERVER = 2
STATUS_ERROR = 2


def varint(number: int) -> bytes:
    """A non-negative number as a base-128 varint."""
    if number < 0x80:  # noqa: PLR2004 - one byte
        return bytes((number,))
    out = bytearray()
    while number >= 0x80:  # noqa: PLR2004
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(tag: int, content: bytes) -> bytes:
    """A length-delimited field; `tag` is the field number shifted left by three, or 2."""
    size = len(content)
    if size < 0x80 and tag < 0x80:  # noqa: PLR2004 - both in one byte
        return bytes((tag, size)) + content
    return varint(tag) + varint(size) + content


@lru_cache(maxsize=1024)
def _key(name: str) -> bytes:
    return field(0x0A, name.encode())


def _any(value: object) -> bytes:
    """An `AnyValue`."""
    match value:
        case str():
            return field(0x0A, value.encode("utf-8", "replace"))
        case bool():
            return b"\x10\x01" if value else b"\x10\x00"
        case int():
            return b"\x18" + varint(value & 0xFFFF_FFFF_FFFF_FFFF)
        case float():
            return b"\x21" + pack("<d", value)
        case _:
            items = value if isinstance(value, (list, tuple)) else [str(value)]
            return field(0x2A, b"".join(field(0x0A, _any(one)) for one in items))


@lru_cache(maxsize=4096)
def _text(name: str, value: str) -> bytes:
    """A `KeyValue` with a text: names, versions and codes come again and again."""
    return field(0x4A, _key(name) + field(0x12, _any(value)))


_SHORT = 80


def attributes(values: Mapping[str, object]) -> bytes:
    """Field 9 of a span, once for each attribute."""
    return b"".join(
        _text(name, value)
        if type(value) is str and len(value) < _SHORT
        else field(0x4A, _key(name) + field(0x12, _any(value)))
        for name, value in values.items()
    )


def span(  # noqa: PLR0913 - the fields of a span
    *,
    trace_id: bytes,
    span_id: bytes,
    parent: bytes,
    name: str,
    start: int,
    end: int,
    values: Mapping[str, object],
    failed: bool,
) -> bytes:
    """One span; times in nanoseconds since 1970. A status is set only if it `failed`."""
    return b"".join(
        (
            field(0x0A, trace_id),
            field(0x12, span_id),
            field(0x22, parent) if parent else b"",
            field(0x2A, name.encode("utf-8", "replace")),
            bytes((0x30, KIND_SERVER, 0x39)),
            pack("<Q", start),
            b"\x41",
            pack("<Q", end),
            attributes(values),
            field(0x7A, bytes((0x18, STATUS_ERROR))) if failed else b"",
            # Flags (field 16): sampled; whether the parent is remote is known (0x100), and it is (0x200).
            b"\x85\x01" + pack("<I", 0x301 if parent else 0x1),
        )
    )


def resource_spans(resource: Mapping[str, object], scope: tuple[str, str], spans: Sequence[bytes]) -> bytes:
    """An `ExportTraceServiceRequest` of one resource and one scope."""
    described = b"".join(
        field(0x0A, _key(name) + field(0x12, _any(value))) for name, value in resource.items()
    )
    named = field(0x0A, scope[0].encode()) + field(0x12, scope[1].encode())
    scoped = field(0x0A, named) + b"".join(field(0x12, one) for one in spans)
    return field(0x0A, field(0x0A, described) + field(0x12, scoped))
