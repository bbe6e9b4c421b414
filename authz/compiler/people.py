"""`kind: Directory` as compiled: groups to entitlements, users to the sum of their groups'."""

from collections.abc import Iterable, Mapping

from authz.compiler.problem import shown
from authz.compiler.scope import AppScope, Scope
from authz.compiler.source import Document
from authz.compiler.written.people import DirectoryDocument, EntitlementWritten, UserWritten
from authz.core.app import Access
from authz.core.user import Entitlement, User

LEVELS: Mapping[str, int] = {"public": 0, "internal": 1, "confidential": 2, "restricted": 3}
"""Sensitivity, lowest first. Each is also a data class of its own sensitivity."""


def compile_groups(document: Document, written: DirectoryDocument, scope: Scope) -> None:
    """Add the groups of one directory."""
    for index, group in enumerate(written.groups):
        here = ("groups", index)
        if group.name in scope.groups:
            text = f"group {shown(group.name)} is there already"
            scope.problems.error(document.at(*here, "name"), text)
            continue
        found: list[tuple[str, Entitlement]] = []
        for at, one in enumerate(group.entitlements):
            entitlement = _entitlement(document, (*here, "entitlements", at), one, scope)
            if entitlement is not None:
                found.append((one.app, entitlement))
        scope.groups[group.name] = together(found)


def _entitlement(
    document: Document, here: tuple[str | int, ...], written: EntitlementWritten, scope: Scope
) -> Entitlement | None:
    app = scope.app(written.app, document.at(*here, "app"))
    if app is None:
        return None
    access = frozenset(Access(one) for one in written.access or ())
    if written.access is None and written.tools is None:
        scope.problems.error(document.at(*here), "names nothing: give `access` or `tools`")
        return None
    if written.tools is None:
        return Entitlement(access=access)
    places = [(name, document.at(*here, "tools", at)) for at, name in enumerate(written.tools)]
    names = scope.tools(app, places)
    return Entitlement(tools=names if written.access is None else with_access(app, names, access))


def with_access(app: AppScope, names: frozenset[str], access: Iterable[Access]) -> frozenset[str]:
    """Those of the tools that have one of these kinds of access."""
    return frozenset(name for one in access for name in names & app.by_access.get(one, frozenset()))


def together(found: Iterable[tuple[str, Entitlement]]) -> dict[str, Entitlement]:
    """The sum of entitlements, by app; an app in which nothing is permitted is left out."""
    total: dict[str, Entitlement] = {}
    for app, one in found:
        if not one.access and not one.tools:
            continue
        before = total.get(app)
        if before is None or before == one:
            total[app] = one
        else:
            total[app] = Entitlement(access=before.access | one.access, tools=before.tools | one.tools)
    return total


def compile_users(
    document: Document, written: DirectoryDocument, scope: Scope, subjects: dict[str, str]
) -> None:
    """Add the people of one directory."""
    for index, user in enumerate(written.users):
        here = ("users", index)
        if user.id in scope.users:
            scope.problems.error(document.at(*here, "id"), f"user {shown(user.id)} is there already")
            continue
        scope.users[user.id] = _user(document, index, user, scope)
        for at, subject in enumerate(user.subjects):
            place = document.at(*here, "subjects", at)
            issuer, bar, name = subject.partition("|")
            if not issuer or not bar or not name:
                scope.problems.error(place, f"{shown(subject)} is no subject: write `issuer|subject`")
            elif subjects.setdefault(subject, user.id) != user.id:
                scope.problems.error(place, f"subject {shown(subject)} is another user's already")


def _user(document: Document, index: int, written: UserWritten, scope: Scope) -> User:
    found: list[tuple[str, Entitlement]] = []
    for at, name in enumerate(written.groups):
        if name in scope.groups:
            found.extend(scope.groups[name].items())
        else:
            scope.person("group", name, scope.groups, document.at("users", index, "groups", at))
    return User(
        id=written.id,
        active=written.active,
        groups=frozenset(written.groups),
        entitlements=together(found),
        clearance=None if written.clearance is None else LEVELS[written.clearance],
        place=document.at("users", index),
    )
