"""One wire case: a request as it stands in `cases/`, named for its attack, and what must become of it."""

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from authz.compiler import SourceFile, compile_set
from authz.core.definitions import Definitions
from authz.server.pb.base_pb2 import HeaderMap, HeaderValue
from authz.server.pb.ext_authz_pb2 import AttributeContext, CheckRequest
from tests.wire.shipping import descriptor_set

HERE = Path(__file__).parent
DEFS = HERE / "defs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A request, and what is expected of it. Unknown keys in the file are errors."""

    name: str
    why: str
    to: str
    """An app, `virtual`, or `none`."""
    method: str
    path: str
    headers: list[tuple[str, str]]
    expect: dict[str, Any]
    body: str | None = None
    body_base64: str | None = None
    size: int | None = None
    """What Envoy says it received; None for the length of the body."""
    host: str = "gateway.example.com"
    context: dict[str, str] = field(default_factory=dict)
    mended: str = ""
    """The path that the app gets when Envoy mends the request before it is judged; empty when it does not."""
    envoy: bool = True
    """Whether a client can send it through an Envoy."""

    @property
    def content(self) -> bytes:
        """The body's bytes."""
        if self.body_base64 is not None:
            return base64.b64decode(self.body_base64)
        return (self.body or "").encode()

    def check_request(self, *, raw: bool) -> bytes:
        """As Envoy sends it: header lines as they came (`raw`), or joined in a map."""
        context = dict(self.context)
        if self.to == "virtual":
            context["endpoint"] = "virtual"
        elif self.to != "none":
            context["app"] = self.to
        body = self.content
        http = AttributeContext.HttpRequest(
            method=self.method,
            path=self.path,
            host=self.host,
            raw_body=body,
            size=len(body) if self.size is None else self.size,
        )
        lines = [(name.lower(), value) for name, value in self.headers]
        if raw:
            values = [HeaderValue(key=name, raw_value=value.encode("latin-1")) for name, value in lines]
            http.header_map.CopyFrom(HeaderMap(headers=values))
        else:
            for name, value in lines:
                http.headers[name] = f"{http.headers[name]},{value}" if name in http.headers else value
        request = AttributeContext.Request(http=http)
        return CheckRequest(
            attributes=AttributeContext(request=request, context_extensions=context)
        ).SerializeToString()


def all_cases() -> list[Case]:
    """Every file, by name."""
    found = []
    for file in sorted((HERE / "cases").glob("*.yaml")):
        written = yaml.safe_load(file.read_text())
        written["headers"] = [(name, value) for name, value in written["headers"]]
        found.append(Case(name=file.stem, **written))
    return found


def definitions() -> Definitions:
    """The apps that the cases are about, compiled."""
    files = [SourceFile(str(one), one.read_bytes()) for one in sorted(DEFS.glob("*.yaml"))]
    pinned = {"crm": (DEFS / "crm.tools.json").read_bytes(), "shipping.binpb": descriptor_set()}
    return compile_set(files, pinned=pinned).definitions
