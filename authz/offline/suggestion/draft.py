"""The draft as YAML: the least that the calls seen need, each line with its evidence."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import orjson
from packaging.version import InvalidVersion, Version

from authz.compiler.globs import is_glob
from authz.compiler.problem import printable
from authz.compiler.written.behaviour import DAYS
from authz.core.app import Access, App, Tool
from authz.core.call import Kind
from authz.core.user import User
from authz.offline.suggestion.arguments import above
from authz.offline.suggestion.rates import Rates
from authz.offline.suggestion.seen import PersonaSeen, ToolSeen

ONCE: Final = "seen once: look at it before it stays"
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.@/-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off"})


@dataclass(frozen=True, slots=True)
class Known:
    """What is known besides the log."""

    apps: Mapping[str, App]
    users: Mapping[str, User]
    without: frozenset[tuple[str, str, str]] = frozenset()
    """What the log itself breaks: app, tool and argument of a constraint; or persona, nothing and rule."""


def scalar(value: object) -> str:
    """A value as YAML that nothing can break out of."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return orjson.dumps(value).decode()


def flow(value: object) -> str:
    """A value in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(name)}: {flow(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def note(text: str) -> str:
    """A comment: what agents called things stays in its line."""
    return f"# {printable(text)}"


def counted(calls: int) -> str:
    """`from 12 calls`."""
    return f"from {calls} call{'s' * (calls != 1)}"


def persona_lines(seen: PersonaSeen, known: Known) -> Iterator[str]:
    """The persona's document."""
    begin, end = seen.rates.first, seen.rates.last
    timed = begin is not None and end is not None
    when = f", {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC" if timed else ""
    yield note(f"Drafted {counted(seen.calls)}{when}.")
    yield note("Read every line: what was done is not yet what should be.")
    yield "apiVersion: personas/v1"
    yield "kind: Persona"
    yield "metadata:"
    yield f"  name: {scalar(seen.name)}"
    yield '  version: "0"'
    yield f"  description: {scalar('A draft from what was seen.')}"
    yield "mode: shadow                       # records what it would refuse; `enforce` when a person agrees"
    yield from _users(seen, known)
    yield from _agents(seen)
    yield from _tools(seen, known)
    yield from _data(seen)
    without = {part for about, _, part in known.without if about == seen.name}
    yield from _behaviour(seen.rates, without)


def _users(seen: PersonaSeen, known: Known) -> Iterator[str]:
    calls = seen.users.total()
    yield "users:"
    group = _group(seen, known)
    if group is not None:
        told = f"all {len(seen.users)} users seen are in it, {counted(calls)}"
        yield f"  groups: [{scalar(group)}]  {note(told)}"
        return
    if not seen.users:
        yield f"  ids: []  {note('the log names none: say on whose behalf it works')}"
        return
    yield f"  ids:  {note(counted(calls))}"
    for name, count in sorted(seen.users.items()):
        rare = f"; {ONCE}" if count == 1 else ""
        yield f"    - {scalar(name)}  {note(counted(count) + rare)}"


def _group(seen: PersonaSeen, known: Known) -> str | None:
    """The smallest group that all users seen are in, if more than one is."""
    people = [known.users.get(one) for one in seen.users]
    if len(people) < 2 or any(one is None for one in people):  # noqa: PLR2004 - one person is no group
        return None
    shared = frozenset.intersection(*(one.groups for one in people if one is not None))
    sizes = Counter(group for user in known.users.values() for group in user.groups if group in shared)
    return min(sizes, key=lambda one: (sizes[one], one)) if sizes else None


def _agents(seen: PersonaSeen) -> Iterator[str]:
    yield "agents:" if seen.agents else "agents: []  # the log names none: say who may assume it"
    for name, variants in sorted(seen.agents.items()):
        rare = f"; {ONCE}" if variants.total() == 1 else ""
        yield f"  - id: {scalar(name)}  {note(counted(variants.total()) + rare)}"
        models = _all([one for one, _, _ in variants])
        if models and not any(map(is_glob, models)):
            yield f"    models: {flow(models)}  {note('the models seen')}"
        versions = _versions(_all([one for _, one, _ in variants]))
        if versions:
            told = note("from the oldest seen to the next major")
            yield f"    versions: {orjson.dumps(versions).decode()}  {told}"
        deployments = _all([one for _, _, one in variants])
        if deployments:
            yield f"    deployments: {flow(deployments)}  {note('the deployments seen')}"


