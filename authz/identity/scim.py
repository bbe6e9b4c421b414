"""SCIM 2.0 resources (RFC 7643) and PATCH (RFC 7644 section 3.5.2), as Okta and Entra ID send them.

Of a person only what decides is kept: who it is, whether active; of a group its name and members. Attributes
that a provider sends besides are taken and dropped; a path that no schema knows is refused. Pure.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MOST_OPERATIONS = 1000
MOST_MEMBERS = 100_000
_DROPPED_OF_USERS = frozenset(
    {
        "schemas",
        "meta",
        "id",
        "name",
        "displayname",
        "nickname",
        "profileurl",
        "title",
        "usertype",
        "locale",
        "preferredlanguage",
        "timezone",
        "emails",
        "phonenumbers",
        "ims",
        "photos",
        "addresses",
        "groups",
        "entitlements",
        "roles",
        "x509certificates",
        "password",
    }
)
_DROPPED_OF_GROUPS = frozenset({"schemas", "meta", "id"})
_MEMBER = re.compile(r'members\[\s*value\s+eq\s+"([^"\\]{1,255})"\s*\]', re.IGNORECASE)
_FILTER = re.compile(r'\s*(\w+)\s+eq\s+"([^"\\]{1,255})"\s*', re.IGNORECASE)


class ScimError(Exception):
    """What a client asked cannot be done."""

    def __init__(self, detail: str, *, kind: str = "invalidValue", status: int = 400) -> None:
        super().__init__(detail)
        self.kind = kind
        """`scimType` (RFC 7644 section 3.12)."""
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class ScimUser:
    """A person, as one client keeps it."""

    id: str
    """Ours."""
    user_name: str
    external_id: str | None = None
    """The provider's own id: with the client's issuer, the person's subject."""
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ScimGroup:
    """A group, as one client keeps it."""

    id: str
    name: str
    external_id: str | None = None
    members: frozenset[str] = frozenset()
    """Ids of users, ours."""


def user_of(body: object, identity: str, *, before: ScimUser | None = None) -> ScimUser:
    """A user from what a client sent to create or replace it; silence enables nobody who was disabled.

    Raises:
        ScimError: it is no user.
    """
    user = ScimUser(id=identity, user_name="-", active=before is None or before.active)
    for name, value in _attributes(body).items():
        user = _set_user(user, name, value)
    if user.user_name == "-":
        raise ScimError("`userName` is missing")
    return user


def group_of(body: object, identity: str) -> ScimGroup:
    """A group from what a client sent to create or replace it.

    Raises:
        ScimError: it is no group.
    """
    group = ScimGroup(id=identity, name="-")
    for name, value in _attributes(body).items():
        group = _set_group(group, name, value, "replace")
    if group.name == "-":
        raise ScimError("`displayName` is missing")
    return group


def patched_user(user: ScimUser, body: object) -> ScimUser:
    """The user after all operations, or after none.

    Raises:
        ScimError: one of them cannot be done.
    """
    for operation, path, value in _operations(body):
        if operation == "remove":
            if path is None or path.lower() in {"active", "username"}:
                raise ScimError("a user keeps `active` and `userName`", kind="mutability")
            user = replace(user, external_id=None) if path.lower() == "externalid" else user
            if path.lower() != "externalid":
                _set_user(user, path, None)
            continue
        changes = {path: value} if path is not None else _attributes(value)
        for name, one in changes.items():
            user = _set_user(user, name, one)
    return user


def patched_group(group: ScimGroup, body: object) -> ScimGroup:
    """The group after all operations, or after none.

    Raises:
        ScimError: one of them cannot be done.
    """
    for operation, path, value in _operations(body):
        if operation == "remove":
            group = _without(group, path, value)
            continue
        changes = {path: value} if path is not None else _attributes(value)
        for name, one in changes.items():
            group = _set_group(group, name, one, operation)
    return group


def wanted(text: str | None) -> tuple[str, str] | None:
    """A filter `attribute eq "value"` as lower-case attribute and value; None without one.

    Raises:
        ScimError: another filter: more is not needed to keep a directory current.
    """
    if text is None:
        return None
    found = _FILTER.fullmatch(text)
    if found is None or found[1].lower() not in {"username", "externalid", "displayname", "id"}:
        raise ScimError('only `attribute eq "value"` can be asked for', kind="invalidFilter")
    return found[1].lower(), found[2]


