"""Settings of the exporter: what the documentation shows is what the exporter takes."""

import json
import re
from pathlib import Path

import orjson
import pytest
import yaml
from pydantic import ValidationError

from authz.export import sentinel
from authz.export.build import ExportError, build_sinks
from authz.export.settings import ExportSettings
from authz.export.sink import Item
from tests.audit.samples import DENY, record

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLES = [
    block
    for path in (DOCS / "observability/README.md", DOCS / "siem/README.md")
    for block in re.findall(r"```yaml\n(.*?)```", path.read_text(), re.DOTALL)
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_documentation_are_valid(example: str, tmp_path: Path) -> None:
    """People copy them."""
    (tmp_path / "secret").write_text("s")
    text = re.sub(r"/run/secrets/\w+(?=})", f"{tmp_path}/secret", example)
    text = text.replace(", ca: /etc/ssl/siem.pem", "")

    settings = ExportSettings.model_validate(yaml.safe_load(text)["export"])
    sinks = build_sinks(settings)

    assert {one.type for one in settings.sinks} >= {sink.name for sink in sinks} - {"jaeger", "datadog-agent"}
    for sink in sinks:
        sink.close()


def test_every_kind_of_sink_is_in_the_documentation() -> None:
    """What nobody can find nobody uses."""
    schema = json.dumps(ExportSettings.model_json_schema())
    kinds = set(re.findall(r'"const": "([a-z-]+)"', schema))

    assert len(kinds) == 11
    assert all(any(f"type: {kind}" in example for example in EXAMPLES) for kind in kinds)


@pytest.mark.parametrize("name", ["table.json", "dcr.json"])
def test_the_columns_of_sentinel_are_those_of_the_rows(name: str) -> None:
    """A column that the rule does not know is dropped without a word."""
    template = (DOCS / "siem/sentinel" / name).read_text()
    columns = re.findall(r'"name": "(\w+)",\s+"type": "(?:string|datetime|dynamic|long)"', template)
    row = orjson.loads(orjson.dumps(sentinel.row_of(Item(b"{}", record(1, DENY)))))

    assert columns == list(row)


def test_a_name_is_a_file_name() -> None:
    """Places are kept under it."""
    with pytest.raises(ValidationError):
        ExportSettings.model_validate({"sinks": [{"type": "file", "path": "/x", "name": "../x"}]})


def test_two_sinks_of_one_name_are_refused() -> None:
    """They would share one place, and each would miss what the other got."""
    one = {"type": "file", "path": "/x"}
    with pytest.raises(ExportError, match="named `file`"):
        build_sinks(ExportSettings.model_validate({"sinks": [one, one]}))


def test_a_secret_is_not_shown() -> None:
    """Settings are logged and dumped."""
    sink = {"type": "splunk", "url": "http://x", "token": "PLANTED"}

    assert "PLANTED" not in repr(ExportSettings.model_validate({"sinks": [sink]}))
