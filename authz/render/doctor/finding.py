"""What the doctor says: a finding is a way for a call to pass unjudged or misjudged. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Mistake(StrEnum):
    """What can be wrong; append-only. The first ten are the mistakes that fail open."""

    FAILS_OPEN = "fails-open"
    BODY_UNSEEN = "body-unseen"
    SWITCHED_OFF = "switched-off"
    UNJUDGED = "unjudged"
    CLIENT_TRUSTED = "client-trusted"
    PATH_UNNORMALIZED = "path-unnormalized"
    TIMEOUT = "timeout"
    AUTHORIZER_EXPOSED = "authorizer-exposed"
    HEADERS_JOINED = "headers-joined"
    NO_ACCESS_LOG = "no-access-log"
    ADMIN_EXPOSED = "admin-exposed"
    ROUTES_UNSEEN = "routes-unseen"


CHANGES: Mapping[Mistake, str] = MappingProxyType(
    {
        Mistake.FAILS_OPEN: "set `failure_mode_allow: false` in the ext_authz filter, "
        "and `deny_at_disable: {default_value: true}`",
        Mistake.BODY_UNSEEN: "set `with_request_body: {max_request_bytes: 1048576, "
        "allow_partial_message: false, pack_as_bytes: true}`; a route that streams says "
        "`disable_request_body_buffering: true` with `context_extensions: {body: none}`",
        Mistake.SWITCHED_OFF: "take `disabled: true` away: a route for anyone gets a listener of its own",
        Mistake.UNJUDGED: "put `envoy.filters.http.ext_authz` first among the HTTP filters of this listener, "
        "enabled for every route that leads to an app",
        Mistake.CLIENT_TRUSTED: "set `use_remote_address: true` and "
        "`forward_client_cert_details: SANITIZE_SET`",
        Mistake.PATH_UNNORMALIZED: "set `normalize_path: true`, `merge_slashes: true` and "
        "`path_with_escaped_slashes_action: REJECT_REQUEST`",
        Mistake.TIMEOUT: "set `grpc_service.timeout: 0.5s` in the ext_authz filter; "
        "give a route without a timeout a `max_stream_duration`",
        Mistake.AUTHORIZER_EXPOSED: "reach the authorizer by a Unix socket, by loopback, or with mTLS and a "
        "named client (`tls:` in its settings); route nothing to it",
        Mistake.HEADERS_JOINED: "set `encode_raw_headers: true` in the ext_authz filter",
        Mistake.NO_ACCESS_LOG: "add `envoy.access_loggers.http_grpc` with the authorizer's cluster to "
        "`access_log` of the connection manager",
        Mistake.ADMIN_EXPOSED: "bind Envoy's admin to loopback or to a Unix socket",
        Mistake.ROUTES_UNSEEN: "give the doctor the admin address of the running Envoy, "
        "or the folder with all its files",
    }
)
"""What to do about each; complete (tested)."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """One mistake in one place."""

    place: str
    """Listener, route or cluster, as an operator would look for it."""
    mistake: Mistake
    found: str
    """What stands there."""

    @property
    def change(self) -> str:
        """What to do."""
        return CHANGES[self.mistake]

    def __str__(self) -> str:
        return f"{self.place}: {self.mistake}: {self.found}"