def _all(found: Iterable[str | None]) -> list[str]:
    """All values, or none when a call did not say."""
    values = set(found)
    return [] if None in values else sorted(one for one in values if one)


def _versions(found: Sequence[str]) -> str:
    try:
        parsed = sorted(Version(one) for one in found)
    except InvalidVersion:
        return ""
    if not parsed or any(one.local or one.is_prerelease for one in parsed):
        return ""
    return (
        f">={parsed[0]},<{parsed[-1].epoch}!{parsed[-1].major + 1}"
        if parsed[-1].epoch
        else (f">={parsed[0]},<{parsed[-1].major + 1}")
    )


def _tools(seen: PersonaSeen, known: Known) -> Iterator[str]:
    often = [one for one in seen.tools.values() if one.calls > 1]
    once = [one for one in seen.tools.values() if one.calls == 1]
    yield "tools:" if seen.tools else "tools: []  # the log names none"
    for one in _ordered(often):
        yield from _grant(one, known)
    if once:
        yield f"  {note('Seen once: look at each before it stays.')}"
    for one in _ordered(once):
        yield from _grant(one, known)
    if seen.left_out:
        yield f"  {note(f'{seen.left_out} calls name no app or no tool, and nothing is granted for them')}"


def _ordered(tools: Iterable[ToolSeen]) -> list[ToolSeen]:
    return sorted(tools, key=lambda one: (one.tool.app, -one.calls, one.tool.name))


def _grant(one: ToolSeen, known: Known) -> Iterator[str]:
    tool = one.tool
    told = counted(one.calls)
    if one.refused:
        told += f"; {one.refused} of them ended denied: look at it"
    if one.kind is not Kind.TOOL:
        yield from _by_access(one, known, told)
        return
    if is_glob(tool.name):
        yield f"  {note(f'not granted: the name {tool.name} reads as a pattern, {told}')}"
        return
    yield f"  - app: {scalar(tool.app)}"
    yield f"    tools: [{scalar(tool.name)}]  {note(f'{tool.access}, {told}')}"
    constraints = {
        name: drawn
        for name, drawn in one.arguments.constraints().items()
        if (tool.app, tool.name, name) not in known.without
    }
    if constraints:
        yield "    where:"
        for name, (written, why) in constraints.items():
            yield f"      {scalar(name)}: {flow(written)}  {note(why)}"


def _by_access(one: ToolSeen, known: Known, told: str) -> Iterator[str]:
    """A resource or prompt is granted by its access, without the tools that have the same."""
    app = known.apps[one.tool.app]
    others: list[Tool] = [*app.tools.values(), *app.resources, *app.prompts.values()]
    kept = sorted({it.name for it in others if it.access is one.tool.access and it is not one.tool})
    yield f"  - app: {scalar(app.name)}"
    yield f"    access: [{one.tool.access}]  {note(f'{one.kind} {one.tool.name}, {told}')}"
    if kept:
        yield f"    except: {flow(kept)}"


def _data(seen: PersonaSeen) -> Iterator[str]:
    yield "data:"
    yield "  allow:" if seen.classes else "  allow: []"
    for name, count in sorted(seen.classes.items()):
        rare = f"; {ONCE}" if count == 1 else ""
        yield f"    - {scalar(name)}  {note(counted(count) + rare)}"
    if seen.unlabelled:
        yield f"  unlabelled: allow  {note(f'{seen.unlabelled} calls touch unlabelled data: label it')}"
    else:
        yield f"  unlabelled: deny  {note('every call seen touches labelled data')}"


def _behaviour(rates: Rates, without: set[str]) -> Iterator[str]:
    if not rates.timed:
        yield note("No behaviour: the log does not say when.")
        return
    yield "behaviour:"
    if "hours" not in without:
        yield from _hours(rates)
    limits = [(name, line) for name, line in _limits(rates) if name not in without]
    yield "  limits:" if limits else "  limits: []"
    for name, line in limits:
        most = rates.highest[name]
        yield f"    - {line}  {note(f'at most {most:g} seen, in {rates.counted[name]} calls')}"
    if not without & {"session.calls", "session.max"}:
        yield from _session(rates)
    if "repeats" in rates.highest and "repeats" not in without:
        most = rates.highest["repeats"]
        yield f"  repeats: {{max: {_room(most)}, per: 10m}}  {note(f'at most {most:g} alike seen')}"
    if rates.outcomes and "probes" not in without:
        most = rates.highest.get("probes", 0)
        said = note(f"at most {most:g} not found within an hour")
        yield f"  probes: {{outcomes: [not_found], max: {_room(most + 1)}, per: 1h}}  {said}"
    yield "  on_drift: deny"


