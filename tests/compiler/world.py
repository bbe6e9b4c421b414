"""Definitions to try things on, and short ways to compile them and to ask what they decide."""

from dataclasses import replace
from typing import Any

from authz.compiler import Compiled, DefinitionsError, SourceFile, compile_set
from authz.compiler.calllog import recorded
from authz.compiler.written.cases import CallLine
from authz.core.decide import decide
from authz.core.decision import Allow, objections
from authz.core.history import History
from authz.label import labels_of

PERSONA = """\
apiVersion: personas/v1
kind: Persona
metadata: {name: support, version: "3"}
users: {groups: [support-agents]}
agents:
  - {id: summarizer, models: ["claude-*"], versions: ">=1.4,<2", deployments: [prod-eu]}
tools:
  - app: tickets
    access: [read]
  - app: tickets
    tools: [draft_reply]
    when: 'args.body.size() < 4000'
data:
  allow: [public, internal, pii.contact]
"""
APPS = """\
---
apiVersion: personas/v1
kind: App
metadata: {name: tickets}
protocol: mcp
tools:
  - {name: search_tickets, access: read, data: [internal], target: query}
  - {name: get_ticket, access: read, data: [internal], target: ticket}
  - {name: draft_reply, access: write, data: [internal], target: ticket}
  - {name: close_ticket, access: write, data: [internal], target: ticket}
resources: [{match: "file:///reports/*", access: read, data: [internal]}]
prompts: [{name: triage, data: [public]}]
---
apiVersion: personas/v1
kind: App
metadata: {name: billing}
protocol: rest
tools:
  - name: adjust_balance
    match: {method: POST, path: "/v1/accounts/{account}/adjustments"}
    access: write
    data: [financial]
    target: account
"""
PEOPLE = """\
---
apiVersion: personas/v1
kind: Directory
users:
  - {id: alice@example.com, subjects: ["https://idp.example.com|00u1"], groups: [support-agents]}
  - {id: bob@example.com, active: false, groups: [support-agents]}
  - {id: carol@example.com, groups: [guests]}
groups:
  - name: support-agents
    entitlements:
      - {app: tickets, access: [read, write]}
      - {app: billing, access: [write]}
  - name: guests
"""
WHOLE = PERSONA + APPS + PEOPLE
FILE = "defs.yaml"


def compiled(text: str = WHOLE, pinned: dict[str, bytes] | None = None) -> Compiled:
    """The text as one file."""
    return compile_set([SourceFile(FILE, text.encode())], pinned=pinned)


def errors(text: str, pinned: dict[str, bytes] | None = None) -> list[str]:
    """What is wrong with the text, without the name of the file."""
    try:
        compiled(text, pinned)
    except DefinitionsError as error:
        return [str(one).removeprefix(f"{FILE}:") for one in error.problems]
    return []


def warnings(text: str) -> list[str]:
    """What the compiler warns of, without the name of the file."""
    return [str(one).removeprefix(f"{FILE}:") for one in compiled(text).warnings]


def swapped(old: str, new: str, text: str = WHOLE) -> str:
    """The text with one thing changed; it must be there exactly once."""
    assert text.count(old) == 1, old
    return text.replace(old, new)


def decided(made: Compiled, **line: Any) -> str:  # noqa: ANN401 - fields of the call log, validated by its model
    """`allow`, or the reason codes of a call with an empty history."""
    said = CallLine.model_validate(line)
    persona = made.definitions.personas[said.persona or next(iter(made.definitions.personas))]
    found = recorded(said, persona, made)
    classes, unlabelled = labels_of(found.call.action)
    call = replace(found.call, classes=classes, unlabelled=unlabelled)
    history = History(figures=(None,) * len(persona.rules))
    decision = decide(call, persona, found.user, history)
    codes = ", ".join(one.reason.value for one in objections(decision))
    return codes or ("allow" if isinstance(decision, Allow) else "deny")
