"""A set of definitions, compiled whole: every reference resolved, every error told, or nothing."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from authz.compiler.agents import admitted
from authz.compiler.apps import compile_app
from authz.compiler.bindings import compile_bindings
from authz.compiler.people import LEVELS, compile_groups, compile_users
from authz.compiler.personas import compile_persona, digest
from authz.compiler.problem import DefinitionsError, Problem, Problems, did_you_mean, in_order, shown
from authz.compiler.scope import AppScope, Scope
from authz.compiler.source import Document, SourceFile, read
from authz.compiler.testcases import Case, cases_of, cases_of_file
from authz.compiler.validate import validate
from authz.compiler.written import (
    CASES,
    KINDS,
    AppDocument,
    BindingsDocument,
    CasesDocument,
    DirectoryDocument,
    Header,
    LabelsDocument,
    ListsDocument,
    PersonaDocument,
)
from authz.core.app import Place
from authz.core.binding import Binding, WorkloadBinding
from authz.core.call import Agent
from authz.core.definitions import Definitions
from authz.core.persona import Persona

H = TypeVar("H", bound=Header)
CASES_SUFFIX = ".cases.yaml"

Progress = Callable[[int, int], None]
"""Told how many steps are done, of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """What came out."""

    definitions: Definitions
    warnings: tuple[Problem, ...] = ()
    cases: tuple[Case, ...] = ()
    examples: Mapping[str, Agent] = field(default_factory=dict)
    """By persona: an agent that it admits."""


def compile_set(
    files: Sequence[SourceFile],
    *,
    pinned: Mapping[str, bytes] | None = None,
    progress: Progress | None = None,
) -> Compiled:
    """Compile all files together.

    Args:
        files: Definitions, and `*.cases.yaml` if their cases are wanted.
        pinned: What lies beside them: `<app>.tools.json` by app name, descriptor sets by file name.
        progress: Called now and then.

    Raises:
        DefinitionsError: with all that is wrong, in order.
    """
    problems = Problems()
    if not files:
        problems.error(Place("definitions"), "there are none")
    documents = (document for source in files for document in read(source, problems))
    return compile_documents(documents, problems, pinned=pinned, progress=progress)


def compile_documents(
    documents: Iterable[Document],
    problems: Problems,
    *,
    pinned: Mapping[str, bytes] | None = None,
    progress: Progress | None = None,
) -> Compiled:
    """Compile what was read; `problems` may hold some already.

    Raises:
        DefinitionsError: with all that is wrong, in order.
    """
    compilation = _Compilation(Scope(problems), pinned or {}, progress)
    for document in documents:
        compilation.take(document)
    compiled = compilation.compiled()
    if problems.errors:
        raise DefinitionsError(problems.errors)
    return compiled


