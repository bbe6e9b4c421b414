"""`personas suggest`: a draft that compiles, refuses nothing of its own log and grants nothing besides."""

import random
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
import yaml
from typer.testing import CliRunner

from authz.cli import suggest
from authz.cli.failure import Failure
from authz.compiler import SourceFile, compile_set
from authz.offline.judging import Judge, Word
from authz.offline.reading import Format, Reading, reader_of
from authz.offline.told import Told
from tests.compiler.world import APPS, PEOPLE, WHOLE
from tests.offline.logs import line, lines

app = typer.Typer()
app.command()(suggest.command)


def drafted(
    tmp_path: Path, calls: list[dict[str, Any]], *more: str, defs: str | None = WHOLE
) -> tuple[str, str]:
    """The draft, and what was said besides."""
    log = tmp_path / "calls.jsonl"
    log.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in calls))
    words = ["--calls", str(log), *more]
    if defs is not None:
        folder = tmp_path / "defs"
        folder.mkdir(exist_ok=True)
        (folder / "defs.yaml").write_text(defs)
        words += ["--defs", str(folder)]
    done = CliRunner().invoke(app, words)
    assert done.exception is None, done.exception
    return done.stdout, done.stderr


def replayed(text: str, calls: list[dict[str, Any]]) -> list[Word]:
    """What the draft says to a log."""
    made = compile_set([SourceFile("draft", text.encode())])
    judge = Judge(made)
    reading = Reading(lines(calls), reader_of(Format.CALLS, made.definitions, {}))
    return [judge.decide(one).word for _, one in reading if isinstance(one, Told)]


def on_apps(text: str) -> str:
    """The draft with the apps and people that it was drawn for."""
    return f"{text}{APPS}{PEOPLE}"


def month(seed: int, calls: int = 400) -> list[dict[str, Any]]:
    """A log with a bit of everything."""
    rng = random.Random(seed)  # noqa: S311 - the same log every time
    found = []
    second = 0.0
    for number in range(calls):
        second += rng.choice([1, 2, 30, 600])
        tool, args = rng.choice(
            [
                ("get_ticket", {"ticket": f"T-{rng.randrange(900)}"}),
                ("search_tickets", {"query": "word " * rng.randrange(1, 9), "limit": rng.randrange(1, 50)}),
                ("draft_reply", {"ticket": f"T-{number}", "body": "x" * rng.randrange(1, 300)}),
            ]
        )
        hours, rest = divmod(second, 3600)
        day, hour = divmod(int(hours), 10)
        minute, second_ = divmod(int(rest), 60)
        at = f"2026-03-{2 + day:02}T{8 + hour:02}:{minute:02}:{second_:02}Z"
        outcome = rng.choice(["ok", "ok", "not_found", None])
        found.append(line(at=at, tool=tool, args=args, outcome=outcome))
    found.append(line(at=found[-1]["at"], tool="close_ticket", args={"ticket": "T-1"}))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_a_draft_refuses_nothing_of_the_log_that_it_comes_from(tmp_path: Path, seed: int) -> None:
    """Else the first day of shadow would be noise."""
    calls = month(seed)
    text, besides = drafted(tmp_path, calls)

    assert besides == ""
    assert set(replayed(on_apps(text), calls)) == {Word.ALLOW}


def test_without_definitions_the_draft_brings_its_own_and_compiles_alone(tmp_path: Path) -> None:
    """Whoever has nothing but a log can begin with it."""
    calls = month(7)
    text, _ = drafted(tmp_path, calls, defs=None)

    assert {one["kind"] for one in yaml.safe_load_all(text)} == {"Persona", "App", "Directory"}
    assert set(replayed(text, calls)) == {Word.ALLOW}


def test_it_grants_no_tool_that_was_not_used(tmp_path: Path) -> None:
    """By name, never by access: least privilege is what was needed."""
    calls = [line(one) for one in range(20)]
    text, _ = drafted(tmp_path, calls)
    persona = yaml.safe_load(text)

    assert [one["tools"] for one in persona["tools"]] == [["get_ticket"]]
    assert all("access" not in one for one in persona["tools"])
    others = [line(99, tool="search_tickets", args={}), line(99, app="billing", tool="adjust_balance")]
    assert replayed(on_apps(text), others) == [Word.DENY, Word.DENY]


def test_what_was_seen_once_is_set_apart_for_review(tmp_path: Path) -> None:
    """Once is an incident as easily as a job."""
    text, _ = drafted(tmp_path, month(1))

    often, apart, once = text.partition("# Seen once: look at each before it stays.")
    assert apart
    assert "get_ticket" in often
    assert "tools: [close_ticket]  # write, from 1 call" in once
    assert "close_ticket" not in often


