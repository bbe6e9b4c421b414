"""What is granted and never used, and what is nearly used up: what the trail tells of definitions."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from authz.compiler import Compiled
from authz.core.app import Place
from authz.core.labels import covered
from authz.core.persona import Grant, Persona
from authz.offline.diff.change import listed

Record: TypeAlias = Mapping[str, object]
NEARLY: Final = 0.8
"""Share of a maximum from which on a rule is nearly used up."""


@dataclass(slots=True)
class Used:
    """What calls of one persona needed."""

    calls: int = 0
    tools: Counter[tuple[str, str]] = field(default_factory=Counter)
    classes: set[str] = field(default_factory=set)
    agents: set[str] = field(default_factory=set)
    figures: dict[str, float] = field(default_factory=dict)
    """By rule, the highest figure seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One thing to change, and how."""

    persona: str
    kind: str
    """`unused` or `nearly`."""
    what: str
    edit: str
    place: Place


def used(records: Iterable[Record], since: str) -> dict[str, Used]:
    """By persona, what was used; what was refused used nothing.

    Args:
        records: Of the trail.
        since: The first instant that counts, spelled as records spell it.
    """
    found: dict[str, Used] = {}
    for record in records:
        if record.get("kind") != "decision" or str(record.get("at", "")) < since:
            continue
        name = _text(record, "persona", "name")
        if name is None:
            continue
        one = found.setdefault(name, Used())
        counted = record.get("counted")
        for rule, figure in counted.items() if isinstance(counted, dict) else ():
            if isinstance(figure, int | float):
                one.figures[str(rule)] = max(figure, one.figures.get(str(rule), 0))
        if record.get("effect") == "denied":
            continue
        one.calls += 1
        app, tool = _text(record, "action", "app"), _text(record, "action", "tool")
        if app is not None and tool is not None:
            one.tools[app, tool] += 1
        agent = _text(record, "agent", "id")
        if agent is not None:
            one.agents.add(agent)
        data = record.get("data")
        if isinstance(data, list):
            one.classes.update(map(str, data))
    return found


def _text(record: Record, part: str, name: str) -> str | None:
    found = record.get(part)
    value = found.get(name) if isinstance(found, Mapping) else None
    return value if isinstance(value, str) else None


def remarks(compiled: Compiled, found: Mapping[str, Used]) -> Iterator[Remark]:
    """Persona by persona, what could go and what will soon not be enough."""
    for name, persona in sorted(compiled.definitions.personas.items()):
        seen = found.get(name, Used())
        if not seen.calls:
            edit = "remove the persona, or move it out of the folder"
            yield Remark(persona=name, kind="unused", what="was never used", edit=edit, place=persona.place)
            continue
        yield from _grants(compiled, persona, seen)
        yield from _data(persona, seen)
        yield from _agents(persona, seen)
        yield from _limits(persona, seen)


def _grants(compiled: Compiled, persona: Persona, seen: Used) -> Iterator[Remark]:
    for grant, tools in granted(compiled, persona):
        unused = [one for one in tools if not seen.tools[grant.app, one]]
        if not unused:
            continue
        used_ones = sorted(set(tools) - set(unused))
        if not used_ones:
            what = f"{grant.id} in {grant.app} grants {listed(unused)}, none of it used"
            edit = f"remove {grant.id}"
        else:
            what = f"{grant.id} in {grant.app} grants {listed(unused)}, never used"
            edit = f"tools: [{', '.join(used_ones)}]"
        yield Remark(persona=persona.name, kind="unused", what=what, edit=edit, place=grant.place)


def granted(compiled: Compiled, persona: Persona) -> list[tuple[Grant, list[str]]]:
    """Each grant with all that it names, in the order in which they are written."""
    found: dict[str, tuple[Grant, list[str]]] = {}
    for app, in_app in persona.grants.items():
        definition = compiled.definitions.apps.get(app)
        if definition is None:
            continue
        for tool, grants in in_app.by_tool.items():
            for grant in grants:
                if tool not in grant.except_tools:
                    found.setdefault(grant.id, (grant, []))[1].append(tool)
        for access, grants in in_app.by_access.items():
            every = (*definition.tools.values(), *definition.resources, *definition.prompts.values())
            names = [one.name for one in every if one.access is access and not one.review]
            for grant in grants:
                kept = [one for one in names if one not in grant.except_tools]
                found.setdefault(grant.id, (grant, []))[1].extend(kept)
    return sorted(found.values(), key=lambda pair: pair[0].place.line)


def _data(persona: Persona, seen: Used) -> Iterator[Remark]:
    idle = [one for one in persona.data.allow if not any(covered(each, (one,)) for each in seen.classes)]
    if idle:
        place = persona.sections.get("data", persona.place)
        what = f"data class {listed(idle)} is allowed and was never touched"
        edit = f"allow: [{', '.join(sorted(persona.data.allow - set(idle)))}]"
        yield Remark(persona=persona.name, kind="unused", what=what, edit=edit, place=place)


def _agents(persona: Persona, seen: Used) -> Iterator[Remark]:
    for entry in persona.agents:
        if entry.id not in seen.agents:
            what = f"agent `{entry.id}` may assume it and never did"
            edit = f"remove the entry of `{entry.id}`"
            yield Remark(persona=persona.name, kind="unused", what=what, edit=edit, place=entry.place)


def _limits(persona: Persona, seen: Used) -> Iterator[Remark]:
    for rule in persona.rules:
        most = seen.figures.get(rule.name)
        if most is None or rule.maximum <= 1 or most < NEARLY * rule.maximum:
            continue
        state = "was used up" if most >= rule.maximum else "is nearly used up"
        what = f"rule `{rule.name}` {state}: {most:g} of {rule.maximum:g}"
        edit = f"raise it above {most:g}, or ask why so much is needed"
        yield Remark(persona=persona.name, kind="nearly", what=what, edit=edit, place=rule.place)
