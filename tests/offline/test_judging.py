"""Replay: the decision of a recorded call, with the history that the log itself tells."""

from authz.cli.offline import judged as explained
from authz.compiler.written.cases import CallLine
from authz.core.call import Agent
from authz.offline.judging import Word
from authz.offline.reading import Format
from authz.offline.told import Fallback
from authz.stores.histories_memory import MemoryHistories
from tests.compiler.world import WHOLE, compiled, swapped
from tests.offline.logs import behaving, judged, line, said

PACE = "  limits: [{name: pace, calls: 3, per: 1m}]"


def test_a_granted_call_is_allowed_and_another_is_denied_with_all_its_reasons() -> None:
    """A report that names one reason of two sends people on a second round."""
    adjust = line(1, app="billing", tool="adjust_balance", args={"account": "A-1"})

    assert said(judged(line(), adjust)) == ["allow", "deny tool.not-granted data.not-allowed"]


def test_the_log_own_instants_drive_a_limit() -> None:
    """The fourth call within a minute is too much; when the minute is over it is not."""
    found = judged(line(0), line(10), line(20), line(30), line(61), text=behaving(PACE))

    assert said(found) == ["allow", "allow", "allow", "deny behaviour.limit", "allow"]


def test_a_call_that_would_be_denied_uses_nothing_up() -> None:
    """What would not have got through is not there to count."""
    refused = [line(one, tool="close_ticket") for one in range(5)]

    found = judged(*refused, line(6), line(7), line(8), text=behaving(PACE))

    assert said(found)[5:] == ["allow", "allow", "allow"]


def test_outcomes_of_the_log_drive_probes() -> None:
    """Two lookups of what is not there are in scope, the third is drift."""
    probes = "  probes: {outcomes: [not_found], max: 2, per: 1h}"
    missed = [line(one, args={"ticket": f"T-{one}"}, outcome="not_found") for one in range(3)]

    found = judged(*missed, line(4), text=behaving(probes))

    assert said(found) == ["allow", "allow", "allow", "deny behaviour.probe"]


def test_hours_are_those_of_the_log() -> None:
    """A call at night is at night whenever it is replayed."""
    hours = '  hours: {timezone: UTC, from: "08:00", to: "09:00"}'

    assert said(judged(line(0), line(3600), text=behaving(hours))) == ["allow", "deny behaviour.hours"]


def test_flags_are_no_reasons() -> None:
    """What is only flagged is let through, and counted by itself."""
    found = judged(*map(line, range(4)), text=behaving(f"{PACE}\n  on_drift: flag"))

    assert said(found) == ["allow"] * 4
    assert [one.reason.value for one in found[3].flags] == ["behaviour.limit"]


def test_a_persona_that_is_not_defined_is_refused_as_in_service() -> None:
    """The service says `agent.unknown`; a rehearsal that says another thing proves nothing."""
    assert said(judged(line(persona="nobody"))) == ["deny agent.unknown"]


def test_shadow_is_a_deny_that_is_let_through() -> None:
    """The report counts it among what would be refused, and knows that it passed."""
    text = swapped("users: {groups: [support-agents]}", "mode: shadow\nusers: {groups: [support-agents]}")

    (found,) = judged(line(tool="close_ticket"), text=text)

    assert (found.word, found.shadowed) == (Word.DENY, True)


def test_who_is_not_named_is_assumed_and_said_so() -> None:
    """Most logs were made before anybody thought of agents."""
    (assumed,) = judged(line(agent=None, user=None))
    (told,) = judged(line())

    assert (assumed.word, assumed.assumed, told.assumed) == (Word.ALLOW, True, False)
    assert assumed.agent == "summarizer"


def test_a_fallback_stands_where_the_log_is_silent_and_nowhere_else() -> None:
    """What the log says counts more than what somebody guesses."""
    fallback = Fallback(agent=Agent(id="other"), user="carol@example.com")

    silent, told = judged(line(agent=None, user=None), line(1), fallback=fallback)

    assert (silent.agent, silent.user, silent.word) == ("other", "carol@example.com", Word.DENY)
    assert told.word is Word.ALLOW


