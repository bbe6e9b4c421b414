"""A draft is tried before it is shown: it must compile, and refuse nothing of what it was drafted from."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from authz.compiler import Compiled, DefinitionsError, SourceFile
from authz.compiler.compilation import compile_documents
from authz.compiler.problem import Problems
from authz.compiler.source import Document, read
from authz.core.reason import Reason
from authz.offline.judging import Judge, Verdict, Word
from authz.offline.suggestion.draft import Known, app_lines, directory_lines, persona_lines
from authz.offline.suggestion.seen import Evidence, PersonaSeen, ToolSeen
from authz.offline.told import Fallback, Told

_APP = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_TOOL = re.compile(r"[!-~]{1,256}")
_ARGUMENT = re.compile(r"argument `([^`]*)`")
_RULE = re.compile(r"rule `([^`]*)`")
_KEPT = frozenset({"App", "Directory", "Lists", "Labels"})
"""Kinds that a draft stands on; personas are what it replaces."""
TURNS: Final = 4


class DraftError(Exception):
    """No draft that compiles could be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The definitions that a draft stands on."""

    compiled: Compiled | None
    documents: tuple[Document, ...] = ()

    @classmethod
    def of(cls, compiled: Compiled | None, files: Sequence[SourceFile]) -> "Ground":
        """Apps, people, lists and labels of a set."""
        found = (document for source in files for document in read(source, Problems()))
        kept = (one for one in found if isinstance(one.value, dict) and one.value.get("kind") in _KEPT)
        return cls(compiled, tuple(kept))

    def under(self, text: str, pinned: dict[str, bytes]) -> Compiled:
        """The draft compiled on this ground.

        Raises:
            DraftError: it does not.
        """
        problems = Problems()
        drafted = read(SourceFile("draft", text.encode()), problems)
        try:
            return compile_documents([*self.documents, *drafted], problems, pinned=pinned)
        except DefinitionsError as error:
            raise DraftError(str(error.problems[0])) from None


@dataclass(frozen=True, slots=True)
class Proven:
    """A draft that was tried."""

    text: str
    remarks: tuple[str, ...]
    """What a person should know besides."""


def prove(
    evidence: Evidence,
    ground: Ground,
    calls: Callable[[], Iterable[Told]],
    fallback: Fallback,
    pinned: dict[str, bytes],
) -> Proven:
    """Draft, try on the log that it comes from, and leave out what the log itself breaks.

    Raises:
        DraftError: what was seen can't be written down.
    """
    known = Known(
        apps=ground.compiled.definitions.apps if ground.compiled is not None else {},
        users=ground.compiled.definitions.users if ground.compiled is not None else {},
    )
    for _ in range(TURNS):
        text = _text(evidence, known)
        refused = list(_refused(Judge(ground.under(text, pinned), fallback), calls()))
        broken = frozenset(found for one in refused for found in _broken(one))
        if broken <= known.without:
            break
        known = replace(known, without=known.without | broken)
    return Proven(text, tuple(_remarks(refused)))


@dataclass(frozen=True, slots=True)
class Refused:
    """Calls that a draft refuses for one reason."""

    verdict: Verdict
    calls: int


def _refused(judge: Judge, calls: Iterable[Told]) -> Iterator[Refused]:
    """One verdict for each reason and tool; bounded by what definitions can say."""
    counts: Counter[tuple[str, str, str]] = Counter()
    first: dict[tuple[str, str, str], Verdict] = {}
    for told in calls:
        verdict = judge.decide(told)
        if verdict.word is not Word.DENY:
            continue
        for one in verdict.reasons:
            found = _ARGUMENT.search(one.detail) or _RULE.search(one.detail)
            key = one.reason.value, f"{told.app}/{told.tool}", found[1] if found else ""
            if key in first or len(first) < 10_000:  # noqa: PLR2004 - more tell a person nothing
                counts[key] += 1
                first.setdefault(key, replace(verdict, reasons=(one,)))
    for key, verdict in first.items():
        yield Refused(verdict, counts[key])


def _broken(one: Refused) -> Iterator[tuple[str, str, str]]:
    """The part of the draft that refused: a constraint, a rule, or the hours."""
    objection = one.verdict.reasons[0]
    if objection.reason is Reason.TOOL_CONDITION and (found := _ARGUMENT.search(objection.detail)):
        yield one.verdict.told.app or "", one.verdict.told.tool, found[1]
    elif objection.reason is Reason.BEHAVIOUR_HOURS:
        yield one.verdict.persona or "", "", "hours"
    elif objection.reason.family == "behaviour" and (found := _RULE.search(objection.detail)):
        yield one.verdict.persona or "", "", found[1]


def _remarks(refused: Iterable[Refused]) -> Iterator[str]:
    for one in refused:
        objection = one.verdict.reasons[0]
        told = one.verdict.told
        yield (
            f"{one.calls} calls of {told.app}/{told.tool} would still be denied, whatever a persona says:"
            f" {objection.reason.value}, {objection.detail}"
        )


def _text(evidence: Evidence, known: Known) -> str:
    documents = []
    new_apps: dict[str, dict[str, ToolSeen]] = {}
    people: dict[str, dict[str, set[str]]] = {}
    for seen in evidence.personas.values():
        grantable = {key: one for key, one in seen.tools.items() if _grantable(one, known)}
        left_out = seen.left_out + sum(one.calls for key, one in seen.tools.items() if key not in grantable)
        documents.append("\n".join(persona_lines(_with(seen, grantable, left_out), known)))
        for (app, name), one in grantable.items():
            if app not in known.apps:
                new_apps.setdefault(app, {})[name] = one
            for user in one.users:
                if user not in known.users and user.isprintable() and user.strip():
                    people.setdefault(user, {}).setdefault(app, set()).add(name)
    for app, tools in sorted(new_apps.items()):
        documents.append("\n".join(app_lines(app, tools.values())))
    if people:
        documents.append("\n".join(directory_lines(people)))
    return "\n---\n".join(documents) + "\n"


def _grantable(one: ToolSeen, known: Known) -> bool:
    """Whether a definition names the tool, or one can be drafted that does."""
    if one.tool.app in known.apps:
        return one.known
    return bool(_APP.fullmatch(one.tool.app) and _TOOL.fullmatch(one.tool.name))


def _with(seen: PersonaSeen, tools: dict[tuple[str, str], ToolSeen], left_out: int) -> PersonaSeen:
    return replace(seen, tools=tools, left_out=left_out)
