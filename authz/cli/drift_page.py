"""The drift report as one HTML page: no script, nothing loaded; whatever agents said is escaped."""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from authz.behaviour.report import BUCKETS, Drift, Told

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
body { color: #1b1f24; background: #fff }
h2 { margin: 2.5rem 0 .2rem } p { margin: .2rem 0 .8rem } .dim { color: #667 }
table { border-collapse: collapse; width: 100%; font-size: 13px }
td, th { text-align: left; padding: .25rem .6rem } th { color: #667; font-weight: 500 }
tr.drifts td { background: #fde8e6 } svg { width: 100%; height: 90px }
@media (prefers-color-scheme: dark) {
  body { background: #14171a; color: #e6e8ea } tr.drifts td { background: #4a1f1c }
}
"""
HEIGHT = 80
WIDTH = 10


def page(drifts: Sequence[Drift], start: datetime, end: datetime) -> str:
    """The whole page."""
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Drift</title>",
        f"<style>{STYLE}</style><h1>Drift</h1>",
        f"<p class='dim'>{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC</p>",
    ]
    if not drifts:
        parts.append("<p>Nothing left its baseline.</p>")
    parts += [_section(one, start, end) for one in drifts]
    return "".join(parts) + "</html>\n"


def _section(one: Drift, start: datetime, end: datetime) -> str:
    rules = ", ".join(f"{escape(name)} x {count}" for name, count in one.rules.most_common())
    began = f"{one.began:%Y-%m-%d %H:%M:%S}" if one.began else ""
    return (
        f"<h2>{escape(one.agent)} under {escape(one.persona)}</h2>"
        f"<p>{one.drifted} of {one.calls} calls drifted since {began}; "
        f"{one.since} calls would not have been made had it been stopped there. {rules or _codes(one)}</p>"
        f"{timeline(one, start, end)}"
        "<table><tr><th>when<th>call<th>target<th>effect<th>why</tr>"
        f"{''.join(_row(told) for told in one.around)}</table>"
    )


def timeline(one: Drift, start: datetime, end: datetime) -> str:
    """Calls over time as bars, those that drifted in red."""
    top = max(one.all_in) or 1
    bars = []
    for place, (count, drifted) in enumerate(zip(one.all_in, one.drifted_in, strict=True)):
        for number, colour in ((count, "#9db4cc"), (drifted, "#c8372d")):
            height = round(number / top * HEIGHT, 1)
            if height:
                bars.append(
                    f"<rect x='{place * WIDTH}' y='{HEIGHT - height}' width='{WIDTH - 2}' height='{height}'"
                    f" fill='{colour}'/>"
                )
    label = escape(f"calls from {start:%d %b %H:%M} to {end:%d %b %H:%M}, at most {top} in one bar")
    return (
        f"<svg viewBox='0 0 {BUCKETS * WIDTH} {HEIGHT}' preserveAspectRatio='none' role='img'>"
        f"<title>{label}</title>{''.join(bars)}</svg><p class='dim'>{label}</p>"
    )


def _codes(one: Drift) -> str:
    return ", ".join(f"{escape(code)} x {count}" for code, count in one.reasons.most_common())


def _row(told: Told) -> str:
    kind = " class='drifts'" if told.drifts else ""
    why = "; ".join(told.rules or told.reasons)
    return (
        f"<tr{kind}><td>{told.at:%m-%d %H:%M:%S}<td>{escape(told.call)}<td>{escape(told.target or '')}"
        f"<td>{escape(told.effect)}<td>{escape(why)}</tr>"
    )
