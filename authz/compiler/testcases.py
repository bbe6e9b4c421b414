"""Cases as compiled: a call, what must become of it, and where that is written."""

from collections.abc import Sequence
from dataclasses import dataclass

from authz.compiler.problem import did_you_mean, shown
from authz.compiler.scope import Scope
from authz.compiler.source import Document
from authz.compiler.written.cases import CallLine, CasesDocument, Earlier
from authz.compiler.written.cases import Case as CaseWritten
from authz.compiler.written.persona import PersonaDocument
from authz.core.app import Place
from authz.core.reason import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A call and what must become of it."""

    name: str
    persona: str
    call: CallLine
    history: tuple[Earlier, ...] = ()
    expect: str
    """`allow`, `deny`, `flag` or `shadow`."""
    reasons: frozenset[str]
    """Codes that must be among those given."""
    place: Place


def cases_of(document: Document, written: PersonaDocument, scope: Scope) -> Sequence[Case]:
    """Cases inside a persona; they are about it."""
    name = written.metadata.name
    return _cases(document, written.tests, name, scope)


def cases_of_file(document: Document, written: CasesDocument, scope: Scope) -> Sequence[Case]:
    """Cases of a file of their own."""
    return _cases(document, written.tests, written.persona, scope)


def _cases(
    document: Document, written: Sequence[CaseWritten], persona: str | None, scope: Scope
) -> list[Case]:
    found: list[Case] = []
    for index, case in enumerate(written):
        here = ("tests", index)
        place = document.at(*here)
        name = case.persona or case.call.persona or persona
        if name is None:
            scope.problems.error(place, "names no persona")
            continue
        if name not in scope.personas:
            scope.unknown("persona", name, scope.personas, place)
        for at, code in enumerate(case.reasons):
            if code not in set(Reason):
                near = did_you_mean(code, list(Reason))
                where = document.at(*here, "reasons", at)
                scope.problems.error(where, f"unknown reason code {shown(code)}{near}")
        found.append(
            Case(
                name=case.name,
                persona=name,
                call=case.call,
                history=tuple(case.history),
                expect=case.expect,
                reasons=frozenset(case.reasons),
                place=place,
            )
        )
    return found
