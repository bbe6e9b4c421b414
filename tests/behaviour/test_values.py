"""What rules look at in a call: total over whatever JSON can say."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.behaviour.values import INFINITE, Digest, argument, billionths, canonical, micros
from authz.core.call import Call, Json
from tests.behaviour.builders import START

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_any_value_has_a_digest_and_an_amount(value: Json) -> None:
    """Lone surrogates, huge integers and depth included: nothing an agent sends may raise."""
    digest = Digest(b"k")

    assert 0 <= digest.value(value) < 1 << 52
    assert billionths(value) >= 0
    assert canonical(value) == canonical(value)


def test_digests_depend_on_the_key_and_tell_apps_apart() -> None:
    """Nobody without the key can make two values meet; `a` in one app is not `a` in another."""
    one, other = Digest(b"k" * 32), Digest(b"j" * 32)

    assert one.value("a") != other.value("a")
    assert one.within("crm", "a") != one.within("billing", "a")
    assert one.within("crm", "a") == Digest(b"k" * 32).within("crm", "a")


@pytest.mark.parametrize(("value", "amount"), [(1.5, 1.5e9), (-2, 2e9), (0, 0), (1e-10, 1), (0.1, 1e8)])
def test_amounts_are_whole_billionths_of_their_absolute_value(value: float, amount: float) -> None:
    """What is too small for a billionth still counts for one."""
    assert billionths(value) == amount


@pytest.mark.parametrize("value", [None, True, "5", [], {}, 10**400, float("inf"), float("nan")])
def test_what_is_no_finite_number_is_infinite(value: Json) -> None:
    """No maximum admits it."""
    assert billionths(value) == INFINITE


def test_instants_are_exact_to_the_microsecond() -> None:
    """A window ends at the very instant it should."""
    found = {micros(START.replace(microsecond=n)) for n in range(0, 1_000_000, 997)}

    assert sorted(one % 1_000_000 for one in found) == list(range(0, 1_000_000, 997))


def test_an_argument_is_found_by_its_path(call: Callable[..., Call]) -> None:
    """`target`, `tool`, `args.x` and deeper; what is not there is nothing."""
    one = call(0, target="T-1", args={"to": {"address": "a@example.com"}, "n": 3})
    paths = ["target", "tool", "args.n", "args.to.address", "args.to.name", "args.n.deeper", "args.x"]

    assert [argument(path)(one) for path in paths] == [
        "T-1",
        "files/read",
        3,
        "a@example.com",
        None,
        None,
        None,
    ]
