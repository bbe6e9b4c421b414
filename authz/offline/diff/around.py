"""What surrounds personas: apps, people, lists, bindings. Each can widen what a persona reaches."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from authz.compiler.source import Plain
from authz.core.app import NOWHERE, App, Tool
from authz.core.user import Entitlement, User
from authz.offline.diff.change import Change, Direction, Side, by_number, by_sets, canonical, listed, opposite

MOST_PEOPLE = 50
"""Changes of people that are told one by one."""


def app_changes(old: Side, new: Side) -> Iterator[Change]:
    """Apps that came and went; tools that do, touch or are recognised by something else."""
    before, after = old.compiled.definitions.apps, new.compiled.definitions.apps
    for name in sorted({*before, *after}):
        about = f"app {name}"
        if name not in before:
            # By itself it allows nothing: what a persona may call there is told with the persona.
            yield Change(direction=Direction.SAME, about=about, what="is new", place=after[name].place)
        elif name not in after:
            yield Change(direction=Direction.NARROWER, about=about, what="is gone", place=before[name].place)
        else:
            yield from _app(about, before[name], after[name])
            one, other = (side.written.get(("App", name), {}) for side in (old, new))
            yield from _elsewhere(about, one, other, after[name])


def _app(about: str, old: App, new: App) -> Iterator[Change]:
    for name in sorted(old.tools.keys() & new.tools.keys()):
        one, other = old.tools[name], new.tools[name]
        for direction, what in _tool(one, other):
            yield Change(direction=direction, about=about, what=f"tool `{name}` {what}", place=other.place)


def _tool(old: Tool, new: Tool) -> Iterator[tuple[Direction, str]]:
    if old.access is not new.access:
        yield Direction.EITHER, f"is `{new.access}` instead of `{old.access}`"
    if old.classes != new.classes:
        told = f"touches {listed(new.classes) or 'no class'} instead of {listed(old.classes) or 'none'}"
        yield opposite(by_sets(old.classes, new.classes)), told
    if old.match != new.match:
        yield Direction.EITHER, "is recognised by another route"
    if old.target != new.target:
        yield Direction.EITHER, "has another target"
    if old.definition != new.definition:
        yield Direction.EITHER, "has another pinned definition"
    if old.recorded != new.recorded:
        yield Direction.SAME, "shows other arguments in the trail"


def _elsewhere(about: str, old: Mapping[str, Plain], new: Mapping[str, Plain], app: App) -> Iterator[Change]:
    """Tables of labels and where requests go: not weighed, only told."""
    labels = [_labels(one) for one in (old, new)]
    if canonical(labels[0]) != canonical(labels[1]):
        text = "labels other data, by other patterns"
        yield Change(direction=Direction.EITHER, about=about, what=text, place=app.place)
    for key in ("upstream", "assertion", "client_requests", "protocol"):
        if canonical(old.get(key)) != canonical(new.get(key)):
            text = f"has another `{key}`"
            yield Change(direction=Direction.EITHER, about=about, what=text, place=app.place)


def _labels(written: Mapping[str, Plain]) -> list[object]:
    tools = written.get("tools")
    each = [one for one in tools if isinstance(one, dict)] if isinstance(tools, list) else []
    by_tool = {str(one.get("name")): (one.get("labels"), one.get("case")) for one in each}
    return [
        written.get("targets"),
        written.get("case"),
        {name: one for name, one in by_tool.items() if any(one)},
    ]


def people_changes(old: Side, new: Side) -> Iterator[Change]:
    """Groups with other entitlements, and people in other groups."""
    before, after = old.compiled.definitions.groups, new.compiled.definitions.groups
    for name in sorted({*before, *after}):
        one, other = before.get(name, {}), after.get(name, {})
        for app in sorted({*one, *other}):
            yield from _entitled(f"group {name}", app, one.get(app), other.get(app))
    yield from _people(old.compiled.definitions.users, new.compiled.definitions.users)


def _entitled(about: str, app: str, old: Entitlement | None, new: Entitlement | None) -> Iterator[Change]:
    none = Entitlement()
    before, after = _rights(old or none), _rights(new or none)
    if come := after - before:
        yield Change(direction=Direction.WIDER, about=about, what=f"is entitled to {listed(come)} in {app}")
    if gone := before - after:
        text = f"is no longer entitled to {listed(gone)} in {app}"
        yield Change(direction=Direction.NARROWER, about=about, what=text)


def _rights(one: Entitlement) -> set[str]:
    return {access.value for access in one.access} | set(one.tools)


def _people(old: Mapping[str, User], new: Mapping[str, User]) -> Iterator[Change]:
    told = 0
    left: dict[Direction, int] = {}
    for name in sorted({*old, *new}):
        direction, what = _person(old.get(name), new.get(name))
        if direction is Direction.SAME:
            continue
        told += 1
        if told > MOST_PEOPLE:
            left[direction] = left.get(direction, 0) + 1
        else:
            yield Change(direction=direction, about=f"user {name}", what=what)
    for direction, count in left.items():
        yield Change(direction=direction, about="users", what=f"{count} more changed likewise")


def _person(old: User | None, new: User | None) -> tuple[Direction, str]:
    if new is None:
        active = old is not None and old.active
        return (Direction.NARROWER if active else Direction.SAME), "is gone"
    if old is None or old.active != new.active:
        word = "is active" if old is not None else "is new"
        if new.active:
            return Direction.WIDER, f"{word}, in {listed(new.groups) or 'no group'}"
        return (Direction.NARROWER, "is not active") if old is not None else (Direction.SAME, "")
    if old.groups != new.groups:
        return by_sets(old.groups, new.groups), f"is in {listed(new.groups) or 'no group'}"
    if old.clearance != new.clearance:
        top = float("inf")
        pair = [top if one is None else one for one in (old.clearance, new.clearance)]
        return by_number(*pair), "has another clearance"
    return Direction.SAME, ""


def other_changes(old: Side, new: Side) -> Iterator[Change]:
    """Lists, sensitivities and bindings."""
    yield from _lists(old, new)
    yield from _named("Labels", "labels", old, new)
    before, after = ({one.name: one for one in side.compiled.definitions.bindings} for side in (old, new))
    same = {name: replace(one, place=NOWHERE) for name, one in before.items()}
    for name in sorted({*before, *after}):
        about = f"binding {name}"
        if name not in after:
            yield Change(direction=Direction.NARROWER, about=about, what="is gone", place=before[name].place)
        elif name not in before:
            what = "is new: its tokens are believed"
            yield Change(direction=Direction.WIDER, about=about, what=what, place=after[name].place)
        elif same[name] != replace(after[name], place=NOWHERE):
            what = "believes other tokens, or for others"
            yield Change(direction=Direction.EITHER, about=about, what=what, place=after[name].place)
    workloads = [
        {name: replace(one, place=NOWHERE) for name, one in side.compiled.definitions.workloads.items()}
        for side in (old, new)
    ]
    for name in sorted({*workloads[0], *workloads[1]}):
        if workloads[0].get(name) != workloads[1].get(name):
            gone = name not in workloads[1]
            direction = (
                Direction.NARROWER
                if gone
                else Direction.WIDER
                if name not in workloads[0]
                else Direction.EITHER
            )
            what = "is no longer believed" if gone else "stands for somebody"
            yield Change(direction=direction, about=f"workload {name}", what=what)


def _lists(old: Side, new: Side) -> Iterator[Change]:
    before, after = _all_lists(old), _all_lists(new)
    for name in sorted({*before, *after}):
        one, other = before.get(name, ()), after.get(name, ())
        direction = by_sets(one, other)
        if direction is not Direction.SAME:
            come, gone = set(other) - set(one), set(one) - set(other)
            told = [f"has {listed(come)} as well"] * bool(come) + [f"no longer has {listed(gone)}"] * bool(
                gone
            )
            yield Change(direction=direction, about=f"list {name}", what=" and ".join(told))


def _all_lists(side: Side) -> dict[str, Collection[str]]:
    found: dict[str, Collection[str]] = {}
    for (kind, _), document in side.written.items():
        lists = document.get("lists") if kind == "Lists" else None
        if isinstance(lists, dict):
            found.update({name: [str(one) for one in x] for name, x in lists.items() if isinstance(x, list)})
    return found


def _named(kind: str, about: str, old: Side, new: Side) -> Iterator[Change]:
    before, after = (
        [one for (of, _), one in sorted(side.written.items()) if of == kind] for side in (old, new)
    )
    if canonical(before) != canonical(after):
        yield Change(direction=Direction.EITHER, about=about, what="say something else")
