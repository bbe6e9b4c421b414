"""`personas people`: a person's word against a transmitter's."""

import json
from pathlib import Path

from typer.testing import CliRunner

from authz.cli.failure import Failure
from authz.cli.people import app
from authz.stores.people import PEOPLE, PeopleStore
from authz.stores.trail import read_records
from tests.server.test_who import DISABLE


def test_whom_a_signal_disabled_a_person_enables_on_the_record(tmp_path: Path) -> None:
    """A transmitter that is wrong, or gone, does not have the last word."""
    store = PeopleStore(tmp_path / PEOPLE)
    store.take("https://s", "s1", (DISABLE,), DISABLE.at)
    store.close()
    runner, state = CliRunner(), ["--state", str(tmp_path)]

    assert json.loads(runner.invoke(app, ["disabled", "--json", *state]).stdout) == [DISABLE.subject]
    assert "enabled again" in runner.invoke(app, ["lift", DISABLE.subject, "--by", "carol", *state]).stdout
    assert runner.invoke(app, ["disabled", *state]).stdout.strip() == "nobody"
    assert isinstance(runner.invoke(app, ["lift", DISABLE.subject, *state]).exception, Failure)
    events = [record["event"] for record in read_records(tmp_path)]
    assert [event["what"] for event in events if isinstance(event, dict)] == ["signal.lifted"]
    assert "carol" in json.dumps(events)