def user_body(user: ScimUser, base: str) -> dict[str, Any]:
    """The user as a client is shown it."""
    shown: dict[str, Any] = {
        "schemas": [USER],
        "id": user.id,
        "userName": user.user_name,
        "active": user.active,
        "meta": {"resourceType": "User", "location": f"{base}/Users/{user.id}"},
    }
    return shown if user.external_id is None else {**shown, "externalId": user.external_id}


def group_body(group: ScimGroup, base: str) -> dict[str, Any]:
    """The group as a client is shown it."""
    shown: dict[str, Any] = {
        "schemas": [GROUP],
        "id": group.id,
        "displayName": group.name,
        "members": [{"value": one} for one in sorted(group.members)],
        "meta": {"resourceType": "Group", "location": f"{base}/Groups/{group.id}"},
    }
    return shown if group.external_id is None else {**shown, "externalId": group.external_id}


def _set_user(user: ScimUser, path: str, value: object) -> ScimUser:
    name = path.lower().removeprefix(USER.lower() + ":")
    if name == "username":
        return replace(user, user_name=_text(value, "userName"))
    if name == "externalid":
        return replace(user, external_id=None if value is None else _text(value, "externalId"))
    if name == "active":
        return replace(user, active=_boolean(value))
    if re.split(r"[.\[]", name)[0] in _DROPPED_OF_USERS or name.startswith(ENTERPRISE):
        return user
    raise ScimError("no such attribute of a user", kind="invalidPath")


def _set_group(group: ScimGroup, path: str, value: object, operation: str) -> ScimGroup:
    name = path.lower().removeprefix(GROUP.lower() + ":")
    if name == "displayname":
        return replace(group, name=_text(value, "displayName"))
    if name == "externalid":
        return replace(group, external_id=None if value is None else _text(value, "externalId"))
    if name == "members":
        given = _members(value)
        members = group.members | given if operation == "add" else given
        if len(members) > MOST_MEMBERS:
            raise ScimError("too many members", kind="tooMany")
        return replace(group, members=members)
    if name in _DROPPED_OF_GROUPS:
        return group
    raise ScimError("no such attribute of a group", kind="invalidPath")


def _without(group: ScimGroup, path: str | None, value: object) -> ScimGroup:
    if path is None:
        raise ScimError("`remove` needs a path", kind="noTarget")
    one = _MEMBER.fullmatch(path)
    if one is not None:
        return replace(group, members=group.members - {one[1]})
    if path.lower() == "members":
        # Entra ID names those to remove in `value`; without one, RFC 7644 removes all.
        gone = group.members if value is None else _members(value)
        return replace(group, members=group.members - gone)
    if path.lower() == "externalid":
        return replace(group, external_id=None)
    raise ScimError("no such attribute of a group", kind="invalidPath")


def _operations(body: object) -> Iterable[tuple[str, str | None, object]]:
    schemas = body.get("schemas") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(schemas, list) or PATCH not in schemas:
        raise ScimError("not a PatchOp", kind="invalidSyntax")
    listed = next((value for name, value in body.items() if name.lower() == "operations"), None)
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST_OPERATIONS:
        raise ScimError("`Operations` must be a list", kind="invalidSyntax")
    for one in listed:
        operation = str(one.get("op", "")).lower() if isinstance(one, dict) else ""
        if operation not in {"add", "replace", "remove"}:
            raise ScimError("`op` must be add, replace or remove", kind="invalidSyntax")
        path = one.get("path")
        if path is not None and not isinstance(path, str):
            raise ScimError("`path` must be text", kind="invalidPath")
        if path is None and operation != "remove" and not isinstance(one.get("value"), dict):
            raise ScimError("without a path, `value` must hold attributes", kind="invalidSyntax")
        yield operation, path, one.get("value")


def _attributes(body: object) -> Mapping[str, object]:
    if not isinstance(body, dict):
        raise ScimError("a resource is an object", kind="invalidSyntax")
    names = [str(name).lower() for name in body]
    if len(set(names)) != len(names):
        raise ScimError("an attribute is there twice", kind="invalidSyntax")
    return body


def _members(value: object) -> frozenset[str]:
    listed = value if isinstance(value, list) else [value]
    found = [one.get("value") if isinstance(one, dict) else None for one in listed]
    if not all(isinstance(one, str) and one for one in found):
        raise ScimError("a member is `{value: id}`")
    return frozenset(str(one) for one in found)


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 255 or not value.isprintable():  # noqa: PLR2004
        raise ScimError(f"`{name}` must be 1 to 255 printable characters")
    return value


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:  # Entra ID sends "False"
        return value.lower() == "true"
    raise ScimError("`active` must be true or false")
