"""What verified claims mean under a binding: nothing that is not mapped is believed."""

from collections.abc import Mapping
from typing import Any

from authz.core.binding import Pick, Requirement

_LONGEST = 255


def values(claims: Mapping[str, Any], path: tuple[str, ...], *, separated: bool = False) -> tuple[str, ...]:
    """The texts that stand at the path; a number is no text, and neither is what is absent."""
    found: Any = claims
    for step in path:
        if not isinstance(found, dict) or step not in found:
            return ()
        found = found[step]
    if isinstance(found, str):
        return tuple(found.split()) if separated else (found,)
    if isinstance(found, list) and all(isinstance(one, str) for one in found):
        return tuple(found)
    return ()


def holds(claims: Mapping[str, Any], requirement: Requirement) -> bool:
    """Whether one of the wanted values is there."""
    found = values(claims, requirement.claim, separated=requirement.separated)
    return not requirement.one_of.isdisjoint(found)


def overage(claims: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    """Whether the issuer left the claim out for its length and only says where it is (Entra ID's groups)."""
    names = claims.get("_claim_names")
    return isinstance(names, dict) and bool(path) and path[0] in names and path[0] not in claims


def picked(claims: Mapping[str, Any], pick: Pick | None) -> frozenset[str]:
    """All values that the pick gives; one is wanted, none and several are for the caller to refuse."""
    if pick is None:
        return frozenset()
    if pick.value is not None:
        return frozenset({pick.value})
    found = values(claims, pick.claim, separated=pick.separated)
    if pick.table is not None:
        return frozenset(pick.table[one] for one in found if one in pick.table)
    return frozenset(one for one in found if one.isprintable() and 0 < len(one) <= _LONGEST)
