"""People from several sources, merged: the Directory documents, SCIM clients and Shared Signals. Pure.

Inactive in any source is inactive. A SCIM client speaks only of people with a subject of its own issuer, and
fills only groups on its list; what it says of others is not heard.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from authz.core.definitions import Definitions
from authz.core.user import Entitlement, User
from authz.identity.scim import ScimGroup, ScimUser


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One SCIM client, and what it may say."""

    name: str
    issuer: str
    """Its people are `issuer|externalId`."""
    groups: frozenset[str]
    """Groups that it may fill, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """What one SCIM client keeps here."""

    source: Source
    users: Mapping[str, ScimUser]
    """By our id; one that was deleted stays, inactive."""
    groups: Mapping[str, ScimGroup]


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """All that was learned besides the Directory documents."""

    provisioned: tuple[Provisioned, ...] = ()
    disabled: frozenset[str] = frozenset()
    """Subjects, `issuer|subject`, that a transmitter disabled."""
    ended: Mapping[str, float] = field(default_factory=dict)
    """By subject: tokens issued until this time (seconds since 1970) are over."""


def merged(definitions: Definitions, people: People) -> Definitions:
    """The definitions with people as they are now."""
    users = dict(definitions.users)
    subjects = dict(definitions.subjects)
    for one in people.provisioned:
        groups = _groups_of(one)
        for person in one.users.values():
            name = _name(person, one, users, subjects)
            if name is not None:
                users[name] = _with(users[name], person, groups.get(person.id, frozenset()), definitions)
    for subject in people.disabled:
        name = subjects.get(subject)
        if name is not None:
            users[name] = replace(users[name], active=False)
    return replace(definitions, users=users, subjects=subjects)


def _groups_of(one: Provisioned) -> Mapping[str, frozenset[str]]:
    """Names of the groups that each person is in, of those that the client may fill."""
    found: dict[str, set[str]] = {}
    for group in one.groups.values():
        if group.name in one.source.groups:
            for member in group.members:
                found.setdefault(member, set()).add(group.name)
    return {member: frozenset(names) for member, names in found.items()}


def _name(person: ScimUser, one: Provisioned, users: dict[str, User], subjects: dict[str, str]) -> str | None:
    """Who the person is here; someone new where nobody has the subject."""
    subject = f"{one.source.issuer}|{person.external_id or person.id}"
    name = subjects.get(subject)
    if name is None and person.user_name not in users:
        name = person.user_name
        subjects[subject] = name
        users[name] = User(id=name, active=person.active)
    return name  # None: of the same name as someone who is not of this client


def _with(user: User, person: ScimUser, groups: frozenset[str], definitions: Definitions) -> User:
    return replace(
        user,
        active=user.active and person.active,
        groups=user.groups | groups,
        entitlements=_sum([user.entitlements, *(definitions.groups.get(group, {}) for group in groups)]),
    )


def _sum(found: Iterable[Mapping[str, Entitlement]]) -> Mapping[str, Entitlement]:
    total: dict[str, Entitlement] = {}
    for entitlements in found:
        for app, one in entitlements.items():
            before = total.get(app, Entitlement())
            total[app] = Entitlement(access=before.access | one.access, tools=before.tools | one.tools)
    return total
