"""The library of personas keeps what its pages promise: every set compiles, every case passes."""

import functools
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from authz.cli.loading import compiled
from authz.cli.offline import run_case
from authz.cli.test import unexercised
from authz.compiler import Compiled
from authz.core.app import Access
from authz.core.persona import AppGrants, Grant, Persona
from tests.conftest import DATA

LIBRARY = Path(__file__).parents[2] / "personas" / "library"
NAMES = sorted(one.parent.name for one in LIBRARY.glob("*/persona.yaml"))
SETS = sorted(one.parent.name for one in LIBRARY.glob("*/README.md"))
"""The jobs, and the set of eight that is measured against a public benchmark."""
# What cases cannot show: how much answers carry is known only on the wire.
NOT_IN_CASES = {("sre-read-only", "read-aloud")}


@functools.cache
def library(name: str) -> Compiled:
    """One set of the library, as `personas check` and `personas test` compile it."""
    return compiled([LIBRARY / name], cases=True)


def persona_of(name: str) -> Persona:
    """The one persona of a set."""
    return library(name).definitions.personas[name]


def tools_of(found: AppGrants, access: Access, name: str) -> Iterator[Grant]:
    """Grants that could permit the tool."""
    for grant in (*found.by_tool.get(name, ()), *found.by_access.get(access, ())):
        if name not in grant.except_tools:
            yield grant


def granted(name: str, app: str) -> dict[str, Access]:
    """The tools of an app that some grant names, whatever its conditions, with their access."""
    definitions = library(name).definitions
    grants = definitions.personas[name].grants[app]
    tools = definitions.apps[app].tools.values()
    return {one.name: one.access for one in tools if any(tools_of(grants, one.access, one.name))}


def catalogue(file: str) -> dict[str, dict[str, object]]:
    """Annotations by tool name, as the server publishes them."""
    tools = orjson.loads((DATA / "catalogs" / file).read_bytes())["tools"]
    return {one["name"]: one["annotations"] for one in tools}


def destructive(file: str) -> set[str]:
    """What the server itself marks destructive."""
    return {name for name, hints in catalogue(file).items() if hints.get("destructiveHint")}


def test_the_library_has_the_seven_jobs() -> None:
    """A folder that no test looks at could rot."""
    assert NAMES == [
        "ci-release-bot",
        "coding-agent",
        "finance-reconciler",
        "messaging-agent",
        "project-assistant",
        "sre-read-only",
        "support-summarizer",
    ]


def test_the_library_has_one_set_of_several_jobs_besides() -> None:
    """What is no job of its own is measured by `scripts/eval`, and held to the same."""
    assert set(SETS) - set(NAMES) == {"agentdojo"}


@pytest.mark.parametrize("name", SETS)
def test_a_persona_compiles_without_a_warning(name: str) -> None:
    """Who copies it should not begin with something to explain."""
    assert library(name).warnings == ()


@pytest.mark.parametrize("name", SETS)
def test_every_case_of_a_persona_passes(name: str) -> None:
    """A case is what the page promises, said so that a machine can hold us to it."""
    found = library(name)

    failures = {one.name: run_case(one, found).failure for one in found.cases}

    assert {case: why for case, why in failures.items() if why} == {}


@pytest.mark.parametrize("name", SETS)
def test_every_grant_and_rule_is_exercised_by_a_case(name: str) -> None:
    """A grant that no case needs is permission nobody asked for; a rule that never objects says nothing."""
    found = library(name)

    idle = unexercised(found, [run_case(one, found) for one in found.cases])

    assert {(persona, rule) for persona, rule, _ in idle} - NOT_IN_CASES == set()


@pytest.mark.parametrize("name", NAMES)
def test_the_cases_of_a_persona_reach_every_layer(name: str) -> None:
    """Each layer has at least one case in which it alone, or it too, refuses; and there are allows."""
    cases = library(name).cases
    families = {code.partition(".")[0] for one in cases for code in one.reasons}

    assert families >= {"user", "agent", "tool", "data", "behaviour"}
    assert any(one.expect == "allow" for one in cases)


