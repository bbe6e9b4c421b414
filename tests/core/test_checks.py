"""What each layer asks, and the place that it points at."""

import pytest

from authz.compiler.calllog import NOON
from authz.core.call import Action, Agent, Call, Caller
from authz.core.checks import agent_admitted, place_of
from authz.core.persona import AgentEntry, Persona
from authz.core.reason import Reason
from tests.compiler.test_personas import tools
from tests.compiler.world import compiled, decided, swapped


def test_the_nearest_entry_of_agents_says_which_part_failed() -> None:
    """Of two entries, the one that matched further is the one that was meant."""
    entries = (
        "  - {id: a, models: [x]}\n  - {id: a, models: [m], versions: '>=2'}\n  - {id: a, models: [y]}\n"
    )
    text = swapped(
        '  - {id: summarizer, models: ["claude-*"], versions: ">=1.4,<2", deployments: [prod-eu]}\n', entries
    )

    agent = {"id": "a", "model": "m", "version": "1"}

    assert decided(compiled(text), agent=agent, app="tickets", tool="get_ticket") == "agent.version"


def test_any_grant_whose_condition_holds_is_enough() -> None:
    """Conditions narrow a grant and not the persona."""
    grant = "  - {{app: tickets, access: [read], where: {{x: {{in: [{}]}}}}}}\n"
    made = compiled(tools(grant.format("a") + grant.format("b")))

    answers = [decided(made, app="tickets", tool="get_ticket", args={"x": one}) for one in "abc"]

    assert answers == ["allow", "allow", "tool.condition"]


@pytest.mark.parametrize("app", ["nothing", None])
def test_an_app_that_nobody_defined_is_unknown(app: str | None) -> None:
    """And says nothing of users, agents or data, which were not asked."""
    assert decided(compiled(), app=app, tool="get_ticket") == "tool.unknown"


def test_a_section_that_is_not_written_has_the_place_of_its_persona() -> None:
    """Somewhere to look is better than nowhere."""
    persona: Persona = compiled(
        swapped("data:\n  allow: [public, internal, pii.contact]\n", "")
    ).definitions.personas["support"]

    assert str(place_of(persona, "tools")) == "defs.yaml:7"
    assert place_of(persona, "nothing") == persona.place


@pytest.mark.parametrize(
    ("workload", "reason"),
    [("spiffe://e.org/a", None), ("spiffe://e.org/b", Reason.AGENT_WORKLOAD), (None, Reason.AGENT_WORKLOAD)],
)
def test_a_workload_that_is_asked_for_must_be_proven(workload: str | None, reason: Reason | None) -> None:
    """What nothing proved is not there."""
    persona = Persona(
        name="p", version="", digest="", agents=(AgentEntry(id="a", workload="spiffe://e.org/a"),)
    )
    caller = Caller(agent=Agent(id="a", workload=workload), user="u", persona="p")
    action = Action(protocol="mcp", app="x", name="y")

    found = agent_admitted(Call(at=NOON, caller=caller, action=action), persona, None)

    assert (found.reason if found else None) is reason
