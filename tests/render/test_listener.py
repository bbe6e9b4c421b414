"""Where agents connect."""

import pytest

from authz.render import Choices
from authz.render.listener import listener


def _manager(choices: Choices) -> dict[str, object]:
    made = listener([], choices, {"route_config": {}})
    found: dict[str, object] = made["filter_chains"][0]["filters"][0]["typed_config"]
    return found


def test_outcomes_and_spans_are_reported_as_chosen() -> None:
    """Both are off the path of a call."""
    assert "access_log" in _manager(Choices())
    assert "tracing" not in _manager(Choices())
    assert "access_log" not in _manager(Choices(access_log=""))
    assert "tracing" in _manager(Choices(otlp="127.0.0.1:4317"))


def test_a_path_has_one_spelling_and_an_address_is_not_forged() -> None:
    """What is judged is what the app gets."""
    manager = _manager(Choices())

    assert manager["path_with_escaped_slashes_action"] == "REJECT_REQUEST"
    assert manager["normalize_path"] is manager["merge_slashes"] is manager["use_remote_address"] is True


def test_an_address_that_is_none_is_an_error() -> None:
    """Said before Envoy starts."""
    with pytest.raises(ValueError, match="HOST:PORT"):
        listener([], Choices(listen="here"), {})
