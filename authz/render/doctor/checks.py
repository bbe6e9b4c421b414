"""The checks: each looks at one part of an Envoy and names what would let a call pass. Pure."""

import ipaddress
from collections.abc import Iterator, Sequence

from authz.render.doctor.finding import Finding, Mistake
from authz.render.doctor.reading import Manager, Seen, Tree, child, children, typed
from authz.render.doctor.routes import Routed, clusters_of, routed

LONGEST_SECONDS = 2.0
"""An agent that waits longer for a decision has long given up; a mesh puts in ten minutes."""
_SANITIZED = frozenset({"", "SANITIZE", "SANITIZE_SET", "0", "3"})
_KEPT = frozenset({"", "KEEP_UNCHANGED", "IMPLEMENTATION_SPECIFIC_DEFAULT", "0", "1"})


def examine(seen: Seen, listeners: Sequence[str] = ()) -> list[Finding]:
    """Every finding once, sorted.

    Args:
        seen: What was read.
        listeners: Names of the listeners to look at; all when empty.
    """
    found: set[Finding] = set(_admin(seen))
    judges: set[str] = set()
    managers = [one for one in seen.managers if not listeners or one.listener in listeners]
    for manager in managers:
        filters = [one for one in children(manager.tree, "http_filters") if _judges(one)]
        found.update(_manager(manager, filters))
        for one in filters:
            judges.add(_asked(child(one, "typed_config")))
            found.update(_filter(manager, child(one, "typed_config")))
            found.update(_routes(manager, one))
    for name in sorted(judges - {""}):
        found.update(_authorizer(seen, name))
        found.update(_reached(seen, name))
    for place, cluster in seen.tunnels:
        if not listeners or any(f"`{one}`" in place for one in listeners):
            said = f"bytes go to `{cluster}` without a look at the requests in them"
            found.add(Finding(place=place, mistake=Mistake.UNJUDGED, found=said))
    return sorted(found)


def _judges(one: Tree) -> bool:
    return typed(child(one, "typed_config"), "ExtAuthz")


def _asked(tree: Tree) -> str:
    service = child(tree, "grpc_service")
    http = child(child(tree, "http_service"), "server_uri")
    return str(child(service, "envoy_grpc").get("cluster_name", http.get("cluster", "")))


def _manager(manager: Manager, filters: Sequence[Tree]) -> Iterator[Finding]:
    """What belongs to the connection manager."""
    tree, place = manager.tree, manager.place
    forwards = [one for one in routed(manager, "") if one.action]
    if manager.routes is None:
        wanted = child(tree, "rds").get("route_config_name", "of a scope")
        said = f"routes `{wanted}` are not among what was read"
        yield Finding(place=place, mistake=Mistake.ROUTES_UNSEEN, found=said)
    if not filters:
        if forwards or manager.routes is None:
            yield Finding(place=place, mistake=Mistake.UNJUDGED, found="no ext_authz filter")
        return
    trusted = []
    if tree.get("use_remote_address") is not True:
        trusted.append("`use_remote_address` is off: `x-forwarded-for` and `x-envoy-*` of a client count")
    certificate = str(tree.get("forward_client_cert_details", ""))
    if certificate not in _SANITIZED:
        trusted.append(f"`forward_client_cert_details: {certificate}` hands on a client's own claim")
    for said in trusted:
        yield Finding(place=place, mistake=Mistake.CLIENT_TRUSTED, found=said)
    off = [name for name in ("normalize_path", "merge_slashes") if tree.get(name) is not True]
    if str(tree.get("path_with_escaped_slashes_action", "")) in _KEPT:
        off.append("path_with_escaped_slashes_action")
    if off:
        said = ", ".join(f"`{one}`" for one in off) + " off: one path has several spellings"
        yield Finding(place=place, mistake=Mistake.PATH_UNNORMALIZED, found=said)
    logs = [child(one, "typed_config") for one in children(tree, "access_log")]
    if not any(typed(one, "HttpGrpcAccessLogConfig") for one in logs):
        said = "no gRPC access log: how calls end is never learned"
        yield Finding(place=place, mistake=Mistake.NO_ACCESS_LOG, found=said)


def _filter(manager: Manager, tree: Tree) -> Iterator[Finding]:
    """What belongs to the ext_authz filter itself."""
    place = manager.place
    if tree.get("failure_mode_allow") is True:
        said = "`failure_mode_allow: true`: when the authorizer is down, everything passes"
        yield Finding(place=place, mistake=Mistake.FAILS_OPEN, found=said)
    if tree.get("shadow_mode") is True:
        said = "`shadow_mode: true`: refusals are counted, not enforced"
        yield Finding(place=place, mistake=Mistake.SWITCHED_OFF, found=said)
    share = child(child(tree, "filter_enabled"), "default_value")
    if "filter_enabled" in tree and not _whole(share) and not _denies_at_disable(tree):
        said = "`filter_enabled` judges a part of the requests; the others pass"
        yield Finding(place=place, mistake=Mistake.SWITCHED_OFF, found=said)
    yield from _body(place, child(tree, "with_request_body"))
    yield from _timeout(place, tree)
    if tree.get("encode_raw_headers") is not True:
        said = "`encode_raw_headers` is off: two headers of one name look like one"
        yield Finding(place=place, mistake=Mistake.HEADERS_JOINED, found=said)


