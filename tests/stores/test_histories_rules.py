"""Every kind of rule in the script's words."""

from datetime import timedelta

from authz.behaviour.plan import WATCHERS
from authz.core.history import Outcome
from authz.stores.histories_redis import SCRIPT
from authz.stores.histories_rules import WORDS, ending
from tests.behaviour.builders import START


def test_every_kind_of_rule_has_words_and_the_script_knows_them() -> None:
    """A kind that only memory knows would be judged by nobody on Redis."""
    kinds = {one for one in WATCHERS.values() if isinstance(one, type)}

    assert kinds == set(WORDS)
    for name in ("calls", "sum", "egress", "distinct", "first", "run", "repeats", "probes", "sequence"):
        assert f"figure.{name} =" in SCRIPT
        assert f"take.{name} =" in SCRIPT


def test_an_outcome_is_told_as_the_rule_sees_it() -> None:
    """Bytes or records; bad or not."""
    outcome = Outcome(decision="d", at=START + timedelta(1), outcome="not_found", sent=7, records=3)

    told = ending({"k": "probes", "outcomes": ["not_found"]}, outcome)

    assert (told["bad"], told["ok"]) == (True, False)
    assert ending({"k": "egress", "records": True}, outcome)["add"] == 3_000_000_000
    assert ending({"k": "egress", "records": False}, outcome)["add"] == 7_000_000_000
