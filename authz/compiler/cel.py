"""CEL, the one place that knows the library behind it.

Chosen by measurement (`scripts/benchmarks/conditions.py`): of three libraries `cel-expr-python` is the
fastest, and the only one that checks types at load and stops a runaway comprehension.
"""

import functools
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import TypeAlias

from cel_expr_python import cel  # type: ignore[import-untyped]  # no `py.typed` is published

from authz.core.call import Call
from authz.core.user import User

MAX_EXPRESSION = 4096
"""Characters of an expression."""
MAX_WORK = 4_000_000
"""Characters of arguments times steps of comprehensions; over it the call is denied.

The library stops after 10,000 steps, but each step may search a whole text.
"""
MAX_STEPS = 10_000
MAX_DEPTH = 64
"""Levels of arguments; the library follows them on the stack of the machine."""

_Reader: TypeAlias = Callable[[Call, User | None], object]


def _text(value: str | None) -> str | None:
    return None if value is None else str(value)


def _arguments(call: Call, _: User | None) -> object:
    args = call.action.args
    return args if isinstance(args, dict) else dict(args)


def _access(call: Call, _: User | None) -> object:
    tool = call.action.tool
    return None if tool is None else tool.access.value


VARIABLES: Mapping[str, tuple[cel.Type, _Reader]] = {
    "args": (cel.Type.Map(cel.Type.STRING, cel.Type.DYN), _arguments),
    "user.id": (cel.Type.STRING, lambda _, user: None if user is None else user.id),
    "user.groups": (
        cel.Type.List(cel.Type.STRING),
        lambda _, user: None if user is None else sorted(user.groups),
    ),
    "agent.id": (cel.Type.STRING, lambda call, _: call.caller.agent.id),
    "agent.model": (cel.Type.STRING, lambda call, _: _text(call.caller.agent.model)),
    "agent.version": (cel.Type.STRING, lambda call, _: _text(call.caller.agent.version)),
    "agent.deployment": (cel.Type.STRING, lambda call, _: _text(call.caller.agent.deployment)),
    "call.app": (cel.Type.STRING, lambda call, _: _text(call.action.app)),
    "call.tool": (cel.Type.STRING, lambda call, _: call.action.name),
    "call.access": (cel.Type.STRING, _access),
    "call.target": (cel.Type.STRING, lambda call, _: _text(call.action.target)),
    "call.at": (cel.Type.TIMESTAMP, lambda call, _: call.at.astimezone(UTC)),
}
"""What an expression may speak of. One that has no value for a call is absent, and absent denies."""

_COMPREHENSION = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(")
_TRUTHS = (cel.Type.BOOL.name(), cel.Type.DYN.name())


class ConditionError(Exception):
    """An expression that is no condition."""


@dataclass(frozen=True, slots=True)
class When:
    """A `when:` as compiled. Total: an error of any kind is an objection."""

    text: str
    program: cel.Expression
    reads: tuple[tuple[str, _Reader], ...]
    loops: int
    """How many comprehensions it has: its cost depends on what they walk."""

    def objection(self, call: Call, user: User | None) -> str | None:
        """Nothing when the expression is true; anything else says why not."""
        data = {}
        for name, reader in self.reads:
            value = reader(call, user)
            if value is not None:
                data[name] = value
        if (self.loops or _nested(call)) and _work(data.get("args"), self.loops) > MAX_WORK:
            return f"condition `{self.text}`: the arguments are too large to judge"
        try:
            result = self.program.eval(data=data).value()
        except Exception as error:  # noqa: BLE001 - a native library's errors are not to be enumerated; all deny
            return f"condition `{self.text}`: {_first_line(error)}"
        if result is True:
            return None
        if result is False:
            return f"condition `{self.text}` is false"
        return f"condition `{self.text}`: {_first_line(result)}"


def _first_line(error: object) -> str:
    line = str(error).partition("\n")[0]
    return re.sub(r"^[A-Z_]+: |\s*\[[A-Z_]+\]$", "", line)[:120]


def _nested(call: Call) -> bool:
    """Whether there is more to the arguments than one level; what is flat costs no more than its body."""
    for one in call.action.args.values():  # noqa: SIM110 - a loop takes half the time of `any`
        if isinstance(one, (list, dict)):
            return True
    return False


def _work(args: object, loops: int) -> float:
    """How much an expression with so many comprehensions could have to do with the arguments."""
    if not isinstance(args, dict):
        return 0
    size = elements = 0
    level: list[object] = [args]
    for _ in range(MAX_DEPTH):
        below: list[object] = []
        for one in level:
            if isinstance(one, str):
                size += len(one)
            elif isinstance(one, list):
                elements += len(one)
                below.extend(one)
            elif isinstance(one, dict):
                elements += len(one)
                size += sum(map(len, one))
                below.extend(one.values())
        if not below:
            return size * min(elements**loops, MAX_STEPS) if loops else 0
        level = below
    return math.inf


@functools.cache
def _environment() -> cel.Env:
    return cel.NewEnv(variables={name: kind for name, (kind, _) in VARIABLES.items()})


def compile_when(text: str) -> When:
    """The expression, its names and types checked.

    Raises:
        ConditionError: with what is wrong, in one line.
    """
    if len(text) > MAX_EXPRESSION:
        raise ConditionError(f"is longer than {MAX_EXPRESSION} characters")
    return _compiled(text)


@functools.lru_cache(maxsize=1024)
def _compiled(text: str) -> When:
    try:
        program = _environment().compile(text)
    except RuntimeError as error:
        raise ConditionError(_said(str(error))) from None
    gives = program.return_type().name()
    if gives not in _TRUTHS:
        raise ConditionError(f"gives {gives.lower()}, not true or false")
    reads = tuple(
        (name, reader)
        for name, (_, reader) in VARIABLES.items()
        if re.search(rf"\b{name.partition('.')[0]}\b", text)
    )
    return When(" ".join(text.split()), program, reads, len(_COMPREHENSION.findall(text)))


def _said(message: str) -> str:
    """The library's message (`ERROR: <input>:1:5: undeclared ... (in container '')`) in the house's words."""
    found = re.search(r"<input>:(\d+):(\d+): (.*)", message)
    text = found[3] if found else message.partition("\n")[0]
    text = re.sub(r" \(in container ''\)|\s*\[[A-Z_]+\]$", "", text).replace("'", "`")
    text = text.replace("Syntax error: ", "")
    return f"{text[:160]} (column {found[2]} of the expression)" if found else text[:160]