def _body(place: str, body: Tree) -> Iterator[Finding]:
    if not body.get("max_request_bytes"):
        said = "no `with_request_body`: the authorizer sees no arguments"
        yield Finding(place=place, mistake=Mistake.BODY_UNSEEN, found=said)
    elif body.get("allow_partial_message") is True:
        said = "`allow_partial_message: true`: what is judged is not what the app gets"
        yield Finding(place=place, mistake=Mistake.BODY_UNSEEN, found=said)


def _timeout(place: str, tree: Tree) -> Iterator[Finding]:
    stated = child(tree, "grpc_service").get("timeout")
    stated = stated or child(child(tree, "http_service"), "server_uri").get("timeout")
    seconds = _seconds(stated)
    if stated is None:
        said = "no timeout is stated for the authorizer"
    elif seconds == 0 or seconds > LONGEST_SECONDS:
        said = f"`timeout: {stated}`: a stuck authorizer holds every call that long"
        said = "`timeout: 0s`: a stuck authorizer holds every call for ever" if seconds == 0 else said
    else:
        return
    yield Finding(place=place, mistake=Mistake.TIMEOUT, found=said)


def _routes(manager: Manager, one: Tree) -> Iterator[Finding]:
    """What single routes change about the filter."""
    off_by_default = one.get("disabled") is True
    for way in routed(manager, str(one.get("name", ""))):
        if way.disabled:
            said = "the filter is disabled here"
            yield Finding(place=way.place, mistake=Mistake.SWITCHED_OFF, found=said)
            continue
        if off_by_default and way.disabled is None and way.action:
            said = "the filter is off in this listener, and this route does not switch it on"
            yield Finding(place=way.place, mistake=Mistake.UNJUDGED, found=said)
            continue
        if way.body_unseen and way.context.get("body") != "none":
            said = "no body is shown here, and the authorizer is not told so"
            yield Finding(place=way.place, mistake=Mistake.BODY_UNSEEN, found=said)
        yield from _endless(way)


def _endless(way: Routed) -> Iterator[Finding]:
    timeout = way.action.get("timeout")
    lasting = child(way.action, "max_stream_duration").get("max_stream_duration")
    if timeout is not None and _seconds(timeout) == 0 and not _seconds(lasting):
        said = "judged once, and may last for ever: a revoked key goes on listening"
        yield Finding(place=way.place, mistake=Mistake.TIMEOUT, found=said)


def _authorizer(seen: Seen, name: str) -> Iterator[Finding]:
    """How Envoy reaches the authorizer."""
    cluster = seen.clusters.get(name)
    place = f"cluster `{name}`"
    if cluster is None:
        said = "the authorizer's cluster is not among what was read"
        yield Finding(place=place, mistake=Mistake.ROUTES_UNSEEN, found=said)
        return
    if child(cluster, "transport_socket") or children(cluster, "transport_socket_matches"):
        return
    service = str(child(cluster, "eds_cluster_config").get("service_name", name))
    assigned = child(cluster, "load_assignment") or seen.endpoints.get(service, {})
    for group in children(assigned, "endpoints"):
        for endpoint in children(group, "lb_endpoints"):
            address = child(child(child(endpoint, "endpoint"), "address"), "socket_address")
            host = str(address.get("address", ""))
            if host and not _loopback(host):
                said = f"`{host}:{address.get('port_value', '')}` is asked over the network without TLS"
                yield Finding(place=place, mistake=Mistake.AUTHORIZER_EXPOSED, found=said)


def _reached(seen: Seen, name: str) -> Iterator[Finding]:
    """Who else could ask the authorizer through this Envoy."""
    for manager in seen.managers:
        for way in routed(manager, ""):
            if name in clusters_of(way.action):
                said = f"leads to the authorizer's own cluster `{name}`"
                yield Finding(place=way.place, mistake=Mistake.AUTHORIZER_EXPOSED, found=said)
    for place, cluster in seen.tunnels:
        if cluster == name:
            said = f"leads to the authorizer's own cluster `{name}`"
            yield Finding(place=place, mistake=Mistake.AUTHORIZER_EXPOSED, found=said)


def _admin(seen: Seen) -> Iterator[Finding]:
    address = child(seen.admin or {}, "socket_address")
    host = str(address.get("address", ""))
    if host and not _loopback(host):
        said = f"`{host}:{address.get('port_value', '')}` can be asked from other machines"
        yield Finding(place="admin", mistake=Mistake.ADMIN_EXPOSED, found=said)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _whole(share: Tree) -> bool:
    parts = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}
    return share.get("numerator") == parts.get(str(share.get("denominator", "HUNDRED")))


def _denies_at_disable(tree: Tree) -> bool:
    return child(tree, "deny_at_disable").get("default_value") is True


def _seconds(text: object) -> float:
    """A duration as Envoy writes it; 0 for none."""
    try:
        return float(str(text).removesuffix("s")) if text is not None else 0.0
    except ValueError:
        return 0.0
