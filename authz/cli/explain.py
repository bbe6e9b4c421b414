"""`personas explain`: decide one call offline and show all four layers."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import orjson
import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from authz.cli.failure import Failure
from authz.cli.loading import loaded
from authz.cli.offline import Judged, judged
from authz.compiler import Compiled, DefinitionsError
from authz.compiler.calllog import parse_line
from authz.compiler.problem import did_you_mean, printable
from authz.compiler.written.cases import CallLine
from authz.core.app import Place
from authz.core.decision import Allow, Mark, Objection, layers
from authz.core.persona import Persona
from authz.core.reason import LAYER_OF, Layer
from authz.stores.histories_memory import MemoryHistories

DENIED = 3
"""Exit status of a call that is denied."""
WIDE = 200
"""Columns where nobody watches: nothing that a script looks for is cut off."""
NAMES: Mapping[Layer, str] = MappingProxyType(
    {
        Layer.USER: "1 user",
        Layer.AGENT: "2 agent",
        Layer.TOOL: "3 tool",
        Layer.DATA: "3 data",
        Layer.BEHAVIOUR: "4 behaviour",
    }
)
MARKS: Mapping[Mark, tuple[str, str]] = MappingProxyType(
    {Mark.PASS: ("✓ pass", "green"), Mark.FAIL: ("✗ fail", "red"), Mark.SKIPPED: ("- skipped", "dim")}
)


def command(
    defs: Annotated[Path, typer.Option("--defs", help="Folder of definitions.")],
    call: Annotated[
        str,
        typer.Option("--call", help="One line of the call log, as JSON; `-` reads it from standard input."),
    ],
    persona: Annotated[str | None, typer.Option("--persona", help="Persona, if the call names none.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Decide one call offline and show all four layers. Ends with 0 for allow, 3 for deny."""
    compiled = loaded(defs)
    line = _line(sys.stdin.read() if call == "-" else call)
    result = judged(line, _persona(line, persona, compiled), compiled, MemoryHistories())
    if as_json:
        typer.echo(orjson.dumps(as_object(result)).decode())
    else:
        _show(result)
    raise typer.Exit(0 if isinstance(result.decision, Allow) else DENIED)


def _line(text: str) -> CallLine:
    try:
        return parse_line(text, "--call")
    except DefinitionsError as error:
        raise Failure(f"--call: {'; '.join(one.message for one in error.problems)}") from None


def _persona(line: CallLine, named: str | None, compiled: Compiled) -> Persona:
    personas = compiled.definitions.personas
    if line.persona and named and line.persona != named:
        raise Failure(f"--persona says `{named}`, the call says `{line.persona}`: leave one out")
    name = line.persona or named
    if name is None and len(personas) == 1:
        return next(iter(personas.values()))
    if name is None:
        raise Failure(f'the call names no persona: add `"persona"`, one of {", ".join(sorted(personas))}')
    if name not in personas:
        raise Failure(f"no persona `{name}` in the definitions{did_you_mean(name, personas)}")
    return personas[name]


def _reason(one: Objection) -> dict[str, object]:
    return {"code": one.reason.value, "detail": one.detail, "place": _place(one.place)}


def _place(place: Place) -> str | None:
    return str(place) or None


def as_object(result: Judged) -> dict[str, object]:
    """The decision as JSON."""
    call, persona, decision = result.call, result.persona, result.decision
    tool = call.action.tool
    agent = call.caller.agent
    return {
        "decision": result.word,
        "effect": decision.effect.value,
        "place": _place(result.place),
        "grant": decision.grant.id if isinstance(decision, Allow) else None,
        "layers": {layer.value: mark.value for layer, mark in layers(decision).items()},
        "reasons": [_reason(one) for one in result.reasons],
        "at": call.at.isoformat().replace("+00:00", "Z"),
        "agent": {
            "id": agent.id,
            "model": agent.model,
            "version": agent.version,
            "deployment": agent.deployment,
            "workload": agent.workload,
        },
        "user": call.caller.user,
        "persona": {"name": persona.name, "version": persona.version, "digest": persona.digest},
        "action": {
            "app": call.action.app,
            "tool": call.action.name,
            "access": None if tool is None else tool.access.value,
            "target": call.action.target,
        },
        "data": sorted(call.classes),
        "counted": {
            rule.name: figure
            for rule, figure in zip(persona.rules, result.history.figures, strict=False)
            if figure is not None
        },
        "assumed": list(result.recorded.assumed),
    }


def _show(result: Judged) -> None:
    console = Console(soft_wrap=True)
    if not console.is_terminal:
        console.width = WIDE
    table = Table(box=SIMPLE, pad_edge=False)
    for name in ("layer", "", "reason", "why", "where"):
        table.add_column(name, no_wrap=name != "why", overflow="fold")
    for layer, mark in layers(result.decision).items():
        word, style = MARKS[mark]
        found = [one for one in result.reasons if LAYER_OF[one.reason] is layer]
        rows: list[Objection | None] = [*found] if found else [None]
        for index, one in enumerate(rows):
            detail = _passing(result, layer) if one is None else one.detail
            table.add_row(
                NAMES[layer] if not index else "",
                Text(word if not index else "", style),
                Text("" if one is None else one.reason.value, style),
                Text(printable(detail)),
                "" if one is None else str(one.place),
            )
    console.print(Text(_sentence(result), "bold"))
    console.print(table)
    for one in result.reasons:
        if LAYER_OF[one.reason] is None:
            console.print(Text(printable(f"{one.reason.value}: {one.detail}")))
    where = f"  (decided at {result.place})" if str(result.place) else ""
    style = "bold green" if isinstance(result.decision, Allow) else "bold red"
    console.print(Text.assemble((f"{result.word}, {result.decision.effect}", style), where))


def _sentence(result: Judged) -> str:
    call = result.call
    assumed = set(result.recorded.assumed)

    def said(name: str, text: str) -> str:
        return f"{text} (assumed)" if name in assumed else text

    return printable(
        f"agent {said('agent', call.caller.agent.id)}, on behalf of user {said('user', call.caller.user)}, "
        f"under persona {result.persona.name}, calls {call.action.name} of {call.action.app or '?'} "
        f"at {said('at', call.at.isoformat().replace('+00:00', 'Z'))}"
    )


def _passing(result: Judged, layer: Layer) -> str:
    """What made a layer pass."""
    call, persona, user = result.call, result.persona, result.recorded.user
    if layer is Layer.USER and user is not None:
        shared = sorted(persona.groups & user.groups)
        return f"in {', '.join(shared)}" if shared else "named by the persona"
    if layer is Layer.AGENT:
        agent = call.caller.agent
        return ", ".join(one for one in (agent.model, agent.version, agent.deployment, agent.workload) if one)
    if layer is Layer.TOOL and isinstance(result.decision, Allow):
        grant = result.decision.grant
        return f"granted by {grant.id}, {grant.place}"
    if layer is Layer.DATA:
        return ", ".join(sorted(call.classes)) or "no data class"
    if layer is Layer.BEHAVIOUR:
        count = sum(figure is not None for figure in result.history.figures)
        return f"{count} of {len(persona.rules)} rules are about it" if persona.rules else "no rules"
    return ""
