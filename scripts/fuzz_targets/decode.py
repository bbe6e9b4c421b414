"""Fuzzes every decoder: whatever the bytes, a request is decoded or refused, and nothing else happens.

    python scripts/fuzz_targets/decode.py [--seconds N] [--seed N] [--engine atheris|random]

With atheris the search follows the coverage; without it, the wire cases are mutated at random. What is
decoded must be read again in the same way, and a refusal must have an answer.
"""

import argparse
import importlib
import importlib.util
import random
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from authz.core.decision import Deny
from authz.core.request import Request
from authz.decode import Decoders, Unreadable
from authz.decode.answers import refusal_answer
from tests.wire.case import Case, all_cases, definitions

DECODERS = Decoders.of(definitions())
CASES = all_cases()
APPS = ("crm", "billing", "shipping", "virtual", "nowhere")
PIECES = (
    b'"name"', b'"Name"', b"\\u0022", b"\\u0000", b"{", b"}", b"[", b"]", b'"', b":", b",", b"\xff",
    b"\xc0\xaf",
    b"\xef\xbb\xbf", b"1e999", b"NaN", b"9007199254740993", b"null", b"%2f", b"..", b";", b"\x00", b"__",
    b"\x01\x00\x00\x00\x00", b'"_meta"', b'"arguments"', b"\xc5\xbf", b"\xe2\x84\xaa",
)  # fmt: skip


def once(app: str, case: Case, body: bytes, path: str) -> None:
    """Decode one request, and hold the result to its promise.

    Raises:
        AssertionError: When it is broken.
    """
    context = {"endpoint": "virtual"} if app == "virtual" else {"app": app}
    headers: dict[str, str] = {}
    for name, value in case.headers:
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    request = Request(
        method=case.method, path=path, headers=headers, body=body, size=len(body), context=context
    )
    found = DECODERS.decode(request, DECODERS.route(request))
    if isinstance(found, Unreadable):
        answer = refusal_answer(found.exchange, Deny((found.refusal.objection,)), "d")
        if answer.status < 400:  # noqa: PLR2004 - HTTP's own border
            raise AssertionError(f"a refusal of {found.refusal.objection.reason} with status {answer.status}")
        return
    if DECODERS.decode(request, DECODERS.route(request)) != found:
        raise AssertionError(f"one request, read in two ways: {found}")
    if found.rewrite is not None and found.rewrite.app != found.action.app:
        raise AssertionError("written for another app than the one judged")


def from_bytes(data: bytes) -> None:
    """What atheris gives: the first bytes choose a case and an app, the rest is the body, or the path."""
    if len(data) < 3:  # noqa: PLR2004 - what chooses
        return
    case = CASES[data[0] % len(CASES)]
    app = APPS[data[1] % len(APPS)]
    if data[2] % 4 == 0:
        once(app, case, case.content, data[3:].decode("latin-1"))
    else:
        once(app, case, data[3:], case.path)


def mutated(draw: random.Random, data: bytes) -> bytes:
    """`data` with a few changes."""
    changed = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        at = draw.randint(0, len(changed))
        match draw.randint(0, 4):
            case 0:
                changed[at:at] = draw.choice(PIECES)
            case 1:
                del changed[at : at + draw.randint(1, 8)]
            case 2:
                changed[at : at + 1] = bytes([draw.randint(0, 255)])
            case 3:
                changed[at : at + 4] = draw.choice(PIECES)
            case _:
                piece = changed[at : at + draw.randint(1, 40)]
                changed[at:at] = piece
    return bytes(changed)


def at_random(seconds: float, seed: int) -> int:
    """Mutate wire cases until the time is up; how many were tried."""
    ends = time.monotonic() + seconds
    tried = 0
    while time.monotonic() < ends:
        draw = random.Random(seed + tried)  # noqa: S311 - to be repeated
        case = draw.choice(CASES)
        body, path = case.content, case.path
        if draw.random() < 0.3:  # noqa: PLR2004 - bodies have more to get wrong
            path = mutated(draw, path.encode()).decode("latin-1")
        else:
            body = mutated(draw, body)
        app = draw.choice([case.to if case.to in APPS else "nowhere", draw.choice(APPS)])
        try:
            once(app, case, body, path)
        except BaseException:
            print(
                f"seed {seed + tried}: case {case.name}, app {app}, path {path!r}, body {body!r}",
                file=sys.stderr,
            )
            raise
        tried += 1
    return tried


def with_atheris(seconds: int, seed: int) -> None:
    """Until the time is up; atheris ends the process by itself."""
    atheris: Any = importlib.import_module("atheris")
    atheris.instrument_all()
    atheris.Setup(
        [sys.argv[0], f"-max_total_time={seconds}", f"-seed={seed or 1}", "-max_len=2048"], from_bytes
    )
    atheris.Fuzz()


def main() -> None:
    """Fuzz."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    installed = importlib.util.find_spec("atheris") is not None
    parser.add_argument(
        "--engine", choices=["atheris", "random"], default="atheris" if installed else "random"
    )
    options = parser.parse_args()
    if options.engine == "atheris":
        with_atheris(options.seconds, options.seed)
    else:
        print(f"decode: {at_random(options.seconds, options.seed)} requests, all decoded or refused")


if __name__ == "__main__":
    main()
