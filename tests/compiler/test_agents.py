"""Layer 2: which agents may assume a persona, and one that does."""

import pytest
from packaging.specifiers import SpecifierSet

from authz.compiler.agents import admitted
from authz.compiler.written.persona import AgentWritten
from tests.compiler.world import compiled, decided, errors, swapped

ENTRY = '  - {id: summarizer, models: ["claude-*"], versions: ">=1.4,<2", deployments: [prod-eu]}\n'


@pytest.mark.parametrize(
    "versions",
    [">=1.4,<2", "==1.*", "~=2.1", "<1", ">3", "!=1.0", ">=1.4,!=1.4", "===7", ">1.4.2,<1.4.4", "<=0.5"],
)
def test_an_agent_is_thought_of_that_the_entry_admits(versions: str) -> None:
    """So that a case which names no agent is about the rest of the persona."""
    written = AgentWritten(
        id="a", models=["claude-?-*", "x"], versions=versions, deployments=["b", "a"], workload=None
    )

    agent = admitted(written)

    assert agent.version is not None
    assert SpecifierSet(versions).contains(agent.version)
    assert (agent.model, agent.deployment) == ("claude-x-x", "b")


@pytest.mark.parametrize(
    ("entry", "agent", "code"),
    [
        ("{id: a}", {"id": "a"}, "allow"),
        ("{id: a, models: []}", {"id": "a", "model": "m"}, "agent.model"),
        ("{id: a, models: [m]}", {"id": "a", "model": "M"}, "agent.model"),
        ("{id: a, models: ['m?']}", {"id": "a", "model": "m12"}, "agent.model"),
        ("{id: a, models: [x, 'm*']}", {"id": "a", "model": "m12"}, "allow"),
        ("{id: a, models: ['*-m-*']}", {"id": "a", "model": "x-m-y\n"}, "allow"),
        ("{id: a, versions: '>=1'}", {"id": "a"}, "agent.version"),
        ("{id: a, versions: '>=1'}", {"id": "a", "version": "2.0rc1"}, "agent.version"),
        ("{id: a, deployments: []}", {"id": "a", "deployment": "x"}, "agent.deployment"),
        (
            "{id: a, workload: 'spiffe://e.org/a'}",
            {"id": "a", "workload": "spiffe://e.org/b"},
            "agent.workload",
        ),
        ("{id: a, workload: 'spiffe://e.org/a'}", {"id": "a", "workload": "spiffe://e.org/a"}, "allow"),
    ],
)
def test_what_an_entry_asks_for_must_be_there(entry: str, agent: object, code: str) -> None:
    """An agent that does not say its model is not of a model that is admitted."""
    made = compiled(swapped(ENTRY, f"  - {entry}\n"))

    assert decided(made, agent=agent, app="tickets", tool="get_ticket") == code


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{id: a, versions: one}", "`one` is no range of versions (PEP 440)"),
        ("{id: a, versions: ''}", "is no range of versions"),
        ("{id: a, workload: 'https://e.org/a'}", "is no SPIFFE id"),
        ("{id: a, workload: 'spiffe://e.org/'}", "is no SPIFFE id"),
        ("{models: [m]}", "`id` is missing"),
    ],
)
def test_an_entry_that_cannot_be_meant_is_an_error(entry: str, problem: str) -> None:
    """An empty range admits every version, which is hardly what was meant."""
    [found] = errors(swapped(ENTRY, f"  - {entry}\n"))

    assert problem in found
