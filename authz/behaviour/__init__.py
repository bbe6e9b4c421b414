"""Behaviour over time: what a caller did, folded into the figures that the persona's rules are judged by.

Pure but for the states it is handed: no I/O, no clock, no randomness. Where states live, the stores know.
"""

from authz.behaviour.effects import Ask, Suspend, effects_of, may_ask
from authz.behaviour.ledger import (
    NOTHING,
    Ledger,
    Ledgers,
    Told,
    Waiting,
    counts,
    end,
    fold,
    load,
    merge,
    observe,
    save,
    waits,
)
from authz.behaviour.plan import Group, Plan, ScopeKey
from authz.behaviour.values import Digest, micros
from authz.behaviour.watcher import Saved
from authz.core.decide import Judgement
from authz.core.persona import Mode, Persona
from authz.core.reason import WAIVED_BY_SHADOW

__all__ = [
    "NOTHING",
    "Ask",
    "Digest",
    "Group",
    "Ledger",
    "Ledgers",
    "Plan",
    "Saved",
    "ScopeKey",
    "Suspend",
    "Told",
    "Waiting",
    "counts",
    "effects_of",
    "end",
    "fold",
    "lets_pass",
    "load",
    "may_ask",
    "merge",
    "micros",
    "observe",
    "save",
    "waits",
]


def lets_pass(judgement: Judgement, persona: Persona) -> bool:
    """Whether the first three layers let a call through: they pass, or shadow waives all they object to.

    This is the `passes` of `observe`: a shadowed call is let through and so consumes.
    """
    if judgement.passes:
        return True
    return persona.mode is Mode.SHADOW and all(one.reason in WAIVED_BY_SHADOW for one in judgement.objections)
