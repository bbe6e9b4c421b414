"""The table of wire cases against `decode`, in both forms in which Envoy hands headers over."""

import orjson
import pytest

from authz.core.decision import Deny
from authz.decode import Decoded, Decoders, Unreadable
from authz.decode.answers import refusal_answer
from authz.server.wire import read_check
from tests.wire.case import Case, all_cases, definitions

CASES = all_cases()
DECODERS = Decoders.of(definitions())


@pytest.mark.parametrize("raw", [True, False], ids=["header-lines", "joined-headers"])
@pytest.mark.parametrize("case", CASES, ids=[one.name for one in CASES])
def test_a_wire_case_is_read_or_refused_as_its_file_says(case: Case, *, raw: bool) -> None:
    """Each file is an attack, or an ordinary request that must not be mistaken for one."""
    request = read_check(case.check_request(raw=raw), {})

    decoded = DECODERS.decode(request, DECODERS.route(request))

    if "refused" in case.expect:
        assert isinstance(decoded, Unreadable), decoded
        answer = refusal_answer(decoded.exchange, Deny((decoded.refusal.objection,)), "d-1")
        said = {"refused": decoded.refusal.objection.reason.value, "http": answer.status}
        if "jsonrpc" in case.expect:
            said["jsonrpc"] = orjson.loads(answer.body)["error"]["code"]
        assert said == case.expect
    else:
        assert isinstance(decoded, Decoded), decoded
        assert seen(decoded, case) == case.expect["reads"]


def seen(decoded: Decoded, case: Case) -> dict[str, object]:
    """What was read, as far as the case asks."""
    action = decoded.action
    everything = {
        "app": action.app,
        "name": action.name,
        "kind": action.kind.value,
        "args": action.args,
        "target": action.target,
        "tool": action.tool is not None,
        "session": decoded.session,
        "notes": list(decoded.notes),
    }
    return {key: everything[key] for key in case.expect["reads"]}


def test_every_case_says_why_it_is_there() -> None:
    """A case that nobody can explain is one that somebody will remove."""
    assert all(case.why.strip() for case in CASES)