@dataclass(slots=True)
class _Compilation:
    """The steps, each of which needs what came before."""

    scope: Scope
    pinned: Mapping[str, bytes]
    progress: Progress | None
    found: list[tuple[Document, Header]] = field(default_factory=list)
    steps: int = 0

    def _step(self, total: int) -> None:
        self.steps += 1
        if self.progress is not None:
            self.progress(self.steps, total)

    def take(self, document: Document) -> None:
        """One document, against its model."""
        written = self._validated(document, is_cases=document.file.endswith(CASES_SUFFIX))
        if written is not None:
            self.found.append((document, written))
        self._step(2 * len(self.found))

    def _validated(self, document: Document, *, is_cases: bool) -> Header | None:
        problems = self.scope.problems
        value = document.value
        if not isinstance(value, dict):
            problems.error(document.at(), "expected a mapping with `apiVersion` and `kind`")
            return None
        kind = value.get("kind")
        models: Mapping[str, type[Header]] = {CASES: CasesDocument} if is_cases else KINDS
        if not isinstance(kind, str) or kind not in models:
            if kind is None:
                problems.error(document.at(), "`kind` is missing")
            else:
                near = did_you_mean(str(kind), models)
                problems.error(document.at("kind"), f"unknown kind {shown(kind)}{near}")
            return None
        return validate(document, models[kind], problems, self.scope.dropped)

    def of(self, kind: type[H]) -> list[tuple[Document, H]]:
        """Documents of one kind."""
        return [(document, written) for document, written in self.found if isinstance(written, kind)]

    def compiled(self) -> Compiled:
        """What the documents say together."""
        self._lists()
        self._labels()
        self._apps()
        subjects = self._people()
        personas, examples, cases = self._personas()
        bindings, workloads = self._bindings()
        for document, written in self.of(CasesDocument):
            cases.extend(cases_of_file(document, written, self.scope))
        # Cases enforce nothing; what lies beside the definitions does.
        digests = sorted(digest(one) for one, kind in self.found if not isinstance(kind, CasesDocument))
        digests += [name + hashlib.sha256(data).hexdigest() for name, data in sorted(self.pinned.items())]
        return Compiled(
            definitions=Definitions(
                apps={name: one.app for name, one in self.scope.apps.items()},
                personas=personas,
                users=self.scope.users,
                groups=self.scope.groups,
                subjects=subjects,
                bindings=tuple(bindings.values()),
                workloads=workloads,
                digest="sha256:" + hashlib.sha256("".join(digests).encode()).hexdigest(),
            ),
            warnings=in_order(self.scope.problems.warnings),
            cases=tuple(cases),
            examples=examples,
        )

    def _lists(self) -> None:
        for document, written in self.of(ListsDocument):
            for name, values in written.lists.items():
                if name in self.scope.lists:
                    place = document.key("lists", name)
                    self.scope.problems.error(place, f"list `{name}` is there already")
                self.scope.lists[name] = tuple(values)

    def _labels(self) -> None:
        said = [written.classes for _, written in self.of(LabelsDocument)]
        said += [written.sensitivity for _, written in self.of(AppDocument)]
        sensitivity = self.scope.sensitivity
        sensitivity.update(LEVELS)
        for classes in said:
            for name, level in classes.items():
                sensitivity[name] = max(LEVELS[level], sensitivity.get(name, 0))

    def _apps(self) -> None:
        problems = self.scope.problems
        for document, written in self.of(AppDocument):
            name = written.metadata.name
            if name in self.scope.apps:
                problems.error(document.at("metadata", "name"), f"app `{name}` is there already")
                continue
            self.scope.apps[name] = AppScope.of(compile_app(document, written, self.pinned, problems))
            self._step(2 * len(self.found))

    def _people(self) -> dict[str, str]:
        directories = self.of(DirectoryDocument)
        self.scope.external = any(written.external for _, written in directories)
        subjects: dict[str, str] = {}
        for document, written in directories:
            compile_groups(document, written, self.scope)
        for document, written in directories:
            compile_users(document, written, self.scope, subjects)
        return subjects

    def _bindings(self) -> tuple[dict[str, Binding], dict[str, WorkloadBinding]]:
        bindings: dict[str, Binding] = {}
        workloads: dict[str, WorkloadBinding] = {}
        for document, written in self.of(BindingsDocument):
            compile_bindings(document, written, self.scope, bindings, workloads)
        return bindings, workloads

    def _personas(self) -> tuple[dict[str, Persona], dict[str, Agent], list[Case]]:
        personas: dict[str, Persona] = {}
        examples: dict[str, Agent] = {}
        cases: list[Case] = []
        documents = self.of(PersonaDocument)
        self.scope.personas.update(written.metadata.name for _, written in documents)
        for document, written in documents:
            name = written.metadata.name
            if name in personas:
                place = document.at("metadata", "name")
                self.scope.problems.error(place, f"persona `{name}` is there already")
                continue
            personas[name] = compile_persona(document, written, self.scope)
            if written.agents:
                examples[name] = admitted(written.agents[0])
            cases.extend(cases_of(document, written, self.scope))
            self._step(2 * len(self.found))
        return personas, examples, cases
