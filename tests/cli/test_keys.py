"""`personas keys` as a person or a script uses it."""

import getpass
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from authz.cli.failure import Failure
from authz.cli.keys import app
from authz.identity.key import parse_key
from authz.identity.people import Source
from authz.identity.scim import ScimUser
from authz.stores.people import PeopleStore
from authz.stores.trail import read_records
from tests.server.world import DEFINITIONS

ISSUE = ("issue", "--agent", "summarizer", "--user", "alice@example.com", "--persona", "support")


def keys(state: Path, *arguments: str, status: int = 0) -> str:
    """What the command prints; its message where it must fail."""
    done = CliRunner().invoke(app, [*arguments, "--state", str(state)], env={"COLUMNS": "200"})
    if isinstance(done.exception, Failure):
        assert done.exception.code == status
        return str(done.exception)
    assert done.exit_code == status, done.output
    return done.stderr if status else done.stdout


def as_json(state: Path, *arguments: str) -> Any:  # noqa: ANN401 - whatever the command prints
    """The command's JSON."""
    return json.loads(keys(state, *arguments, "--json"))


def test_issue_prints_the_key_once_and_nothing_shows_it_again(tmp_path: Path) -> None:
    """The contract's three fields; afterwards the secret is nowhere."""
    issued = as_json(tmp_path, *ISSUE, "--ttl", "90d")

    assert list(issued) == ["id", "key", "expires"]
    assert parse_key(issued["key"]).id == issued["id"]
    secret = issued["key"][-49:]
    for shown in (
        keys(tmp_path, "list"),
        keys(tmp_path, "list", "--json"),
        keys(tmp_path, "show", issued["id"]),
        keys(tmp_path, "show", issued["id"], "--json"),
    ):
        assert secret not in shown
        assert issued["id"] in shown
    assert not any(secret.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_show_says_all_that_a_key_binds(tmp_path: Path) -> None:
    """An auditor reads it here."""
    issued = as_json(
        tmp_path,
        *ISSUE,
        *("--model", "claude-x", "--agent-version", "1.4", "--deployment", "prod-eu", "--env", "stage"),
        *("--network", "10.0.0.0/8", "--network", "2001:db8::/32"),
        *("--workload", "spiffe://example.org/ns/agents/sa/summarizer", "--by", "carol", "--ttl", "1h"),
    )
    shown = as_json(tmp_path, "show", issued["id"])

    assert issued["key"].startswith(f"aak_stage_{issued['id']}_")
    assert shown == {
        "id": issued["id"],
        "env": "stage",
        "agent": {"id": "summarizer", "model": "claude-x", "version": "1.4", "deployment": "prod-eu"},
        "user": "alice@example.com",
        "persona": "support",
        "expires": issued["expires"],
        "networks": ["10.0.0.0/8", "2001:db8::/32"],
        "workload": "spiffe://example.org/ns/agents/sa/summarizer",
        "issued_by": "carol",
        "issued_at": shown["issued_at"],
        "revoked_at": None,
        "previous_until": None,
        "state": "active",
        "last_used": None,
    }


def test_the_life_of_a_key(tmp_path: Path) -> None:
    """Every step of the contract, by the commands of the contract."""
    issued = as_json(tmp_path, *ISSUE)
    name = issued["id"]

    rotated = as_json(tmp_path, "rotate", name)
    assert rotated["id"] == name
    assert rotated["key"] != issued["key"]
    assert rotated["expires"] == issued["expires"]
    assert as_json(tmp_path, "suspend", name)["state"] == "suspended"
    assert as_json(tmp_path, "resume", name)["state"] == "active"
    assert as_json(tmp_path, "update", name, "--agent-version", "2.0")["agent"]["version"] == "2.0"
    assert keys(tmp_path, "revoke", name).split() == [name, "revoked"]
    assert [one["state"] for one in as_json(tmp_path, "list")] == ["revoked"]
    assert "revoked" in keys(tmp_path, "rotate", name, status=2)


def test_list_is_narrowed_by_agent_user_and_persona(tmp_path: Path) -> None:
    """An operator with many keys looks for those of one agent."""
    as_json(tmp_path, *ISSUE)
    other = as_json(tmp_path, "issue", "--agent", "other", "--user", "bob", "--persona", "p")

    assert [one["id"] for one in as_json(tmp_path, "list", "--agent", "other")] == [other["id"]]
    assert [one["id"] for one in as_json(tmp_path, "list", "--user", "bob")] == [other["id"]]
    assert as_json(tmp_path, "list", "--persona", "none") == []


def test_issue_for_people_shows_the_key_on_a_line_of_its_own(tmp_path: Path) -> None:
    """It is copied by hand: no table may break or colour it."""
    lines = keys(tmp_path, *ISSUE).splitlines()

    assert [line for line in lines if line.startswith("aak_")] == [line for line in lines if "aak_" in line]


def test_who_issued_is_the_user_of_the_shell_unless_said(tmp_path: Path) -> None:
    """The record must name someone."""
    issued = as_json(tmp_path, *ISSUE)

    assert as_json(tmp_path, "show", issued["id"])["issued_by"] == getpass.getuser()


@pytest.mark.parametrize(
    "arguments",
    [
        (*ISSUE, "--ttl", "0d"),
        (*ISSUE, "--ttl", "soon"),
        (*ISSUE, "--ttl", "999999999d"),
        (*ISSUE, "--network", "10.0.0.1/8"),
        (*ISSUE, "--network", "nowhere"),
        (*ISSUE, "--workload", "https://example.org"),
        (*ISSUE, "--env", "Prod"),
        (*ISSUE, "--agent-version", "a\nb"),
        ("show", "nobody"),
        ("revoke", "nobody"),
        ("update", "nobody"),
        ("issue", "--agent", "a"),
    ],
)
def test_bad_input_is_told_in_a_line_with_status_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Never a traceback; nothing is issued."""
    assert keys(tmp_path, *arguments, status=2)
    assert as_json(tmp_path, "list") == []


def test_the_command_itself_speaks_in_one_line() -> None:
    """A state folder must be named: no key ends up in a place that nobody chose."""
    done = subprocess.run(
        [sys.executable, "-m", "authz.cli.main", "keys", "list"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "--state" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_every_step_is_an_event_on_the_trail(tmp_path: Path) -> None:
    """Who gave an agent its key, and who took it, is asked first after an incident."""
    issued = as_json(tmp_path, *ISSUE)
    keys(tmp_path, "rotate", issued["id"], "--by", "bob")
    keys(tmp_path, "revoke", issued["id"], "--by", "carol")

    records = [record for record in read_records(tmp_path) if record["kind"] == "event"]
    events: list[Any] = [record["event"] for record in records]
    assert [(event["what"], event["by"]) for event in events] == [
        ("key.issued", getpass.getuser()),
        ("key.rotated", "bob"),
        ("key.revoked", "carol"),
    ]
    assert {record["key"] for record in records} == {issued["id"]}
    assert issued["key"][22:] not in json.dumps(records)


def test_a_settings_file_names_the_state_folder(tmp_path: Path) -> None:
    """One file for the service and for the people who run it."""
    config = tmp_path / "service.yaml"
    config.write_text(f"state: {tmp_path / 'state'}\nkeys: {{grace_seconds: 60}}\n")
    done = CliRunner().invoke(app, [*ISSUE, "--config", str(config), "--json"])

    assert [one["id"] for one in as_json(tmp_path / "state", "list")] == [json.loads(done.stdout)["id"]]


@pytest.mark.parametrize("text", ["nonsense: 1", "{}", "keys: {postgres: 'host=/nowhere'}\nstate: s"])
def test_settings_that_cannot_stand_are_told(tmp_path: Path, text: str) -> None:
    """Nothing is issued into a store that nobody meant."""
    config = tmp_path / "service.yaml"
    config.write_text(text)
    done = CliRunner().invoke(app, ["list", "--config", str(config)])

    assert isinstance(done.exception, Failure)


@pytest.mark.parametrize(
    ("option", "name"), [("--persona", "other"), ("--agent", "other"), ("--user", "other@example.com")]
)
def test_with_definitions_what_they_do_not_know_is_refused(tmp_path: Path, option: str, name: str) -> None:
    """A typing error is found when the key is made, not when the agent fails."""
    (tmp_path / "world.yaml").write_bytes(DEFINITIONS)
    known = {"--agent": "summarizer", "--user": "alice@example.com", "--persona": "reader"}
    state = tmp_path / "state"
    good = [part for pair in known.items() for part in pair]
    assert as_json(state, "issue", *good, "--defs", str(tmp_path))["id"]

    bad = [part for pair in {**known, option: name}.items() for part in pair]
    assert name in keys(state, "issue", *bad, "--defs", str(tmp_path), status=2)
    assert len(as_json(state, "list")) == 1


def test_definitions_that_do_not_compile_issue_nothing(tmp_path: Path) -> None:
    """What they would say is not known."""
    (tmp_path / "world.yaml").write_text("apiVersion: personas/v1\nkind: Nonsense\n")

    assert "compile" in keys(tmp_path / "state", *ISSUE, "--defs", str(tmp_path), status=2)


def test_with_definitions_a_person_whom_scim_provisioned_is_known(tmp_path: Path) -> None:
    """Where people are kept elsewhere, the Directory documents need not name them."""
    (tmp_path / "world.yaml").write_bytes(DEFINITIONS)
    store = PeopleStore(tmp_path / "state" / "people.sqlite")
    store.declare([Source(name="okta", issuer="https://o", groups=frozenset())])
    store.put_user("okta", ScimUser(id="1", user_name="carol@example.com"))
    store.close()
    who = ["--agent", "summarizer", "--user", "carol@example.com", "--persona", "reader"]

    assert as_json(tmp_path / "state", "issue", *who, "--defs", str(tmp_path))["id"]
