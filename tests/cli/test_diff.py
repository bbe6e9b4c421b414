"""`personas diff`: what a reviewer of a change of personas is told."""

from pathlib import Path

import orjson
import pytest
import typer
from typer.testing import CliRunner

from authz.cli import diff
from authz.cli.failure import Failure
from tests.compiler.world import WHOLE, swapped
from tests.offline.logs import behaving, line

app = typer.Typer()
app.command()(diff.command)

GRANT = "  - app: tickets\n    tools: [draft_reply]\n"
WHEN = "'args.body.size() < 4000'"
PACE = "  limits: [{name: pace, calls: 3, per: 1m}]"


def compared(tmp_path: Path, old: str, new: str, *calls: object) -> tuple[int, str]:
    """Exit status and Markdown."""
    words: list[str] = []
    for name, text in (("old", old), ("new", new)):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "defs.yaml").write_text(text)
        words += [f"--{name}", str(folder)]
    if calls:
        log = tmp_path / "calls.jsonl"
        log.write_bytes(b"\n".join(map(orjson.dumps, calls)))
        words += ["--calls", str(log)]
    done = CliRunner().invoke(app, words)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout


USERS = "{groups: [support-agents]}\nagents"
ENTITLED = "{app: tickets, access: [read, write]}"
CAROL = "id: carol@example.com, groups: [guests]"
EIGHT_TO_NINE = '  hours: {timezone: UTC, from: "08:00", to: "09:00"}'


def changed(old: str, new: str) -> tuple[str, str]:
    """The definitions before and after one change."""
    return WHOLE, swapped(old, new)


def constrained(before: str, after: str) -> tuple[str, str]:
    """The same with one `where:`."""
    return swapped(f"when: {WHEN}", f"where: {before}"), swapped(f"when: {WHEN}", f"where: {after}")


WIDER = [
    ("may call `close_ticket` of tickets", *changed("[draft_reply]", "[draft_reply, close_ticket]")),
    ("may call without conditions `draft_reply`", *changed(f"    when: {WHEN}\n", "")),
    ("may call on wider conditions `draft_reply`", *changed("< 4000", "< 5000")),
    ("may call on other conditions `draft_reply`", *changed(WHEN, "'args.body != user.id'")),
    (
        "may call on wider conditions `draft_reply` of tickets",
        *constrained("{ticket: {in: [a, b], max_length: 9}}", "{ticket: {in: [a, b, c], max_length: 9}}"),
    ),
    (
        "may touch data class `financial`",
        *changed("public, internal, pii", "public, financial, internal, pii"),
    ),
    ("works for group `guests` as well", *changed(USERS, USERS.replace("agents]", "agents, guests]"))),
    ("is admitted by other `versions`", *changed(', versions: ">=1.4,<2"', "")),
    ("agent `second` may assume it", *changed("agents:\n", "agents:\n  - {id: second}\n")),
    ("mode is `shadow` now", *changed(f"users: {USERS}", f"mode: shadow\nusers: {USERS}")),
    ("no longer has rule `pace`", behaving(PACE), WHOLE),
    ("rule `pace`: maximum 4 instead of 3", behaving(PACE), behaving(PACE.replace("calls: 3", "calls: 4"))),
    ("another window", behaving(PACE.replace("1m", "2m")), behaving(PACE)),
    ("on drift `flag` instead of `deny`", behaving(PACE), behaving(f"{PACE}\n  on_drift: flag")),
    ("has other hours", behaving(EIGHT_TO_NINE), behaving(EIGHT_TO_NINE.replace("09", "10"))),
    ("is entitled to `delete` in tickets", *changed(ENTITLED, ENTITLED.replace("write", "write, delete"))),
    ("is in `guests`, `support-agents`", *changed(CAROL, CAROL.replace("guests", "guests, support-agents"))),
    ("is active", *changed("active: false, ", "")),
    ("is `read` instead of `write`", *changed("close_ticket, access: write", "close_ticket, access: read")),
]


@pytest.mark.parametrize(("said", "old", "new"), WIDER, ids=[said for said, _, _ in WIDER])
def test_what_allows_more_ends_with_4_and_is_said(tmp_path: Path, said: str, old: str, new: str) -> None:
    """A pull request that widens what an agent may do stops until a person has read it."""
    status, text = compared(tmp_path, old, new)

    assert status == 4
    assert said.replace("_", "\\_") in text or said in text
    assert "allow" in text.split("\n")[2]


NARROWER = [one for one in WIDER if "other conditions" not in one[0] and "instead of `write`" not in one[0]]


@pytest.mark.parametrize(("said", "new", "old"), NARROWER, ids=[said for said, _, _ in NARROWER])
def test_the_same_change_backwards_allows_less_and_ends_with_0(
    tmp_path: Path, said: str, old: str, new: str
) -> None:
    """Taking permission away needs nobody's leave."""
    status, text = compared(tmp_path, old, new)

    assert status == 0, (said, text)
    assert "**Nothing is newly allowed" in text
    assert "| allows less |" in text


def test_what_enforces_nothing_is_no_change(tmp_path: Path) -> None:
    """A description, a version, another layout."""
    new = swapped('version: "3"', 'version: "4", description: new').replace("[get", "[ get")

    assert compared(tmp_path, WHOLE, new)[0] == 0
    assert "Nothing that is enforced has changed." in compared(tmp_path, WHOLE, new)[1]


def test_calls_show_what_is_newly_denied_and_newly_allowed(tmp_path: Path) -> None:
    """On real calls, by agent, tool and reason, with the first of each."""
    calls = [line(one, tool="draft_reply", args={"body": "x"}) for one in range(3)]
    narrower = swapped("tools: [draft_reply]", "tools: [close_ticket]")

    status, text = compared(
        tmp_path, WHOLE, narrower, *calls, line(5, tool="close_ticket", args={"body": "x"})
    )

    assert status == 4
    assert "**1 newly allowed**" in text
    assert "**3 newly denied**" in text
    assert "| 3 | summarizer | support | tickets/draft\\_reply | tool.not-granted" in text
    assert "call 0 |" in text


def test_each_side_has_its_own_history(tmp_path: Path) -> None:
    """A call that the old definitions refused used nothing up there."""
    calls = [line(one) for one in range(5)]

    status, text = compared(tmp_path, behaving(PACE.replace("3", "5")), behaving(PACE), *calls)

    assert status == 0
    assert "**2 newly denied**" in text
    assert "behaviour.limit" in text


def test_what_agents_call_themselves_stays_in_its_cell(tmp_path: Path) -> None:
    """The text goes into a pull request."""
    call = line(agent={"id": "a|b<img src=x>"})
    _, text = compared(tmp_path, swapped("{id: summarizer,", '{id: "a|b<img src=x>",'), WHOLE, call)

    assert "<img" not in text.replace("\\<img", "")
    assert "a\\|b" in text


def test_definitions_that_do_not_compile_end_it_with_2(tmp_path: Path) -> None:
    """What can't be read can't be compared."""
    with pytest.raises(Failure) as caught:
        diff.command(tmp_path / "none", tmp_path / "none")
    assert caught.value.code == 2