def test_the_persona_is_found_by_its_agent_where_one_admits_it() -> None:
    """Two personas, one agent each: the log need not say more."""
    second = WHOLE.split("---")[0].replace("name: support,", "name: other,").replace("summarizer", "writer")
    text = f"{WHOLE}\n---\n{second}"

    mine, nobody = judged(line(persona=None), line(persona=None, agent={"id": "stranger"}), text=text)

    assert (mine.persona, mine.word) == ("support", Word.ALLOW)
    assert (nobody.word, nobody.lacking) == (Word.UNDECIDED, ("under which persona it was made",))


def test_no_instant_leaves_undecided_what_hours_or_windows_would_say() -> None:
    """A call at no time cannot be too early; what is refused anyway is refused."""
    hours = '  hours: {timezone: UTC, from: "08:00", to: "09:00"}'

    assert said(judged(line(at=None))) == ["allow"]
    assert said(judged(line(at=None), text=behaving(hours))) == ["undecided"]
    assert said(judged(line(at=None), text=behaving(PACE))) == ["undecided"]
    assert said(judged(line(at=None, tool="close_ticket"), text=behaving(hours))) == ["deny tool.not-granted"]


def test_replay_decides_the_first_call_as_explain_does() -> None:
    """Two commands that differ about one call would both be doubted."""
    made = compiled()
    values = [
        line(),
        line(tool="draft_reply", args={"ticket": "T-1", "body": "x" * 4000}),
        line(tool="draft_reply", args={"ticket": "T-1", "body": "x"}),
        line(tool="draft_reply", args={}),
        line(app="billing", tool="adjust_balance"),
        line(app="nowhere"),
        line(app=None),
        line(tool="file:///reports/1"),
        line(tool="triage"),
        line(user="bob@example.com"),
        line(user="zed@example.com"),
        line(agent={"id": "summarizer", "model": "gpt-9"}),
        line(agent="stranger"),
    ]
    for value in values:
        persona = made.definitions.personas["support"]
        one = explained(CallLine.model_validate(value), persona, made, MemoryHistories())
        codes = dict.fromkeys(reason.reason.value for reason in one.reasons)

        assert said(judged(value)) == [" ".join((one.word, *codes))], value


def trail(identity: int = 1, **action: object) -> dict[str, object]:
    """A record of the trail, with digests for arguments."""
    told = {
        "app": "tickets",
        "tool": "get_ticket",
        "kind": "tool",
        "target": "keyed:t1",
        "args_digest": "keyed:a1",
    }
    return {
        "kind": "decision",
        "id": f"d{identity}",
        "at": f"2026-03-02T08:00:{identity:02}.000000Z",
        "agent": AGENT_IN_TRAIL,
        "user": "alice@example.com",
        "persona": {"name": "support"},
        "action": {**told, "args": {}, **action},
        "effect": "allowed",
        "reasons": [],
    }


AGENT_IN_TRAIL = {"id": "summarizer", "model": "claude-x", "version": "1.5", "deployment": "prod-eu"}


def over_trail(*records: object, text: str = WHOLE) -> list[str]:
    """What becomes of the records."""
    return said(judged(*records, text=text, form=Format.TRAIL))


def test_a_condition_on_arguments_that_are_not_shown_is_undecided_and_never_a_denial() -> None:
    """A digest is no reason to refuse; what is refused for other reasons is."""
    draft = trail(tool="draft_reply")

    assert over_trail(draft) == ["undecided"]
    assert over_trail({**draft, "user": "carol@example.com"}) == [
        "deny user.not-in-persona user.not-entitled"
    ]
    assert over_trail(trail()) == ["allow"]


def test_a_condition_on_an_argument_that_the_trail_shows_is_decided() -> None:
    """`recorded:` arguments are in clear; a `where:` on one of them can be judged."""
    text = swapped("    when: 'args.body.size() < 4000'", "    where: {ticket: {equals: T-1}}")

    shown = [trail(tool="draft_reply", args={"ticket": one}) for one in ("T-1", "T-2")]

    assert over_trail(*shown, text=text) == ["allow", "deny tool.condition"]
    assert over_trail(trail(tool="draft_reply"), text=text) == ["undecided"]


