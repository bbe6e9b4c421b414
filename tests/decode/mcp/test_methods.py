"""The table of methods against that of the official SDK."""

import mcp_types.methods as official
import pytest
from mcp_types.version import KNOWN_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from authz.decode.mcp.methods import METHODS, SESSION_VERSIONS, STATELESS_VERSIONS, SUPPORTED

SENT_BY_CLIENTS = sorted({*official.CLIENT_REQUESTS, *official.CLIENT_NOTIFICATIONS})


def test_the_versions_are_those_of_the_sdk() -> None:
    """A new version must be read before it is let in."""
    assert set(KNOWN_PROTOCOL_VERSIONS) == SESSION_VERSIONS | STATELESS_VERSIONS
    assert set(SUPPORTED) == set(MODERN_PROTOCOL_VERSIONS)


@pytest.mark.parametrize(("method", "version"), SENT_BY_CLIENTS)
def test_every_method_that_a_client_may_send_is_governed_in_its_era(method: str, version: str) -> None:
    """What is not in the table is denied."""
    assert (version in STATELESS_VERSIONS) in METHODS[method].eras
    assert METHODS[method].notification == ((method, version) in official.CLIENT_NOTIFICATIONS)


def test_no_method_is_known_that_only_the_tasks_extension_does_not_explain() -> None:
    """What is governed by name must exist."""
    known = {method for method, _ in SENT_BY_CLIENTS}

    assert {name for name in METHODS if name not in known} == {
        "tasks/get",
        "tasks/cancel",
        "tasks/update",
        "tasks/result",
        "tasks/list",
        "notifications/tasks/status",
    }


def test_no_method_of_servers_is_taken_from_a_client() -> None:
    """An agent that sends `sampling/createMessage` is no server."""
    assert not {"sampling/createMessage", "elicitation/create", "roots/list"} & METHODS.keys()
