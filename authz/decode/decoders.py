"""The way from a request to its app, and on to the protocol that reads it: the order of steps, once."""

from collections.abc import Mapping
from dataclasses import dataclass

from authz.core.decision import Refusal
from authz.core.definitions import Definitions
from authz.core.reason import Reason
from authz.core.request import Request
from authz.decode.envelope import inspect
from authz.decode.exchange import GRPC, MCP, REST, UNKNOWN, Decoded, Exchange, Route, Unreadable
from authz.decode.mcp.call import decode_mcp
from authz.decode.mcp.plan import Plan
from authz.decode.rest.call import decode_rest
from authz.decode.rest.trie import Trie
from authz.decode.rpc.call import Service, decode_grpc


@dataclass(frozen=True, slots=True)
class Decoders:
    """All apps, prepared once for a set of definitions."""

    routes: Mapping[str, Route]
    """By the name of the app: routes without fault are shared."""
    apps_of_host: Mapping[str, frozenset[str]]
    """Names of the apps that list a host."""
    plans: Mapping[str, Plan]
    tries: Mapping[str, Trie]
    services: Mapping[str, Service]
    app_from_host: bool = False

    @staticmethod
    def of(definitions: Definitions, *, app_from_host: bool = False) -> "Decoders":
        """Prepare all apps of `definitions`."""
        apps = definitions.apps
        hosts: dict[str, frozenset[str]] = {}
        for app in apps.values():
            for host in app.hosts:
                name = _bare_host(host)
                hosts[name] = hosts.get(name, frozenset()) | {app.name}
        return Decoders(
            routes={
                name: Route(app=name, protocol=app.protocol, definition=app) for name, app in apps.items()
            },
            apps_of_host=hosts,
            plans={name: Plan.of(app) for name, app in apps.items() if app.protocol == MCP},
            tries={name: Trie(app.tools.values()) for name, app in apps.items() if app.protocol == REST},
            services={name: Service.of(app) for name, app in apps.items() if app.protocol == GRPC},
            app_from_host=app_from_host,
        )

    def route(self, request: Request) -> Route:
        """Which app the request is for; what is wrong with the way is raised by `decode`."""
        context = request.context
        named = context.get("app")
        if context.get("endpoint") == "virtual":
            return _virtual(named)
        listed = self.apps_of_host.get(_bare_host(request.host)) if self.apps_of_host else None
        if named is None and self.app_from_host and listed is not None and len(listed) == 1:
            (named,) = listed
        route = self.routes.get(named) if named is not None else None
        if route is None:
            route = Route(app=named, protocol=_spoken(request))
        if listed is not None and named is not None and named not in listed:
            return _ambiguous(route, "the host belongs to another app than the route")
        return route

    def decode(self, request: Request, route: Route) -> Decoded | Unreadable:
        """What the request asks, or why nobody can say. Any bytes give one of the two."""
        notes: tuple[str, ...] = ()
        try:
            notes = inspect(request)
            if route.refusal is not None:
                raise route.refusal
            if route.protocol == MCP:
                decoded = decode_mcp(request, route, self.plans, notes)
            elif route.protocol == GRPC:
                decoded = decode_grpc(request, route, self.services.get(route.app or ""), notes)
            else:
                decoded = decode_rest(request, route, self.tries.get(route.app or ""), notes)
        except Refusal as refusal:
            exchange = Exchange(
                protocol=route.protocol,
                method=request.method,
                error=refusal.status or 0,
                virtual=route.virtual,
            )
            return Unreadable(refusal=refusal, exchange=exchange, notes=notes)
        if route.virtual and isinstance(decoded, Decoded):
            return self._on_virtual(request, decoded)
        return decoded

    def _on_virtual(self, request: Request, decoded: Decoded) -> Decoded | Unreadable:
        """The host may not belong to another app than the one that the name carries."""
        listed = self.apps_of_host.get(_bare_host(request.host)) if self.apps_of_host else None
        app = decoded.action.app
        if listed is None or app is None or app in listed:
            return decoded
        refusal = Refusal(Reason.REQUEST_AMBIGUOUS, "the host belongs to another app than the name")
        return Unreadable(refusal=refusal, exchange=decoded.exchange, notes=decoded.notes)


def _virtual(named: str | None) -> Route:
    route = Route(protocol=MCP, virtual=True)
    if named is not None:
        return _ambiguous(route, "the route names an app, and is the virtual endpoint")
    return route


def _ambiguous(route: Route, detail: str) -> Route:
    refusal = Refusal(Reason.REQUEST_AMBIGUOUS, detail)
    return Route(
        app=route.app,
        protocol=route.protocol,
        virtual=route.virtual,
        definition=route.definition,
        refusal=refusal,
    )


def _spoken(request: Request) -> str:
    """What a client of no known app seems to speak, so that it can read the refusal."""
    if request.headers.get("content-type", "").startswith("application/grpc"):
        return GRPC
    return MCP if any(name.startswith("mcp-") for name in request.headers) else UNKNOWN


def _bare_host(host: str) -> str:
    """Lower-case, without port and trailing dot."""
    host = host.lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].removesuffix(".")