def test_an_unconditional_grant_needs_no_arguments() -> None:
    """One grant that surely permits is enough, whatever another one asks."""
    text = swapped("    access: [read]\n", "    tools: [get_*, draft_*]\n")

    assert over_trail(trail(tool="draft_reply"), text=text) == ["allow"]


def test_digests_tell_repeats_and_different_targets_apart() -> None:
    """Equal arguments have equal digests: what only compares can be judged."""
    repeats = behaving("  repeats: {max: 2, per: 10m}")
    breadth = behaving("  limits: [{name: breadth, distinct: target, max: 2, per: 1d}]")
    same = [trail(one) for one in range(1, 4)]
    others = [trail(one, target=f"keyed:t{one}", args_digest=f"keyed:a{one}") for one in range(1, 4)]

    assert over_trail(*same, text=repeats) == ["allow", "allow", "deny behaviour.repeat"]
    assert over_trail(*others, text=repeats) == ["allow"] * 3
    assert over_trail(*others, text=breadth) == ["allow", "allow", "deny behaviour.limit"]


def test_a_sum_of_amounts_that_are_not_shown_is_undecided() -> None:
    """An unknown amount is not an infinite one."""
    spend = behaving("  limits: [{name: spend, sum: args.amount, max: 5, per: 1d}]")
    flagged = behaving("  limits: [{name: spend, sum: args.amount, max: 5, per: 1d, on_drift: flag}]")

    assert over_trail(trail(), text=spend) == ["undecided"]
    assert over_trail(trail(), text=flagged) == ["allow"]


def test_classes_that_depend_on_an_argument_are_undecided_unless_the_known_ones_are_refused() -> None:
    """Labels only ever add classes: what is not allowed already stays refused."""
    label = 'target: ticket, labels: {args.ticket: {"ACME-*": [restricted]}}}'
    old = "{name: get_ticket, access: read, data: [internal], target: ticket}"
    text = swapped(old, f"{{name: get_ticket, access: read, data: [internal], {label}")

    assert over_trail(trail(), text=text) == ["undecided"]
    assert over_trail(trail(args={"ticket": "ACME-1"}), text=text) == ["deny data.not-allowed"]
    assert over_trail(trail(), text=text.replace("public, internal, pii", "public, pii")) == [
        "deny data.not-allowed"
    ]


def test_what_answers_carried_is_needed_by_egress_and_told_by_the_trail() -> None:
    """A call log has no sizes, so nobody can tell; the trail's outcomes have them."""
    egress = behaving("  limits: [{name: out, egress: bytes, max: 10, per: 1d}]")
    ended = {
        "kind": "outcome",
        "decision": "d1",
        "at": "2026-03-02T08:00:01.500000Z",
        "outcome": "ok",
        "bytes": {"sent": 11},
    }

    assert said(judged(line(), text=egress)) == ["undecided"]
    assert over_trail(trail(1), ended, trail(2), text=egress) == ["allow", "deny behaviour.limit"]


def test_calls_under_way_are_told_by_the_trail_only() -> None:
    """Nothing in a call log says when a call ended."""
    few = behaving("  concurrency: {max: 1}")
    ended = {"kind": "outcome", "decision": "d1", "at": "2026-03-02T08:00:01.500000Z", "outcome": "ok"}

    assert said(judged(line(), text=few)) == ["undecided"]
    assert over_trail(trail(1), trail(2), text=few) == ["allow", "deny behaviour.limit"]
    assert over_trail(trail(1), ended, trail(2), text=few) == ["allow", "allow"]


def test_session_methods_of_the_trail_need_any_grant() -> None:
    """A list of tools is no tool that nobody knows."""
    listing = trail(tool="tools/list", kind="session", target=None)
    elsewhere = trail(tool="tools/list", kind="session", target=None, app="billing")

    assert over_trail(listing, elsewhere) == ["allow", "deny tool.not-granted"]
