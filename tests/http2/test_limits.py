"""Budgets count in time that they are told."""

import pytest

from authz.http2 import Floods, Limits, Rate
from authz.http2.codes import ConnectionFault
from authz.http2.limits import Budget, Budgets


def spend(budget: Budget, times: int, now: float) -> int:
    """How many of `times` were granted."""
    for done in range(times):
        try:
            budget.spend(now)
        except ConnectionFault:
            return done
    return times


def test_a_burst_is_granted_once_and_then_the_rate() -> None:
    """What a peer does at once is bounded, and what it does for ever."""
    budget = Budget("things", Rate(per_second=10, burst=5), 0.0)

    assert [spend(budget, 9, now) for now in (0.0, 0.1, 0.1, 100.0)] == [5, 0, 0, 5]


def test_a_steady_rate_is_never_refused() -> None:
    """A peer that keeps to the rate is served for ever."""
    budget = Budget("things", Rate(per_second=4, burst=1), 0.0)

    assert all(spend(budget, 1, at / 4) == 1 for at in range(100))


def test_every_kind_of_flood_has_a_budget() -> None:
    """A field of `Floods` that nobody counts would be a promise without a guard."""
    budgets = Budgets(Floods(), 0.0)

    assert all(isinstance(getattr(budgets, name), Budget) for name in Floods.__dataclass_fields__)


def test_the_burst_of_resets_covers_all_calls_of_a_full_connection() -> None:
    """An authorizer that was slow once sees every call cancelled at the same instant; that is no attack."""
    limits = Limits()

    assert limits.floods.resets.burst >= 2 * limits.concurrent_streams


@pytest.mark.parametrize("name", ["stream_window", "connection_window"])
@pytest.mark.parametrize("window", [0, 65_534, 2**31])
def test_windows_are_at_least_what_http2_starts_with(name: str, window: int) -> None:
    """A peer may use the default window before it knows ours, and no window is larger than 31 bits."""
    with pytest.raises(ValueError, match="window"):
        Limits(**{name: window})  # type: ignore[arg-type]  # the names are of integers