def _room(most: float) -> int:
    """Half as much again, and never less than two more."""
    return int(max(above(most), most + 2))


def _limits(rates: Rates) -> Iterator[tuple[str, str]]:
    highest = rates.highest
    if "pace" in highest:
        yield "pace", flow({"name": "pace", "calls": _room(highest["pace"]), "per": "1m"})
    for access in Access:
        if access.value in highest and access is not Access.READ:
            limit = {
                "name": access.value,
                "calls": _room(highest[access.value]),
                "per": "1h",
                "access": [access.value],
            }
            yield access.value, flow(limit)
    if "breadth" in highest:
        limit = {"name": "breadth", "distinct": "target", "max": _room(highest["breadth"]), "per": "1d"}
        yield "breadth", flow(limit)


def _session(rates: Rates) -> Iterator[str]:
    calls, seconds = rates.highest.get("session.calls"), rates.highest.get("session.max")
    if calls is None or seconds is None:
        return
    hours = max(1, math.ceil(seconds * 1.5 / 3600))
    told = note(f"at most {calls:g} calls and {timedelta(seconds=seconds)} in a run")
    yield f"  session: {{idle: 30m, max: {hours}h, calls: {_room(calls)}}}  {told}"


def _hours(rates: Rates) -> Iterator[str]:
    window, days = rates.window(), rates.weekdays()
    if window is None:
        yield f"  {note(f'no hours: {rates.timed} calls on {len(rates.dates)} days show none')}"
        return
    begin, end = window
    zone = rates.zone or "UTC"
    named = f", days: [{', '.join(DAYS[one] for one in days)}]" if days else ""
    told = note(f"{rates.timed} calls on {len(rates.dates)} days, with an hour to spare")
    yield f'  hours: {{timezone: {scalar(zone)}{named}, from: "{begin:02}:00", to: "{end:02}:00"}}  {told}'


def app_lines(name: str, tools: Iterable[ToolSeen]) -> Iterator[str]:
    """An App for tools that no definition names: what they do is guessed from their names."""
    yield note("Guessed from names: say what each tool does and what data it touches.")
    yield "apiVersion: personas/v1"
    yield "kind: App"
    yield f"metadata: {{name: {scalar(name)}}}"
    yield "protocol: mcp"
    yield "tools:"
    for one in sorted(tools, key=lambda it: it.tool.name):
        what = flow(
            {"name": one.tool.name, "access": one.tool.access.value, "data": sorted(one.tool.classes)}
        )
        yield f"  - {what}  {note(counted(one.calls))}"


def directory_lines(people: Mapping[str, Mapping[str, set[str]]]) -> Iterator[str]:
    """A Directory for people that no definition names: each is entitled to what was done on their behalf."""
    yield note("People as seen: who they are, and what they may do, is for your directory to say.")
    yield "apiVersion: personas/v1"
    yield "kind: Directory"
    yield "users:"
    groups: dict[str, Mapping[str, set[str]]] = {}
    for name, rights in sorted(people.items()):
        spelled = _spelled(rights)
        group = next((one for one, those in groups.items() if _spelled(those) == spelled), None)
        if group is None:
            group = f"seen-{len(groups) + 1}"
            groups[group] = rights
        yield f"  - {{id: {scalar(name)}, groups: [{group}]}}"
    yield "groups:"
    for group, rights in groups.items():
        yield f"  - name: {group}"
        yield "    entitlements:"
        for app, tools in sorted(rights.items()):
            yield f"      - {{app: {scalar(app)}, tools: {flow(sorted(tools))}}}"


def _spelled(rights: Mapping[str, set[str]]) -> bytes:
    return orjson.dumps({app: sorted(tools) for app, tools in rights.items()}, option=orjson.OPT_SORT_KEYS)
