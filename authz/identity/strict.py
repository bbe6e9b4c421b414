"""Bytes that came with a token, read in the one way that leaves nothing to choose."""

import base64
import binascii
import json
from typing import Any


def strict_json(data: bytes | str) -> Any:  # noqa: ANN401 - JSON, to be looked at by the caller
    """JSON without a double member, NaN, Infinity or a second value for anything.

    Raises:
        ValueError: it is something else.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is there twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def unb64url(text: str) -> bytes:
    """Base64url without padding, in its one right spelling (RFC 7515 section 2, RFC 4648 section 3.5).

    Raises:
        ValueError: it is something else.
    """
    try:
        found = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64url") from None
    if base64.urlsafe_b64encode(found).rstrip(b"=").decode("ascii") != text:
        raise ValueError("not the one spelling of base64url")
    return found
