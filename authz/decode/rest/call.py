"""A REST request as one action: method and route template name the tool, the rest are its arguments."""

from collections.abc import Mapping

from authz.core.call import Action, Json
from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.core.request import Request
from authz.decode.envelope import body_shown, content_type_of, refuse_body
from authz.decode.exchange import REST, Decoded, Exchange, Route
from authz.decode.rest.paths import form_arguments, query_arguments, segments
from authz.decode.rest.trie import Trie
from authz.decode.strictjson import distinct_keys, read_json, target_of

_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_FORM = "application/x-www-form-urlencoded"
_LONGEST_NAME = 256


def decode_rest(request: Request, route: Route, trie: Trie | None, notes: tuple[str, ...]) -> Decoded:
    """What the request asks of the app.

    Raises:
        Refusal: When nobody can say for sure.
    """
    exchange = Exchange(protocol=route.protocol, method=request.method)
    if request.method in _BODILESS:
        refuse_body(request)
    path, _, query = request.path.partition("?")
    found = trie.find(request.method, segments(path)) if trie is not None else None
    sources: list[Mapping[str, Json]] = [query_arguments(query)] if query else []
    if request.body and body_shown(request):
        sources.append(_body_arguments(request))
    if found is None:
        name = f"{request.method} {path}"[:_LONGEST_NAME]
        action = Action(
            protocol=REST, app=route.app, name=name, method=request.method, args=_merged({}, sources)
        )
        return Decoded(action=action, exchange=exchange, notes=notes)
    args = _merged(found.values, sources)
    tool = found.tool
    template = tool.match.path if tool.match is not None else path
    action = Action(
        protocol=REST,
        app=route.app,
        name=tool.name,
        method=f"{request.method} {template}",
        tool=tool,
        args=args,
        target=target_of(args, found.target),
    )
    return Decoded(action=action, exchange=exchange, notes=notes)


def _body_arguments(request: Request) -> Mapping[str, Json]:
    """Arguments in the body; none in a type that is no object, so that a rule which needs one fails."""
    media = content_type_of(request.headers)
    if media == _FORM:
        try:
            return form_arguments(request.body.decode("ascii"))
        except UnicodeDecodeError:
            raise Refusal(Reason.REQUEST_MALFORMED, "a form with bytes outside of ASCII") from None
    if media != "application/json" and not media.endswith("+json"):
        return {}
    body = read_json(request.body)
    return body if isinstance(body, dict) else {}


def _merged(first: Mapping[str, str], sources: list[Mapping[str, Json]]) -> dict[str, Json]:
    """All arguments together; a name that comes from two places could be either."""
    merged: dict[str, Json] = dict(first)
    total = len(merged)
    for source in sources:
        merged.update(source)
        total += len(source)
    if len(merged) != total:
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "an argument comes from two of path, query and body")
    if total:
        distinct_keys(merged, "the arguments")
    return merged
