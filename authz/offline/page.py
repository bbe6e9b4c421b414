"""The report of a replay: one HTML file that shows what these definitions would have done."""

from authz.core.reason import Layer
from authz.offline.drawing import (
    COLOURS,
    bars,
    legend,
    listed,
    more,
    over_time,
    said,
    section,
    stacked,
    whole,
)
from authz.offline.reading import Reading
from authz.offline.tally import DENIED, ENDS, FLAGGED, UNDECIDED, Example, Finding, Key, Tally, by_size

MOST_SHOWN = 60
_ORDER = (DENIED, UNDECIDED, FLAGGED)


def page(tally: Tally, log: str, definitions: str, reading: Reading) -> str:
    """The whole page."""
    rows = [(at.isoformat(sep=" ", timespec="seconds"), counts) for at, counts in tally.timeline.rows()]
    layers = tally.by_layer
    for layer in Layer:
        layers.setdefault(layer.value, 0)
    return whole(
        "Agent Personas: replay",
        [
            "<h1>What these definitions would have done</h1>",
            _about(tally, log, definitions) + f"{_besides(tally, reading)}</p>",
            legend({end: tally.ends[end] for end in ENDS}),
            section("Over time", over_time(rows, ENDS, f"{tally.timeline.width}")),
            section("By agent", stacked(by_size(tally.by_agent), ENDS)),
            section("By persona", stacked(by_size(tally.by_persona), ENDS)),
            section("Denied, by layer", bars(layers, COLOURS[DENIED]) if tally.by_layer.total() else ""),
            section("Denied, by reason", bars(tally.by_reason, COLOURS[DENIED])),
            section("Denied tools", bars(tally.denied_tools, COLOURS[DENIED])),
            section("The first call of each reason", _firsts(tally)),
            section("Undecided: what the log does not say", bars(tally.lacking, COLOURS[UNDECIDED])),
            section("Flagged, by reason", bars(tally.flagged_for, COLOURS[FLAGGED])),
            section("Calls a person should look at", _findings(tally)),
        ],
    )


def _about(tally: Tally, log: str, definitions: str) -> str:
    return (
        f"<p>Log <code>{said(log)}</code> under <code>{said(definitions)}</code>:"
        f" <strong>{tally.calls}</strong> calls."
    )


def _besides(tally: Tally, reading: Reading) -> str:
    told = ""
    if reading.bad.count:
        told += f" {reading.bad.count} lines could not be read: {said(reading.bad.numbers())}."
    if reading.others:
        told += f" {reading.others} lines tell of no call."
    if tally.assumed:
        told += f" For {tally.assumed} calls the log names no agent or no user; who may was assumed."
    if tally.shadowed:
        told += f" Of the denied, {tally.shadowed} are let through: their persona is in shadow."
    return told


def _firsts(tally: Tally) -> str:
    return listed(
        (
            f"<strong>{said(code)}</strong> {_head(tally.first[code])}",
            _text(tally.first[code]),
            COLOURS[DENIED],
        )
        for code, _ in tally.by_reason.most_common()
    )


def _findings(tally: Tally) -> str:
    """What happened least often first within each end: it is what nobody has thought of."""
    found = sorted(tally.findings.items(), key=_weight)
    shown = listed(
        (
            f"<strong>{said(code)}</strong> {_head(one.first)}, {one.calls} call{'s' * (one.calls != 1)}",
            _text(one.first),
            COLOURS[end],
        )
        for (_, _, code, end), one in found[:MOST_SHOWN]
    )
    return shown + more(len(found) - MOST_SHOWN)


def _weight(item: tuple[Key, Finding]) -> tuple[int, int, Key]:
    key, one = item
    return _ORDER.index(key[3]), one.calls, key


def _head(one: Example) -> str:
    return f"<code>{said(one.called)}</code>"


def _text(one: Example) -> str:
    at = one.at.isoformat(sep=" ", timespec="seconds") if one.at is not None else "no instant"
    where = f" ({said(one.place)})" if one.place else ""
    return (
        f"call {one.index} at {said(at)}: agent {said(one.agent)}, on behalf of {said(one.user)},"
        f" under {said(one.persona)}: {said(one.detail)}{where}"
    )
