"""What a live MCP server lists at this moment, read over HTTP in whichever era it speaks.

Blocking: for the command line and for what compares pins in the background; never on the path of a call.
"""

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

STATELESS = "2026-07-28"
SESSION = "2025-11-25"
MAX_BYTES = 16 * 1024 * 1024
MAX_PAGES = 200
LISTS: Mapping[str, str] = {
    "tools": "tools/list",
    "prompts": "prompts/list",
    "resources": "resources/list",
    "resourceTemplates": "resources/templates/list",
}
METHOD_NOT_FOUND = -32601


class LiveError(Exception):
    """The server could not be read: one line for a person."""


@dataclass(slots=True)
class _Line:
    """One conversation with a server."""

    url: str
    headers: Mapping[str, str]
    timeout: float
    version: str = STATELESS
    session: str | None = None
    number: int = field(default=0)

    def ask(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """The response to one request."""
        self.number += 1
        sent = dict(params)
        if self.version == STATELESS:
            sent["_meta"] = {
                "io.modelcontextprotocol/protocolVersion": STATELESS,
                "io.modelcontextprotocol/clientCapabilities": {},
            }
        body = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": sent}
        return self._response(self._post(method, body))

    def tell(self, method: str) -> None:
        """A notification."""
        self._post(method, {"jsonrpc": "2.0", "method": method})

    def _post(self, method: str, body: Mapping[str, Any]) -> tuple[int, str, bytes]:
        headers = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": self.version,
            **self.headers,
        }
        if self.version == STATELESS:
            headers["mcp-method"] = method
        if self.session is not None:
            headers["mcp-session-id"] = self.session
        request = urllib.request.Request(self.url, orjson.dumps(body), headers)  # noqa: S310 - http(s) only, see `read`
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:  # noqa: S310 - as above
                self.session = answer.headers.get("mcp-session-id") or self.session
                return answer.status, answer.headers.get_content_type(), answer.read(MAX_BYTES + 1)
        except urllib.error.HTTPError as error:
            return error.code, error.headers.get_content_type(), error.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            raise LiveError(f"{self.url}: {getattr(error, 'reason', None) or error}") from None

    def _response(self, answer: tuple[int, str, bytes]) -> Mapping[str, Any]:
        status, kind, body = answer
        if len(body) > MAX_BYTES:
            raise LiveError(f"{self.url}: answers with more than {MAX_BYTES} bytes")
        texts = _events(body) if kind == "text/event-stream" else [body]
        for text in texts:
            try:
                message = orjson.loads(text)
            except orjson.JSONDecodeError:
                continue
            if (
                isinstance(message, dict)
                and message.get("id") in {self.number, None}
                and "method" not in message
            ):
                return message
        raise LiveError(f"{self.url}: answers with HTTP {status} and no JSON-RPC response")


def read(url: str, headers: Mapping[str, str] | None = None, timeout: float = 10.0) -> dict[str, list[Any]]:
    """All that the server at `url` lists: tools, prompts, resources and resource templates.

    Raises:
        LiveError: When it can't be read.
    """
    if not url.startswith(("http://", "https://")):
        raise LiveError(f"`{url}` is no http(s) address")
    line = _Line(url, headers or {}, timeout)
    if "error" in line.ask("server/discover", {}):
        _begin_session(line)
    return {
        kind: found for kind, method in LISTS.items() if (found := _pages(line, kind, method)) is not None
    }


def _begin_session(line: _Line) -> None:
    """For a server that knows no stateless era."""
    line.version = SESSION
    client = {"name": "agent-personas", "version": "1"}
    params = {"protocolVersion": SESSION, "capabilities": {}, "clientInfo": client}
    answer = line.ask("initialize", params)
    result = answer.get("result")
    if not isinstance(result, dict):
        raise LiveError(f"{line.url}: refuses to begin: {_said(answer)}")
    line.version = str(result.get("protocolVersion") or SESSION)
    line.tell("notifications/initialized")


def _pages(line: _Line, kind: str, method: str) -> list[Any] | None:
    """The whole list; None when the server has no such method."""
    found: list[Any] = []
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        answer = line.ask(method, {} if cursor is None else {"cursor": cursor})
        result = answer.get("result")
        if not isinstance(result, dict):
            error = answer.get("error")
            if isinstance(error, dict) and error.get("code") == METHOD_NOT_FOUND:
                return None
            raise LiveError(f"{line.url}: refuses {method}: {_said(answer)}")
        page = result.get(kind)
        found += page if isinstance(page, list) else []
        cursor = result.get("nextCursor")
        if not isinstance(cursor, str):
            return found
    raise LiveError(f"{line.url}: {method} has more than {MAX_PAGES} pages")


def _events(body: bytes) -> list[bytes]:
    """The data of each server-sent event."""
    found = []
    for event in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        lines = [one[5:].removeprefix(b" ") for one in event.split(b"\n") if one.startswith(b"data:")]
        if lines:
            found.append(b"\n".join(lines))
    return found


def _said(answer: Mapping[str, Any]) -> str:
    error = answer.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return "".join(one for one in str(message or "no result") if one.isprintable())[:200]
