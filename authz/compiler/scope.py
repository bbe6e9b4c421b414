"""What a set of definitions has names for: the one place where references are resolved or objected to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from authz.compiler.globs import Names, is_glob
from authz.compiler.problem import Problems, did_you_mean, shown
from authz.core.app import Access, App, Place
from authz.core.user import Entitlement, User

EVERY_ACCESS = frozenset(Access)


@dataclass(slots=True)
class AppScope:
    """An app, and its tools by access."""

    app: App
    names: Names
    """Of its tools."""
    by_access: Mapping[Access, frozenset[str]]
    review: frozenset[str]
    """Tools that nobody looked at: no pattern finds them."""
    expanded: dict[frozenset[str], frozenset[str]] = field(default_factory=dict)
    """Sets of names that were asked for."""
    others: frozenset[str] = frozenset()
    """Names of prompts and patterns of resources."""

    @classmethod
    def of(cls, app: App) -> "AppScope":
        """From the app as compiled."""
        by_access: dict[Access, set[str]] = {}
        for tool in app.tools.values():
            by_access.setdefault(tool.access, set()).add(tool.name)
        return cls(
            app=app,
            names=Names.of(app.tools),
            by_access={access: frozenset(names) for access, names in by_access.items()},
            review=frozenset(tool.name for tool in app.tools.values() if tool.review),
            others=frozenset(app.prompts) | {one.name for one in app.resources},
        )


@dataclass(slots=True)
class Scope:
    """Everything that may be referred to, while a set is compiled."""

    problems: Problems
    dropped: set[str] = field(default_factory=set)
    """Names in what could not be read; who refers to them is not told off."""
    apps: dict[str, AppScope] = field(default_factory=dict)
    groups: dict[str, Mapping[str, Entitlement]] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    personas: set[str] = field(default_factory=set)
    lists: dict[str, tuple[bool | float | str, ...]] = field(default_factory=dict)
    sensitivity: dict[str, int] = field(default_factory=dict)
    external: bool = False
    """Groups and users may be known elsewhere only."""

    def unknown(self, what: str, name: str, known: Iterable[str], place: Place) -> None:
        """Object to a name that nothing has."""
        if name not in self.dropped:
            self.problems.error(place, f"unknown {what} {shown(name)}{did_you_mean(name, known)}")

    def person(self, what: str, name: str, known: Iterable[str], place: Place) -> None:
        """Object to a group or user that nothing has; only warn where others keep them."""
        if self.external:
            text = f"{what} {shown(name)} is not in these definitions{did_you_mean(name, known)}"
            self.problems.warn(place, text)
        else:
            self.unknown(what, name, known, place)

    def app(self, name: str, place: Place) -> AppScope | None:
        """The app of that name."""
        found = self.apps.get(name)
        if found is None:
            self.unknown("app", name, self.apps, place)
        return found

    def tools(
        self, app: AppScope, written: Iterable[tuple[str, Place]], *, others: bool = False
    ) -> frozenset[str]:
        """Names and patterns as names of tools; each must be of at least one.

        A pattern does not find what nobody looked at; with `others` prompts and resources count as well.
        """
        found: list[frozenset[str]] = []
        for name, place in written:
            hits = app.names.matching(name)
            if others and (more := self._others(app, name)):
                hits |= more
            if not hits:
                self._no_tool(app, name, place)
            found.append(hits - app.review if is_glob(name) and app.review else hits)
        if len(found) == 1:
            return found[0]
        # The same words come again in many personas; their names are held once.
        union = frozenset[str]().union(*found)
        return app.expanded.setdefault(union, union)

    @staticmethod
    def _others(app: AppScope, name: str) -> frozenset[str]:
        return Names.of(app.others).matching(name)

    def _no_tool(self, app: AppScope, name: str, place: Place) -> None:
        where = app.app.name
        if is_glob(name):
            if not self.dropped:
                self.problems.error(place, f"{shown(name)} matches no tool of app `{where}`")
        elif name not in self.dropped:
            near = did_you_mean(name, app.app.tools)
            self.problems.error(place, f"app `{where}` has no tool {shown(name)}{near}")
