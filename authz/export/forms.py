"""What a record looks like at a receiver that takes several forms."""

import importlib.metadata
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import orjson

from authz.audit.cef import cef_line
from authz.audit.ocsf import ocsf_event
from authz.export.sink import Item

VERSION = importlib.metadata.version("agent-personas")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Form(StrEnum):
    """How a record is written."""

    JSON = "json"
    """As it stands in the trail, byte for byte: its hash can be checked at the receiver."""
    OCSF = "ocsf"
    CEF = "cef"


def written(item: Item, form: Form) -> bytes:
    """The record in this form, on one line. Heads of chains are JSON in every form but CEF."""
    match form:
        case Form.CEF:
            return cef_line(item.record, VERSION).encode("utf-8", "replace")
        case Form.OCSF if item.record.get("kind") != "head":
            return orjson.dumps(ocsf_event(item.record))
        case _:
            return item.line


def seconds(item: Item) -> float:
    """When it happened, since 1970."""
    return (datetime.fromisoformat(str(item.record["at"])) - EPOCH) / timedelta(seconds=1)
