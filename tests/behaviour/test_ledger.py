"""Ledgers: what they keep under other rules, and through JSON."""

from datetime import timedelta

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from authz.behaviour import Digest, Group, Ledger, Plan, Told, fold, load, observe, save, waits
from authz.core.call import Call, Caller
from authz.core.history import History
from authz.core.persona import Persona
from authz.core.rule import Calls, Rule, Sum
from tests.behaviour.builders import build_call, build_persona, build_rule
from tests.behaviour.test_laws import flagged

MINUTE = timedelta(minutes=1)


class Shelf:
    """Ledgers of one persona."""

    def __init__(self, job: Persona) -> None:
        self.plan = Plan(job, Digest(b"k"))
        self.ledgers: dict[tuple[str, ...], Ledger] = {}

    def ledger(self, group: Group, caller: Caller) -> Ledger:
        """The ledger of this caller, under the present rules."""
        key = group.key(caller)
        found = self.ledgers.setdefault(key, Ledger(group, key))
        if found.group is not group:
            found.adopt(group)
        return found

    def see(self, call: Call) -> History:
        """One call."""
        return observe(call, self.plan, self, passes=True)[0]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 4)), max_size=30))
def test_what_is_saved_and_loaded_judges_as_before(steps: list[tuple[int, int]]) -> None:
    """Every kind of rule, through JSON as it lies on disk."""
    job = build_persona(*flagged())
    shelf, second = Shelf(job), 0
    for gap, target in steps:
        second += gap
        shelf.see(build_call(second, target=f"/{target}", args={"amount": target}))
    again = Shelf(job)
    for key, ledger in shelf.ledgers.items():
        (group,) = again.plan.groups
        saved = orjson.loads(orjson.dumps(save(ledger)))
        again.ledgers[key] = Ledger(group, key)
        load(again.ledgers[key], saved, ledger.latest)
    last = build_call(second + 5, target="/1", args={"amount": 1})

    assert again.see(last) == shelf.see(last)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 4)), max_size=30))
def test_what_the_trail_tells_is_folded_into_the_same(steps: list[tuple[int, int]]) -> None:
    """`took` is all that is needed."""
    job = build_persona(*flagged())
    shelf, again, second = Shelf(job), Shelf(job), 0
    for gap, target in steps:
        second += gap
        call = build_call(second, target=f"/{target}", args={"amount": target})
        took = orjson.loads(orjson.dumps(shelf.see(call).added(job.rules)))
        at = next(iter(shelf.ledgers.values())).latest
        told = Told(at=at, caller=call.caller, took=took, passed=True, decision="d")
        fold(again.plan, again, told)

        wanting = [one for one in again.plan.watchers if one.ends and one.rule.name in took]
        assert [watcher for _, watcher, _, _ in waits(again.plan, again, told)] == wanting
    last = build_call(second + 5, target="/1", args={"amount": 1})

    assert again.see(last) == shelf.see(last)


def test_a_rule_that_counts_something_else_starts_anew_under_the_same_name() -> None:
    """A state of calls must never be read as one of amounts."""
    kinds: tuple[Rule, ...] = (
        build_rule(Calls(per=MINUTE), 9, "same"),
        build_rule(Sum(argument="args.n", per=MINUTE), 9, "same"),
    )
    shelf = Shelf(build_persona(kinds[0]))
    shelf.see(build_call(0))
    shelf.plan = Plan(build_persona(kinds[1]), Digest(b"k"))

    assert shelf.see(build_call(1, args={"n": 2})).figures == (2,)
