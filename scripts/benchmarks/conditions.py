"""Which CEL library: time of one condition, and what each refuses at load or stops at run time.

Those that are installed are measured. Chosen was `cel-expr-python` (authz/compiler/cel.py).
"""

import importlib
import statistics
import time
from collections.abc import Callable

TEXT = "args.body.size() < 4000"
MISTYPED = "user.idd == 'x'"
RUNAWAY = "args.l.all(a, args.l.all(b, args.l.all(c, args.l.all(d, a + b + c + d >= 0))))"
ARGS = {"body": "x" * 200, "ticket": "T-1", "amount": 3}
LONG = {"args": {"l": list(range(20))}}
Run = Callable[[object], object]
ROUNDS, BATCH = 9, 2_000


def google() -> Callable[[str], Run]:
    """cel-expr-python: the C++ implementation."""
    cel = importlib.import_module("cel_expr_python.cel")
    kinds = {"args": cel.Type.Map(cel.Type.STRING, cel.Type.DYN), "user.id": cel.Type.STRING}
    environment = cel.NewEnv(variables=kinds)

    def compiled(text: str) -> Run:
        program = environment.compile(text)
        return lambda data: program.eval(data=data).value()

    return compiled


def rust() -> Callable[[str], Run]:
    """common-expression-language: the Rust implementation."""
    cel = importlib.import_module("cel")

    def compiled(text: str) -> Run:
        program = cel.compile(text)
        execute: Run = program.execute
        return execute

    return compiled


def python() -> Callable[[str], Run]:
    """cel-python: pure Python."""
    celpy = importlib.import_module("celpy")
    environment = celpy.Environment()

    def compiled(text: str) -> Run:
        program = environment.program(environment.compile(text))
        return lambda data: program.evaluate(celpy.json_to_cel(data))

    return compiled


LIBRARIES = {"cel-expr-python": google, "common-expression-language": rust, "cel-python": python}


def refused(act: Callable[[], object]) -> str:
    """Whether it raises, and how long it took."""
    began = time.perf_counter()
    try:
        act()
    except Exception:  # noqa: BLE001 - each library has errors of its own
        return f"refused, {(time.perf_counter() - began) * 1e3:.1f} ms"
    return f"accepted, {(time.perf_counter() - began) * 1e3:.1f} ms"


def main() -> None:
    """Print the table."""
    print(f"{'library':<30}{'us':>8}   mistyped name at load    runaway comprehension")
    for name, library in LIBRARIES.items():
        try:
            compiled = library()
        except ImportError:
            print(f"{name:<30}{'-':>8}   not installed")
            continue
        run = compiled(TEXT)
        times = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            for _ in range(BATCH):
                run({"args": ARGS})
            times.append((time.perf_counter() - began) / BATCH * 1e6)
        load = refused(lambda made=compiled: made(MISTYPED))  # type: ignore[misc]  # bound in the loop on purpose
        away = refused(lambda made=compiled: made(RUNAWAY)(LONG))  # type: ignore[misc]  # likewise
        print(f"{name:<30}{statistics.median(times):>8.1f}   {load:<24} {away}")


if __name__ == "__main__":
    main()
