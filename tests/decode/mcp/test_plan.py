"""What is worked out once for each MCP app."""

from authz.decode.mcp.plan import NO_PLAN, Plan
from tests.decode.requests import apps


def test_a_plan_knows_where_each_target_stands() -> None:
    """So that no call has to look for it."""
    plan = Plan.of(apps().apps["crm"])

    assert plan.tools["search"].target == ("query",)
    assert plan.prompts["triage"].target == ()
    assert plan.client_requests == {"elicitation"}


def test_an_app_without_a_definition_has_nothing() -> None:
    """All that is asked of it is unknown."""
    assert (NO_PLAN.tools, NO_PLAN.prompts, NO_PLAN.resources.find("file:///x")) == ({}, {}, None)
