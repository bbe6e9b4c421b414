"""Arguments by dotted path, and scalars as text: one way to read them for labels, constraints and targets."""

from collections.abc import Mapping

from authz.core.call import Json


def steps_of(path: str) -> tuple[str, ...]:
    """The steps below the arguments that `amount`, `to.address` or `args.amount` names; empty for none."""
    steps = tuple(path.split("."))
    if steps[0] == "args" and len(steps) > 1:
        steps = steps[1:]
    return steps if all(steps) else ()


def find(args: Mapping[str, Json], steps: tuple[str, ...]) -> tuple[bool, Json]:
    """Whether there is something at the path, and what; lists are not walked into."""
    value: Json = args.get(steps[0])
    if value is None and steps[0] not in args:
        return False, None
    for step in steps[1:]:
        if not isinstance(value, dict) or step not in value:
            return False, None
        value = value[step]
    return True, value


def as_text(value: Json) -> str | None:
    """A scalar as the text that definitions are written in; None for what is none.

    `1.0` and `1` are one number in JSON, so they must find the same label.
    """
    if isinstance(value, str):
        return value if value.isascii() or _is_text(value) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return _decimal(int(value))
    if isinstance(value, int):
        return _decimal(value)
    return repr(value) if isinstance(value, float) else None


def _decimal(value: int) -> str | None:
    try:
        return str(value)
    except ValueError:  # more digits than Python will write; no label is written for such a number
        return None


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True
