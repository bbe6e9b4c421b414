"""A client's answer to what a server asked of it: told by its shape, since it carries no method."""

from collections.abc import Collection, Mapping

from authz.core.call import Json, Kind
from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.decode.strictjson import INVALID_REQUEST, known_keys, names, safe_identifier

_MEMBERS = names({"action", "roots", "role", "content", "model", "_meta", "stopReason"})


def answered(body: Mapping[str, Json], asked: Collection[str]) -> tuple[str, Kind]:
    """Name and kind of the answer: unknown, and so denied, unless the app may ask such a thing.

    Args:
        body: The message, without `method`.
        asked: What the app may ask of a client.

    Raises:
        Refusal: When the message is no answer at all.
    """
    if ("result" in body) == ("error" in body) or "params" in body or not safe_identifier(body.get("id")):
        raise _malformed("neither a request nor an answer")
    error, result = body.get("error"), body.get("result")
    if not isinstance(error if "error" in body else result, dict):
        raise _malformed("an answer whose content is no object")
    what = _what(result) if isinstance(result, dict) else "error"
    # A refusal or an empty answer tells the server nothing; it needs an app that may ask something.
    permitted = what in asked or (what in {"error", "empty"} and bool(asked))
    return f"answer/{what}", Kind.ANSWER if permitted else Kind.UNKNOWN


def _what(result: Mapping[str, Json]) -> str:
    known_keys(result, "`result`", _MEMBERS)
    if "roots" in result:
        return "roots"
    if "action" in result:
        return "elicitation"
    if "role" in result or "content" in result:
        return "sampling"
    return "empty" if not set(result) - {"_meta"} else "other"


def _malformed(detail: str) -> Refusal:
    return Refusal(Reason.REQUEST_MALFORMED, detail, status=INVALID_REQUEST)