@pytest.mark.parametrize("name", SETS)
def test_a_persona_has_a_page_and_the_index_names_it(name: str) -> None:
    """Why it is shaped so is half of what a copy is worth."""
    assert (LIBRARY / name / "README.md").read_text(encoding="utf-8").count("\n") >= 8
    assert f"({name}/README.md)" in (LIBRARY / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_no_persona_of_the_library_may_delete(name: str) -> None:
    """What cannot be undone is for people in every one of these jobs."""
    found = library(name).definitions
    tools = [granted(name, app) for app in found.personas[name].grants]

    assert {tool for one in tools for tool, access in one.items() if access is Access.DELETE} == set()


@pytest.mark.data
def test_the_github_app_names_exactly_the_tools_of_the_server() -> None:
    """A name with a typing error would be a tool that nobody can call, and the real one unknown."""
    apps = library("coding-agent").definitions.apps
    names = set(catalogue("github_mcp_tools.json"))

    assert set(apps["github"].tools) == names
    assert len(names) == 117


@pytest.mark.data
def test_what_github_calls_read_only_is_read_and_nothing_else_is() -> None:
    """The hints are where the judgement began; here they are no weaker than it."""
    tools = library("coding-agent").definitions.apps["github"].tools
    hints = catalogue("github_mcp_tools.json")

    assert {name for name, one in tools.items() if one.access is Access.READ} == {
        name for name, one in hints.items() if one.get("readOnlyHint")
    }


@pytest.mark.data
def test_no_destructive_github_tool_is_granted() -> None:
    """Ten tools are marked destructive by the server itself; none is part of writing a change."""
    marked = destructive("github_mcp_tools.json")

    assert len(marked) == 10
    assert marked & granted("coding-agent", "github").keys() == set()


def test_the_coding_agent_neither_merges_nor_runs_nor_publishes() -> None:
    """Not marked destructive, and all the same what a person answers for."""
    tools = granted("coding-agent", "github")

    assert {
        "merge_pull_request",
        "create_gist",
        "fork_repository",
        "create_repository",
    } & tools.keys() == set()
    assert set(tools.values()) == {Access.READ, Access.WRITE}


def test_every_write_of_the_coding_agent_is_bound_to_a_repository() -> None:
    """One token reaches all repositories; a grant without conditions would too."""
    found = library("coding-agent").definitions
    grants = found.personas["coding-agent"].grants["github"]
    writing = [one for one in found.apps["github"].tools.values() if one.access is not Access.READ]

    assert all(grant.conditions for one in writing for grant in tools_of(grants, one.access, one.name))


@pytest.mark.data
def test_the_atlassian_app_names_exactly_the_tools_of_the_server() -> None:
    """98 tools, by their own names."""
    apps = library("project-assistant").definitions.apps
    names = set(catalogue("atlassian_mcp_tools.json"))

    assert set(apps["atlassian"].tools) == names
    assert len(names) == 98


@pytest.mark.data
def test_of_24_destructive_atlassian_tools_one_is_granted_and_only_conditionally() -> None:
    """A ticket may be moved along transitions that are on a list; nothing else that overwrites."""
    marked = destructive("atlassian_mcp_tools.json")
    grants = persona_of("project-assistant").grants["atlassian"]

    assert len(marked) == 24
    assert marked & granted("project-assistant", "atlassian").keys() == {"jira_transition_issue"}
    assert all(one.conditions for one in grants.by_tool["jira_transition_issue"])


@pytest.mark.data
def test_the_slack_app_names_only_operations_that_slack_has() -> None:
    """Method, path and name as published; the part of the API that runs workspaces is not there."""
    published = {
        name: (method.upper(), f"/api{path}")
        for method, path, name, _ in orjson.loads((DATA / "catalogs" / "slack_ops.json").read_bytes())["ops"]
    }
    tools = library("messaging-agent").definitions.apps["slack"].tools
    routes = {name: (one.match.method, one.match.path) for name, one in tools.items() if one.match}

    assert routes == {name: published[name] for name in tools}
    assert not [name for name in tools if name.startswith(("admin_", "apps_", "oauth_", "migration_"))]


def test_the_sre_runs_nothing_though_get_would_do_it() -> None:
    """Read-only is said by access: half of what runs a program on Kubernetes answers to GET."""
    assert set(granted("sre-read-only", "kubernetes").values()) == {Access.READ}


def test_who_prepares_a_payment_does_not_release_it() -> None:
    """Separation of duties, for agents as for clerks."""
    assert "release_payment" not in granted("finance-reconciler", "bank")


def test_the_release_bot_works_for_no_group() -> None:
    """One service account: a group grows, and with it who could let a bot act."""
    persona = persona_of("ci-release-bot")

    assert not persona.groups
    assert persona.users == {"release-automation@example.com"}
