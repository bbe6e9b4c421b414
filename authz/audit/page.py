"""The forensic page: one HTML file with its pictures inside, that loads nothing from anywhere."""

from collections import Counter
from collections.abc import Mapping
from html import escape

from authz.audit.summary import EFFECTS, SLOTS, Summary

_COLOURS = {"allowed": "#2e7d32", "denied": "#c62828", "shadowed": "#f9a825", "flagged": "#ef6c00"}
_WIDTH = 960
_HEIGHT = 220
_BAR = 18
ROWS = 15
"""Bars of one picture; the rest is summed up."""

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Agent Personas: forensic report</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2rem auto;padding:0 1rem;color:#222}
h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2.2rem;border-bottom:1px solid #ddd}
svg{width:100%;height:auto}text{font:12px system-ui,sans-serif;fill:#222}
.legend span{display:inline-block;margin-right:1.2rem}.legend i{display:inline-block;width:.8em;height:.8em}
ol{font:13px/1.6 ui-monospace,monospace;overflow-wrap:anywhere}.none{color:#777}
</style></head><body>
"""


def page(summary: Summary) -> str:
    """The whole page."""
    begin, end = (at.isoformat(sep=" ", timespec="seconds") for at in (summary.begin, summary.end))
    parts = [
        _HEAD,
        "<h1>What the agents did, and what they were refused</h1>",
        f"<p>{escape(begin)} to {escape(end)}: <strong>{summary.total}</strong> decisions.</p>",
        _legend(summary.effects),
        _section("Decisions over time", _over_time(summary)),
        _section("By persona", _stacked(summary.personas)),
        _section("By agent", _stacked(summary.agents)),
        _section("By reason", _bars(summary.reasons, "#5c6bc0")),
        _section("Top refused tools", _bars(summary.refused_tools, _COLOURS["denied"])),
        _section("Drift", _bars(summary.drift, _COLOURS["flagged"])),
        _section("How allowed calls ended", _bars(summary.outcomes, "#00838f")),
        _section("Latest refusals", _list(summary.latest)),
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>\n{content}</section>"


def _legend(effects: Counter[str]) -> str:
    shown = "".join(
        f'<span><i style="background:{_COLOURS[name]}"></i> {name}: {effects[name]}</span>'
        for name in EFFECTS
    )
    return f'<p class="legend">{shown}</p>'


def _nothing() -> str:
    return '<p class="none">Nothing.</p>'


def _over_time(summary: Summary) -> str:
    highest = max((sum(slot.values()) for slot in summary.slots), default=0)
    if not highest:
        return _nothing()
    wide = _WIDTH / SLOTS
    bars = []
    for index, slot in enumerate(summary.slots):
        top = float(_HEIGHT)
        for name in EFFECTS:
            tall = slot[name] / highest * (_HEIGHT - 20)
            if not tall:
                continue
            top -= tall
            at = (summary.begin + summary.slot * index).isoformat(sep=" ", timespec="minutes")
            bars.append(
                f'<rect x="{index * wide + 1:.1f}" y="{top:.1f}" width="{wide - 2:.1f}" height="{tall:.1f}"'
                f' fill="{_COLOURS[name]}"><title>{escape(at)}: {slot[name]} {name}</title></rect>'
            )
    axis = f'<line x1="0" y1="{_HEIGHT}" x2="{_WIDTH}" y2="{_HEIGHT}" stroke="#999"/>'
    scale = f'<text x="0" y="12">highest bar: {highest} in {summary.slot.total_seconds() / 60:.0f} min</text>'
    return _picture(_HEIGHT + 2, scale + axis + "".join(bars))


def _stacked(counts: Mapping[str, Counter[str]]) -> str:
    rows = sorted(counts.items(), key=lambda row: -sum(row[1].values()))[:ROWS]
    if not rows:
        return _nothing()
    most = sum(rows[0][1].values())
    drawn = []
    for index, (name, effects) in enumerate(rows):
        left = float(_LABEL)
        for effect in EFFECTS:
            wide = effects[effect] / most * _ROOM
            if wide:
                drawn.append(
                    f'<rect x="{left:.1f}" y="{index * (_BAR + 6)}" width="{wide:.1f}" height="{_BAR}"'
                    f' fill="{_COLOURS[effect]}"><title>{effects[effect]} {effect}</title></rect>'
                )
                left += wide
        drawn.append(_labels(index, name, sum(effects.values()), left))
    return _picture(len(rows) * (_BAR + 6), "".join(drawn)) + _more(len(counts))


def _bars(counts: Counter[str], colour: str) -> str:
    rows = counts.most_common(ROWS)
    if not rows:
        return _nothing()
    drawn = []
    for index, (name, count) in enumerate(rows):
        wide = count / rows[0][1] * _ROOM
        drawn.append(
            f'<rect x="{_LABEL}" y="{index * (_BAR + 6)}" width="{wide:.1f}" height="{_BAR}"'
            f' fill="{colour}"/>'
        )
        drawn.append(_labels(index, name, count, _LABEL + wide))
    return _picture(len(rows) * (_BAR + 6), "".join(drawn)) + _more(len(counts))


_LABEL = 380
_ROOM = _WIDTH - _LABEL - 70
_LONGEST = 52


def _labels(index: int, name: str, count: int, right: float) -> str:
    y = index * (_BAR + 6) + 13
    short = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
    return (
        f'<text x="{_LABEL - 8}" y="{y}" text-anchor="end">{escape(short)}</text>'
        f'<text x="{right + 6:.1f}" y="{y}">{count}</text>'
    )


def _picture(height: float, content: str) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img">{content}</svg>'


def _more(rows: int) -> str:
    return f'<p class="none">and {rows - ROWS} more</p>' if rows > ROWS else ""


def _list(sentences: list[str]) -> str:
    if not sentences:
        return _nothing()
    return "<ol>" + "".join(f"<li>{escape(one)}</li>" for one in reversed(sentences)) + "</ol>"
