"""`kind: Persona` as compiled."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from authz.compiler.agents import compile_agent
from authz.compiler.cel import ConditionError, compile_when
from authz.compiler.globs import is_glob
from authz.compiler.people import LEVELS, with_access
from authz.compiler.rules import RuleCompiler
from authz.compiler.scope import AppScope, Scope
from authz.compiler.source import Document
from authz.compiler.where import compile_where
from authz.compiler.written.persona import GrantWritten, PersonaDocument
from authz.core.app import Access, Place
from authz.core.persona import AppGrants, Condition, DataPolicy, Grant, Mode, Persona


def compile_persona(document: Document, written: PersonaDocument, scope: Scope) -> Persona:
    """The persona, indexed so that one look-up finds what grants an action."""
    _people(document, written, scope)
    if not written.agents:
        scope.problems.warn(document.at("agents"), "admits no agent: nobody can assume the persona")
    rules = RuleCompiler(document, written.behaviour, scope)
    return Persona(
        name=written.metadata.name,
        version=written.metadata.version,
        digest=digest(document),
        mode=Mode(written.mode),
        users=frozenset(written.users.ids),
        groups=frozenset(written.users.groups),
        agents=tuple(
            compile_agent(document, at, one, scope.problems) for at, one in enumerate(written.agents)
        ),
        grants=_Grants(document, scope).compiled(written.tools),
        data=DataPolicy(
            allow=frozenset(written.data.allow),
            unlabelled=written.data.unlabelled == "allow",
            ceiling=None if written.data.ceiling is None else LEVELS[written.data.ceiling],
            sensitivity=scope.sensitivity,
        ),
        hours=rules.hours(),
        rules=rules.rules(),
        place=document.at(),
        sections={key: document.key(key) for key in ("users", "agents", "tools", "data")},
    )


def digest(document: Document) -> str:
    """Of what the document says, however it is laid out."""
    said = orjson.dumps(document.value, option=orjson.OPT_SORT_KEYS)
    return "sha256:" + hashlib.sha256(said).hexdigest()


def _people(document: Document, written: PersonaDocument, scope: Scope) -> None:
    if not written.users.groups and not written.users.ids:
        place = document.at("users")
        scope.problems.warn(place, "names nobody: the persona works for no user")
    for at, name in enumerate(written.users.groups):
        if name not in scope.groups:
            scope.person("group", name, scope.groups, document.at("users", "groups", at))
    for at, name in enumerate(written.users.ids):
        if name not in scope.users:
            scope.person("user", name, scope.users, document.at("users", "ids", at))


class Wide(Mapping[str, tuple[Grant, ...]]):
    """Few grants over very many names: the names are shared with other personas, not copied."""

    __slots__ = ("grants",)

    def __init__(self, grants: Sequence[tuple[frozenset[str], Grant]]) -> None:
        self.grants = tuple(grants)

    def __getitem__(self, name: str) -> tuple[Grant, ...]:
        found = tuple(grant for names, grant in self.grants if name in names)
        if not found:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(frozenset[str]().union(*(names for names, _ in self.grants)))

    def __len__(self) -> int:
        return len(frozenset[str]().union(*(names for names, _ in self.grants)))


MANY_NAMES = 512
FEW_GRANTS = 8


def by_name(grants: Sequence[tuple[frozenset[str], Grant]]) -> Mapping[str, tuple[Grant, ...]]:
    """The grants of each tool, in the order in which they are written."""
    if len(grants) <= FEW_GRANTS and sum(len(names) for names, _ in grants) > MANY_NAMES:
        return Wide(grants)
    found: dict[str, list[Grant]] = {}
    for names, grant in grants:
        for name in names:
            found.setdefault(name, []).append(grant)
    return {name: tuple(those) for name, those in found.items()}


@dataclass(slots=True)
class _InApp:
    """The grants of a persona in one app, while they are gathered."""

    by_tool: list[tuple[frozenset[str], Grant]]
    by_access: dict[Access, list[Grant]]
    session: Grant


@dataclass(slots=True)
class _Grants:
    """Compiles `tools:` of one persona."""

    document: Document
    scope: Scope

    def compiled(self, written: list[GrantWritten]) -> dict[str, AppGrants]:
        """All grants, by app, tool and access."""
        apps: dict[str, _InApp] = {}
        for index, one in enumerate(written):
            place = self.document.at("tools", index)
            app = self.scope.app(one.app, self.document.at("tools", index, "app"))
            if app is None:
                continue
            if one.access is None and one.tools is None:
                self.scope.problems.error(place, "grants nothing: give `access` or `tools`")
                continue
            self._add(apps, app, index, one, place)
        return {
            name: AppGrants(
                by_tool=by_name(found.by_tool),
                by_access={access: tuple(grants) for access, grants in found.by_access.items()},
                session=found.session,
            )
            for name, found in apps.items()
        }

    def _add(
        self, apps: dict[str, _InApp], app: AppScope, index: int, written: GrantWritten, place: Place
    ) -> None:
        here = ("tools", index)
        grant = Grant(
            id=f"tools[{index}]",
            app=written.app,
            conditions=self._conditions(index, written),
            except_tools=self.scope.tools(
                app,
                [(name, self.document.at(*here, "except", at)) for at, name in enumerate(written.except_)],
                others=True,
            ),
            place=place,
        )
        access = frozenset(Access(one) for one in written.access or ())
        if not access and not written.tools:
            self.scope.problems.warn(place, "grants nothing: its list is empty")
            return
        names: frozenset[str] = (
            frozenset() if written.tools is None else self._tools(app, index, written, access)
        )
        if written.tools is not None and not names:
            return  # said; and what grants nothing opens no session either
        found = apps.setdefault(written.app, _InApp([], {}, grant))
        if names:
            found.by_tool.append((names, grant))
        if written.tools is None:
            for one in sorted(access):
                found.by_access.setdefault(one, []).append(grant)

    def _tools(
        self, app: AppScope, index: int, written: GrantWritten, access: frozenset[Access]
    ) -> frozenset[str]:
        places = [
            (name, self.document.at("tools", index, "tools", at))
            for at, name in enumerate(written.tools or ())
        ]
        names = self.scope.tools(app, places)
        if written.access is not None:
            names = with_access(app, names, access)
        for name, place in places:
            tool = app.app.tools.get(name)
            if tool is None or is_glob(name):
                continue
            if tool.review:
                self.scope.problems.warn(place, f"tool `{name}` is not reviewed: denied until it is")
            elif name not in names:
                self.scope.problems.warn(place, f"tool `{name}` is `{tool.access}`: not granted here")
        return names

    def _conditions(self, index: int, written: GrantWritten) -> tuple[Condition, ...]:
        here = ("tools", index)
        conditions: list[Condition] = [
            *compile_where(self.document, (*here, "where"), written.where, self.scope)
        ]
        if written.when is not None:
            try:
                conditions.append(compile_when(written.when))
            except ConditionError as error:
                self.scope.problems.error(self.document.at(*here, "when"), f"condition {error}")
        return tuple(conditions)
