"""`kind: Bindings` as compiled: every name resolved, and nothing bound to what others can change."""

import ipaddress
import re
from urllib.parse import urlsplit

from authz.compiler.problem import shown
from authz.compiler.scope import Scope
from authz.compiler.source import Document
from authz.compiler.written.bindings import BindingsDocument, PickWritten, TokenWritten
from authz.core.binding import Binding, Pick, Requirement, WorkloadBinding

CHANGEABLE = frozenset(
    {
        "email",
        "emails",
        "mail",
        "upn",
        "preferred_username",
        "unique_name",
        "username",
        "user_name",
        "login",
        "login_hint",
        "name",
        "nickname",
        "given_name",
        "family_name",
        "display_name",
        "phone_number",
    }
)
"""Claims that a person, or an administrator of another tenant, can set to someone else's."""
NOT_FOR_TOKENS = frozenset({"x-agent-access-key", "cookie", "host", "dpop", "content-type", "content-length"})
_HEADER = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
Path = tuple[str | int, ...]


def compile_bindings(
    document: Document,
    written: BindingsDocument,
    scope: Scope,
    bindings: dict[str, Binding],
    workloads: dict[str, WorkloadBinding],
) -> None:
    """Add the bindings of one document."""
    for index, token in enumerate(written.tokens):
        here: Path = ("tokens", index)
        if token.name in bindings:
            scope.problems.error(document.at(*here, "name"), f"binding {shown(token.name)} is there already")
            continue
        bindings[token.name] = _binding(document, here, token, scope)
    for index, one in enumerate(written.workloads):
        here = ("workloads", index)
        if one.principal in workloads:
            text = f"workload {shown(one.principal)} is there already"
            scope.problems.error(document.at(*here, "principal"), text)
            continue
        if one.user not in scope.users:
            scope.person("user", one.user, scope.users, document.at(*here, "user"))
        if one.persona not in scope.personas:
            scope.unknown("persona", one.persona, scope.personas, document.at(*here, "persona"))
        workloads[one.principal] = WorkloadBinding(
            principal=one.principal,
            agent=one.agent,
            user=one.user,
            persona=one.persona,
            model=one.model,
            version=one.version,
            deployment=one.deployment,
            place=document.at(*here),
        )


def _binding(document: Document, here: Path, written: TokenWritten, scope: Scope) -> Binding:
    header = written.header.lower()
    if not _HEADER.fullmatch(header) or header in NOT_FOR_TOKENS:
        text = f"{shown(written.header)} is no header for a token"
        scope.problems.error(document.at(*here, "header"), text)
    _check_url(document, here, written, scope)
    _check_user(document, here, written, scope)
    for index, requirement in enumerate(written.require):
        if not requirement.one_of:
            scope.problems.error(document.at(*here, "require", index), "`one_of` names nothing")
    persona = _pick(document, (*here, "persona"), written.persona, scope)
    said = [persona.value] if persona.value is not None else list((persona.table or {}).values())
    for name in said:
        if name not in scope.personas:
            scope.unknown("persona", name, scope.personas, document.at(*here, "persona"))
    return Binding(
        name=written.name,
        issuer=written.issuer,
        audiences=frozenset(written.audiences),
        jwks=written.jwks,
        algorithms=frozenset(written.algorithms),
        types=frozenset(one.lower() for one in written.types),
        header=header,
        require=tuple(
            Requirement(claim=path_of(one.claim), one_of=frozenset(one.one_of), separated=one.separated)
            for one in written.require
        ),
        subject=path_of(written.user.subject) if written.user.subject is not None else (),
        user=written.user.id,
        agent=_pick(document, (*here, "agent"), written.agent, scope),
        model=_maybe(document, (*here, "model"), written.model, scope),
        version=_maybe(document, (*here, "version"), written.version, scope),
        deployment=_maybe(document, (*here, "deployment"), written.deployment, scope),
        persona=persona,
        place=document.at(*here),
    )


def path_of(claim: str) -> tuple[str, ...]:
    """A claim's path: dots lead inwards, but a URL is one name (Auth0's own claims)."""
    return (claim,) if "://" in claim else tuple(claim.split("."))


def _check_url(document: Document, here: Path, written: TokenWritten, scope: Scope) -> None:
    place = document.at(*here, "jwks")
    try:
        url = urlsplit(written.jwks)
        name = url.hostname or ""
    except ValueError:
        name = ""
        url = urlsplit("")
    if not name or url.username is not None or url.fragment or url.scheme not in {"https", "http"}:
        scope.problems.error(place, f"{shown(written.jwks)} is no URL of keys")
    elif url.scheme == "http" and not _loopback(name):
        scope.problems.error(place, f"{shown(written.jwks)}: keys are fetched over https only")


def _loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _check_user(document: Document, here: Path, written: TokenWritten, scope: Scope) -> None:
    user = written.user
    place = document.at(*here, "user")
    if (user.subject is None) == (user.id is None):
        scope.problems.error(place, "give one of `subject` and `id`")
    if user.id is not None and user.id not in scope.users:
        scope.person("user", user.id, scope.users, place)
    if user.subject is not None:
        last = path_of(user.subject)[-1].rpartition("/")[2]
        if last.lower() in CHANGEABLE:
            text = (
                f"{shown(user.subject)} can be changed by others: use the issuer's own id, as `sub` or `oid`"
            )
            scope.problems.error(document.at(*here, "user", "subject"), text)


def _pick(document: Document, here: Path, written: PickWritten, scope: Scope) -> Pick:
    if (written.value is None) == (written.claim is None):
        scope.problems.error(document.at(*here), "give one of `value` and `claim`")
    elif written.value is not None and (written.table is not None or written.separated):
        scope.problems.error(document.at(*here), "`map` and `separated` need `claim`")
    return Pick(
        value=written.value,
        claim=() if written.claim is None else path_of(written.claim),
        table=written.table,
        separated=written.separated,
    )


def _maybe(document: Document, here: Path, written: PickWritten | None, scope: Scope) -> Pick | None:
    return None if written is None else _pick(document, here, written, scope)
