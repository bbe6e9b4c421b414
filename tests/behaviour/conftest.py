"""The builders as fixtures."""

from collections.abc import Callable

import pytest

from authz.core.call import Call
from authz.core.persona import Persona
from authz.core.rule import Rule
from tests.behaviour.builders import build_call, build_persona, build_rule


@pytest.fixture
def call() -> Callable[..., Call]:
    """Makes a call."""
    return build_call


@pytest.fixture
def rule() -> Callable[..., Rule]:
    """Makes a rule."""
    return build_rule


@pytest.fixture
def persona() -> Callable[..., Persona]:
    """Makes a persona of rules."""
    return build_persona
