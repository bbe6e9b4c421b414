"""Layer 2 as compiled: which agents may assume a persona."""

import functools
import re
from collections.abc import Callable, Iterator

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from authz.compiler.globs import any_glob, example
from authz.compiler.problem import Problems, shown
from authz.compiler.source import Document
from authz.compiler.written.persona import AgentWritten
from authz.core.call import Agent
from authz.core.persona import AgentEntry

_SPIFFE = re.compile(r"spiffe://[a-z0-9._-]{1,255}(/[A-Za-z0-9._-]+)+")


def compile_agent(document: Document, index: int, written: AgentWritten, problems: Problems) -> AgentEntry:
    """One entry of `agents:`."""
    here = ("agents", index)
    versions = None
    if written.versions is not None:
        versions = _versions(written.versions)
        if versions is None:
            place = document.at(*here, "versions")
            problems.error(place, f"{shown(written.versions)} is no range of versions (PEP 440)")
    if written.workload is not None and not _SPIFFE.fullmatch(written.workload):
        place = document.at(*here, "workload")
        problems.error(place, f"{shown(written.workload)} is no SPIFFE id")
    return AgentEntry(
        id=written.id,
        model=None if written.models is None else any_glob(written.models),
        version=None if versions is None else _in_range(versions),
        deployments=None if written.deployments is None else frozenset(written.deployments),
        workload=written.workload,
        place=document.at(*here),
    )


def _versions(text: str) -> SpecifierSet | None:
    try:
        found = SpecifierSet(text)
    except InvalidSpecifier:
        return None
    return found if len(found) else None


def _in_range(versions: SpecifierSet) -> Callable[[str], bool]:
    early = bool(versions.prereleases)  # PEP 440: pre-releases only where the range names one

    # Reading a version takes longer than all other checks together, and agents have few of them.
    @functools.lru_cache(maxsize=256)
    def test(text: str) -> bool:
        try:
            return versions.contains(Version(text), prereleases=early)
        except InvalidVersion:
            return False

    return test


def admitted(written: AgentWritten) -> Agent:
    """An agent that the entry admits, where one can be thought of."""
    return Agent(
        id=written.id,
        model=example(written.models[0]) if written.models else None,
        version=_version(written.versions) if written.versions else None,
        deployment=written.deployments[0] if written.deployments else None,
        workload=written.workload,
    )


def _version(text: str) -> str | None:
    versions = _versions(text)
    if versions is None:
        return None
    return next((one for one in _candidates(versions) if versions.contains(one)), None)


def _candidates(versions: SpecifierSet) -> Iterator[str]:
    for one in sorted(versions, key=str, reverse=True):
        text = one.version.removesuffix(".*")
        try:
            release = Version(text).release
        except InvalidVersion:
            continue
        yield text
        major, minor, micro = (*release, 0, 0, 0)[:3]
        yield from (f"{major}.{minor}.{micro + 1}", f"{major}.{minor + 1}", f"{major + 1}.0")
        yield from (f"{major}.{max(minor - 1, 0)}.999", f"{max(major - 1, 0)}.999", "0.0.1")
