"""The canonical persona of the contracts, word for word: it compiles, decides and passes its own case."""

from pathlib import Path

import pytest

from authz.cli.offline import judged, run_case
from authz.compiler import Compiled
from authz.compiler.written.cases import CallLine
from authz.core.decision import Allow
from authz.stores.definitions import load
from authz.stores.histories_memory import MemoryHistories

CANONICAL = Path(__file__).parent / "canonical"


@pytest.fixture(scope="module")
def made() -> Compiled:
    """The folder, compiled."""
    return load(CANONICAL)


@pytest.mark.parametrize(
    ("app", "tool", "args", "codes"),
    [
        ("tickets", "search_tickets", {"query": "refund"}, set()),
        ("tickets", "draft_reply", {"ticket": "T-1", "body": "x" * 10, "amount": 0}, set()),
        ("tickets", "draft_reply", {"ticket": "T-1", "body": "x" * 4000, "amount": 0}, {"tool.condition"}),
        ("tickets", "draft_reply", {"ticket": "T-1", "body": "x"}, {"behaviour.limit"}),
        ("tickets", "search_tickets", {"amount": 501}, {"behaviour.limit"}),
        ("tickets", "search_tickets", {"amount": "many"}, {"behaviour.limit"}),
        ("tickets", "close_ticket", {"amount": 0}, {"tool.unknown"}),
        ("crm", "search_customers", {}, {"tool.not-granted"}),
        ("billing", "get_balance", {"account": "A-1"}, {"tool.not-granted", "data.not-allowed"}),
    ],
)
def test_it_decides_as_it_reads(
    made: Compiled, app: str, tool: str, args: dict[str, object], codes: set[str]
) -> None:
    """A limit on spending over all calls lets read; what writes must say its amount."""
    line = CallLine.model_validate({"app": app, "tool": tool, "args": args})

    found = judged(line, made.definitions.personas["support-summarizer"], made, MemoryHistories())

    assert {one.reason.value for one in found.reasons} == codes
    assert isinstance(found.decision, Allow) == (not codes)


def test_it_passes_its_own_case_without_a_warning(made: Compiled) -> None:
    """What the contracts print is what is enforced."""
    assert made.warnings == ()
    assert [run_case(case, made).failure for case in made.cases] == [""]
