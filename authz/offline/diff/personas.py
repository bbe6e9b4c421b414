"""Two versions of a persona: whom it works for, who may assume it, what it may touch, how it may behave."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from authz.compiler.source import Plain
from authz.core.app import NOWHERE
from authz.core.decide import inside
from authz.core.persona import Mode, Persona
from authz.core.rule import Drift, Hours, Probes, Rule, Sequence
from authz.offline.diff.change import (
    Change,
    Direction,
    Side,
    by_number,
    by_sets,
    canonical,
    listed,
    opposite,
    together,
)
from authz.offline.diff.tools import tool_changes

_WEEKS = (datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 7, 6, tzinfo=UTC))
"""One in winter and one in summer: hours are compared minute by minute."""
_MINUTES = 7 * 24 * 60
_COMPARED = frozenset(
    {"mode", "users", "agents", "tools", "data", "behaviour", "metadata", "tests", "apiVersion", "kind"}
)
"""Parts of a document that are compared, or enforce nothing."""


def persona_changes(old: Side, new: Side) -> Iterator[Change]:
    """All personas, those that came and went included."""
    before, after = old.compiled.definitions.personas, new.compiled.definitions.personas
    for name in sorted({*before, *after}):
        about = f"persona {name}"
        if name not in after:
            place = before[name].place
            yield Change(direction=Direction.NARROWER, about=about, what="is gone", place=place)
        elif name not in before:
            yield Change(direction=Direction.WIDER, about=about, what="is new", place=after[name].place)
            yield from tool_changes(name, old, new)
        else:
            found = list(_changes(name, old, new))
            yield from found
            if not found and _silent_change(name, old, new):
                what = "is written otherwise, in a way that is not compared"
                yield Change(direction=Direction.EITHER, about=about, what=what, place=after[name].place)


def _silent_change(name: str, old: Side, new: Side) -> bool:
    """Whether a part that nothing here compares was written otherwise."""
    before, after = (
        {key: one for key, one in side.written.get(("Persona", name), {}).items() if key not in _COMPARED}
        for side in (old, new)
    )
    return canonical(before) != canonical(after)


def _changes(name: str, old: Side, new: Side) -> Iterator[Change]:
    before, after = old.compiled.definitions.personas[name], new.compiled.definitions.personas[name]
    about = f"persona {name}"
    if before.mode is not after.mode:
        wider = Direction.WIDER if after.mode is Mode.SHADOW else Direction.NARROWER
        yield Change(direction=wider, about=about, what=f"mode is `{after.mode}` now", place=after.place)
    yield from _users(about, before, after)
    yield from _agents(about, name, old, new)
    yield from tool_changes(name, old, new)
    yield from _data(about, before, after)
    yield from _hours(about, before, after)
    yield from _rules(about, before, after)


def _users(about: str, old: Persona, new: Persona) -> Iterator[Change]:
    place = new.sections.get("users", NOWHERE)
    for what, before, after in (("group", old.groups, new.groups), ("user", old.users, new.users)):
        if come := after - before:
            text = f"works for {what} {listed(come)} as well"
            yield Change(direction=Direction.WIDER, about=about, what=text, place=place)
        if gone := before - after:
            text = f"no longer works for {what} {listed(gone)}"
            yield Change(direction=Direction.NARROWER, about=about, what=text, place=place)


def _agents(about: str, name: str, old: Side, new: Side) -> Iterator[Change]:
    place = new.compiled.definitions.personas[name].sections.get("agents", NOWHERE)
    before, after = _entries(name, old), _entries(name, new)
    gone = [before[one] for one in before.keys() - after.keys()]
    come = [after[one] for one in after.keys() - before.keys()]
    for entry in sorted(come, key=canonical):
        pair = next((one for one in gone if one.get("id") == entry.get("id")), None)
        if pair is None:
            text = f"agent `{entry.get('id')}` may assume it"
            yield Change(direction=Direction.WIDER, about=about, what=text, place=place)
            continue
        gone.remove(pair)
        keys = [
            one
            for one in ("models", "versions", "deployments", "workload")
            if pair.get(one) != entry.get(one)
        ]
        direction = together([_requirement(pair.get(one), entry.get(one)) for one in keys])
        text = f"agent `{entry.get('id')}` is admitted by other {listed(keys)}"
        yield Change(direction=direction, about=about, what=text, place=place)
    for entry in sorted(gone, key=canonical):
        text = f"agent `{entry.get('id')}` may no longer assume it"
        yield Change(direction=Direction.NARROWER, about=about, what=text, place=place)


def _entries(name: str, side: Side) -> dict[str, dict[str, Plain]]:
    found = side.written.get(("Persona", name), {}).get("agents")
    entries = found if isinstance(found, list) else []
    return {canonical(one): one for one in entries if isinstance(one, dict)}


def _requirement(old: Plain, new: Plain) -> Direction:
    if old is None or new is None:
        return Direction.WIDER if new is None else Direction.NARROWER
    if isinstance(old, list) and isinstance(new, list):
        return by_sets([str(one) for one in old], [str(one) for one in new])
    return Direction.EITHER


def _data(about: str, old: Persona, new: Persona) -> Iterator[Change]:
    place = new.sections.get("data", new.place)
    before, after = old.data, new.data
    if come := after.allow - before.allow:
        text = f"may touch data class {listed(come)}"
        yield Change(direction=Direction.WIDER, about=about, what=text, place=place)
    if gone := before.allow - after.allow:
        text = f"may no longer touch data class {listed(gone)}"
        yield Change(direction=Direction.NARROWER, about=about, what=text, place=place)
    if before.unlabelled != after.unlabelled:
        direction = by_number(before.unlabelled, after.unlabelled)
        word = "may" if after.unlabelled else "may no longer"
        yield Change(direction=direction, about=about, what=f"{word} touch data without a label", place=place)
    if before.ceiling != after.ceiling:
        top = float("inf")
        pair = [top if one is None else one for one in (before.ceiling, after.ceiling)]
        yield Change(
            direction=by_number(*pair), about=about, what="has another ceiling of sensitivity", place=place
        )
    elif before.sensitivity != after.sensitivity and before.ceiling is not None:
        text = "sensitivities of data classes are others"
        yield Change(direction=Direction.EITHER, about=about, what=text, place=place)


def _hours(about: str, old: Persona, new: Persona) -> Iterator[Change]:
    before, after = old.hours, new.hours
    if before is None and after is None:
        return
    place = after.place if after is not None else new.place
    if before is None or after is None:
        direction = Direction.WIDER if after is None else Direction.NARROWER
        text = "works at any hour" if after is None else "works only within hours"
        yield Change(direction=direction, about=about, what=text, place=place)
        return
    same = replace(before, place=after.place) == after
    if same:
        return
    found = [by_sets(_minutes(before), _minutes(after)), _drift(before.on_drift, after.on_drift)]
    yield Change(direction=together(found), about=about, what="has other hours", place=place)


def _minutes(hours: Hours) -> set[str]:
    """The minutes of two weeks that fall into the hours."""
    step = timedelta(minutes=1)
    return {
        f"{week:%m} {one}" for week in _WEEKS for one in range(_MINUTES) if inside(hours, week + one * step)
    }


def _drift(old: Drift, new: Drift) -> Direction:
    return by_number(old is Drift.FLAG, new is Drift.FLAG)


def _rules(about: str, old: Persona, new: Persona) -> Iterator[Change]:
    before, after = {one.name: one for one in old.rules}, {one.name: one for one in new.rules}
    for name in sorted({*before, *after}):
        one, other = before.get(name), after.get(name)
        if one is None and other is not None:
            effect = Direction.SAME if other.on_drift is Drift.FLAG else Direction.NARROWER
            yield Change(direction=effect, about=about, what=f"has rule `{name}` now", place=other.place)
        elif other is None and one is not None:
            effect = Direction.SAME if one.on_drift is Drift.FLAG else Direction.WIDER
            yield Change(direction=effect, about=about, what=f"no longer has rule `{name}`", place=new.place)
        elif one is not None and other is not None and replace(one, place=other.place) != other:
            yield Change(
                direction=_rule(one, other), about=about, what=_difference(one, other), place=other.place
            )


def _rule(old: Rule, new: Rule) -> Direction:
    if old.on_drift is Drift.FLAG and new.on_drift is Drift.FLAG:
        return Direction.SAME  # neither refuses anything
    found = [by_number(old.maximum, new.maximum), _drift(old.on_drift, new.on_drift)]
    if old.watch != new.watch:
        found.append(_watch(old, new))
    if old.selector != new.selector or old.by != new.by:
        found.append(Direction.EITHER)
    return together(found)


def _watch(old: Rule, new: Rule) -> Direction:
    """A longer window counts more and so allows less; a longer memory as well."""
    if type(old.watch) is not type(new.watch):
        return Direction.EITHER
    for span in ("per", "within", "idle"):
        before, after = getattr(old.watch, span, None), getattr(new.watch, span, None)
        if before == after or before is None or after is None:
            continue
        if replace(old.watch, **{span: after}) != new.watch:
            return Direction.EITHER
        requires = isinstance(new.watch, Sequence) and new.watch.require
        longer = by_number(before.total_seconds(), after.total_seconds())
        return longer if requires else opposite(longer)
    if isinstance(old.watch, Probes) and isinstance(new.watch, Probes):
        zero = timedelta(0)
        pair = [(one.remember or zero).total_seconds() for one in (old.watch, new.watch)]
        same = replace(old.watch, remember=new.watch.remember) == new.watch
        return opposite(by_number(*pair)) if same else Direction.EITHER
    return Direction.EITHER


def _difference(old: Rule, new: Rule) -> str:
    told: list[str] = []
    if old.maximum != new.maximum:
        told.append(f"maximum {new.maximum:g} instead of {old.maximum:g}")
    if old.on_drift is not new.on_drift:
        told.append(f"on drift `{new.on_drift}` instead of `{old.on_drift}`")
    if old.watch != new.watch:
        told.append("another window or way to count")
    if old.selector != new.selector:
        told.append("about other calls")
    if old.by != new.by:
        told.append("counted for others together")
    return f"rule `{new.name}`: {', '.join(told) or 'another reason'}"
