"""Pictures and tables as HTML in one file that loads nothing from anywhere and can be read on a telephone."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from authz.compiler.problem import printable

COLOURS: Mapping[str, str] = {
    "allowed": "#2e7d32",
    "flagged": "#ef6c00",
    "denied": "#c62828",
    "undecided": "#546e7a",
    "shadowed": "#f9a825",
}
MOST_ROWS = 30

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy"
content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<style>
*{{box-sizing:border-box}}
body{{font:16px/1.5 system-ui,sans-serif;max-width:1100px;margin:0 auto;padding:1rem;color:#1c1c1c;
background:#fff;overflow-wrap:anywhere}}
h1{{font-size:1.5rem;line-height:1.25}}h2{{font-size:1.15rem;margin-top:2.2rem;border-bottom:1px solid #ccc}}
.legend{{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;padding:0}}
.legend b{{font-size:1.3rem}}.legend i{{display:inline-block;width:.8em;height:.8em;margin-right:.3em}}
.row{{display:grid;grid-template-columns:minmax(8rem,22rem) 1fr 4.5rem;gap:.6rem;align-items:center;
padding:.15rem 0}}
.bar{{display:flex;height:1.1rem;background:#f2f2f2}}.bar span{{display:block;min-width:2px}}
.num{{text-align:right;font-variant-numeric:tabular-nums}}
.time{{display:flex;align-items:flex-end;height:10rem;border-bottom:1px solid #777;gap:1px}}
.time div{{flex:1 1 0;display:flex;flex-direction:column-reverse;height:100%;min-width:0}}
.time span{{display:block}}.ends{{display:flex;justify-content:space-between;font-size:.85rem;color:#444}}
.calls{{list-style:none;padding:0}}.calls li{{border-left:4px solid #999;padding:.3rem .7rem;margin:.6rem 0;
background:#fafafa}}
.calls small,.none{{color:#555}}code{{font:.9em ui-monospace,monospace}}
@media (max-width:600px){{.row{{grid-template-columns:1fr 3.5rem}}.row .name{{grid-column:1/-1;
margin-bottom:-.4rem}}}}
</style></head><body>
"""


def whole(title: str, parts: Iterable[str]) -> str:
    """The document."""
    return _HEAD.format(title=said(title)) + "\n".join(parts) + "\n</body></html>\n"


def said(text: object) -> str:
    """Text that a browser shows and does not obey."""
    return escape(printable(str(text)))


def section(title: str, content: str) -> str:
    """A part with its heading."""
    return f"<section><h2>{said(title)}</h2>\n{content or nothing()}</section>"


def nothing() -> str:
    """Where there is nothing to show."""
    return '<p class="none">Nothing.</p>'


def legend(counts: Mapping[str, int]) -> str:
    """What the colours mean, with the totals."""
    shown = "".join(
        f'<span><i style="background:{COLOURS[name]}"></i>{name} <b>{count}</b></span>'
        for name, count in counts.items()
    )
    return f'<p class="legend">{shown}</p>'


def stacked(rows: Sequence[tuple[str, Counter[str]]], ends: Sequence[str]) -> str:
    """One bar a row, in parts."""
    most = max((counts.total() for _, counts in rows), default=0)
    if not most:
        return ""
    drawn = []
    for name, counts in rows[:MOST_ROWS]:
        parts = "".join(
            f'<span style="width:{100 * counts[end] / most:.2f}%;background:{COLOURS[end]}"'
            f' title="{counts[end]} {end}"></span>'
            for end in ends
            if counts[end]
        )
        drawn.append(_row(name, parts, counts.total()))
    return "".join(drawn) + more(len(rows) - MOST_ROWS)


def bars(counts: Counter[str], colour: str) -> str:
    """One bar a row, the largest first."""
    rows = counts.most_common(MOST_ROWS)
    if not rows:
        return ""
    most = rows[0][1]
    drawn = [
        _row(name, f'<span style="width:{100 * count / most:.2f}%;background:{colour}"></span>', count)
        for name, count in rows
    ]
    return "".join(drawn) + more(len(counts) - MOST_ROWS)


def _row(name: str, parts: str, count: int) -> str:
    return (
        f'<div class="row"><span class="name">{said(name)}</span><span class="bar">{parts}</span>'
        f'<span class="num">{count}</span></div>'
    )


def more(count: int) -> str:
    """How many rows were left out."""
    return f'<p class="none">and {count} more</p>' if count > 0 else ""


def over_time(rows: Sequence[tuple[str, Counter[str]]], ends: Sequence[str], width: str) -> str:
    """Columns from the first to the last instant."""
    most = max((counts.total() for _, counts in rows), default=0)
    if not most:
        return ""
    drawn = []
    for at, counts in rows:
        parts = "".join(
            f'<span style="height:{100 * counts[end] / most:.2f}%;background:{COLOURS[end]}"></span>'
            for end in ends
            if counts[end]
        )
        told = ", ".join(f"{counts[end]} {end}" for end in ends if counts[end]) or "none"
        drawn.append(f'<div title="{said(at)}: {told}">{parts}</div>')
    return (
        f'<div class="time">{"".join(drawn)}</div>'
        f'<div class="ends"><span>{said(rows[0][0])}</span><span>{said(rows[-1][0])}</span></div>'
        f'<p class="none">Each column is {said(width)}; the tallest has {most} calls.</p>'
    )


def listed(items: Iterable[tuple[str, str, str]]) -> str:
    """Entries with a heading, a text and a colour."""
    drawn = "".join(
        f'<li style="border-color:{colour}">{head}<br><small>{text}</small></li>'
        for head, text, colour in items
    )
    return f'<ul class="calls">{drawn}</ul>' if drawn else ""
