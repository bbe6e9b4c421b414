"""A page in a real browser without a network, in a frame as wide as a screen."""

import re
import shutil
import subprocess
from html import escape
from pathlib import Path


def overflow(page: Path, width: int, folder: Path) -> int:
    """Pixels by which the page is wider than a screen of this width, as the browser itself measures it."""
    measure = (
        "const one = document.querySelector('iframe');"
        "one.onload = () => { const it = one.contentDocument.documentElement;"
        "document.title = 'wide ' + (it.scrollWidth - it.clientWidth) + ' of ' + it.clientWidth }"
    )
    frame = (
        f'<iframe style="width:{width}px;height:900px;border:0" srcdoc="{escape(page.read_text())}"></iframe>'
    )
    probe = folder / f"probe-{width}.html"
    probe.write_text(f"<!doctype html><title>none</title>{frame}<script>{measure}</script>")
    browser = shutil.which("chromium")
    assert browser is not None
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={folder / 'profile'}",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--virtual-time-budget=2000",
        "--dump-dom",
    ]
    done = subprocess.run(
        [browser, *options, probe.as_uri()], capture_output=True, check=True, text=True, timeout=60
    )
    found = re.search(r"<title>wide (-?\d+) of (\d+)</title>", done.stdout)
    assert found is not None, done.stdout[:500]
    assert width - 20 <= int(found[2]) <= width
    return int(found[1])