def test_every_line_says_from_how_many_calls_it_comes(tmp_path: Path) -> None:
    """A person who reviews the draft needs the weight of each line."""
    text, _ = drafted(tmp_path, month(2))
    structure = (
        "apiVersion kind metadata users: name version description agents: tools: data: allow: behaviour:"
    )
    heads = (*structure.split(), "limits:", "- app:", "where:", "on_drift", "#")

    for one in text.splitlines():
        assert one.strip().startswith(heads) or "#" in one, one


def test_constraints_are_drawn_only_from_enough_calls(tmp_path: Path) -> None:
    """Nine calls say little about the tenth."""
    few = [line(one, args={"ticket": "T-1"}) for one in range(9)]
    enough = [line(one, args={"ticket": "T-1"}) for one in range(10)]

    assert "where" not in yaml.safe_load(drafted(tmp_path, few)[0])["tools"][0]
    assert yaml.safe_load(drafted(tmp_path, enough)[0])["tools"][0]["where"] == {"ticket": {"equals": "T-1"}}


def test_arguments_are_constrained_by_what_they_had_in_common(tmp_path: Path) -> None:
    """Ranges with head-room, domains, folders, beginnings, lists, and what was not always there."""
    calls = [
        line(
            one,
            args={
                "amount": 10 + one,
                "to": [f"u{one}@example.com"],
                "path": f"/reports/2026/{one}.pdf",
                "ticket": f"T-{one}",
                "state": ["open", "shut"][one % 2],
                **({"note": "x" * one} if one % 3 else {}),
            },
        )
        for one in range(40)
    ]
    where = yaml.safe_load(drafted(tmp_path, calls)[0])["tools"][0]["where"]

    assert where["amount"] == {"max": 74, "min": 0}
    assert where["to"] == {"each": {"domain": ["example.com"]}}
    assert where["path"] == {"under": ["/reports/2026"]}
    assert where["ticket"] == {"pattern": "T-.*", "max_length": 6}
    assert where["state"] == {"in": ["open", "shut"]}
    assert where["note"]["optional"] is True


def test_no_secret_of_the_log_gets_into_the_draft(tmp_path: Path) -> None:
    """A definition is read by more people than a log."""
    secret = "sk-" + "a" * 30
    calls = [line(one, args={"ticket": secret}) for one in range(20)]

    assert secret not in drafted(tmp_path, calls)[0]


def test_what_a_log_says_cannot_break_out_of_the_draft(tmp_path: Path) -> None:
    """Names come from whoever wrote the log."""
    evil = "x: y\nmode: enforce # "
    calls = [line(one, args={evil: evil, "a\u2028b": 1}) for one in range(20)]
    calls += [line(one, session=evil, agent={"id": 'a"]}\u0085 b', "model": "m"}) for one in range(20, 30)]

    text, _ = drafted(tmp_path, calls)

    assert yaml.safe_load(text)["mode"] == "shadow"
    assert Word.DENY not in replayed(on_apps(text), calls)


def test_what_no_persona_can_permit_is_said(tmp_path: Path) -> None:
    """A user without the entitlement stays refused; the draft says so and does not pretend."""
    calls = [line(one, user="carol@example.com") for one in range(3)]

    _, besides = drafted(tmp_path, calls)

    assert "3 calls of tickets/get_ticket would still be denied" in besides
    assert "user.not-entitled" in besides


def test_several_personas_become_several_documents(tmp_path: Path) -> None:
    """One for each job in the log."""
    calls = [line(one, persona=f"job-{one % 2}") for one in range(10)]

    assert [one["metadata"]["name"] for one in yaml.safe_load_all(drafted(tmp_path, calls)[0])] == [
        "job-0",
        "job-1",
    ]


def test_resources_are_granted_without_the_tools_of_the_same_access(tmp_path: Path) -> None:
    """A grant by access would grant every tool that reads."""
    calls = [line(one, tool=f"file:///reports/{one}", args={}) for one in range(3)]
    text, _ = drafted(tmp_path, calls)

    assert replayed(on_apps(text), calls) == [Word.ALLOW] * 3
    assert replayed(on_apps(text), [line(60)]) == [Word.DENY]


def test_hours_need_days_and_a_night(tmp_path: Path) -> None:
    """Three mornings are a pattern, one is not."""
    mornings = [line(at=f"2026-03-{day:02}T{hour:02}:30:00Z") for day in (2, 3, 4) for hour in (8, 9, 10)]

    behaviour = yaml.safe_load(drafted(tmp_path, mornings)[0])["behaviour"]

    assert (behaviour["hours"]["from"], behaviour["hours"]["to"]) == ("07:00", "12:00")
    assert "hours" not in yaml.safe_load(drafted(tmp_path, mornings[:3])[0])["behaviour"]


def test_an_empty_log_is_nothing_to_draft_from(tmp_path: Path) -> None:
    """One line, and 2."""
    log = tmp_path / "calls.jsonl"
    log.write_bytes(b"")
    done = CliRunner().invoke(app, ["--calls", str(log)])

    assert isinstance(done.exception, Failure)
    assert "holds no call" in str(done.exception)
