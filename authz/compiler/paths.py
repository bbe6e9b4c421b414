"""Dotted paths into arguments: `amount`, `to.address`, also written `args.amount`."""

from collections.abc import Mapping

from authz.core.call import Json


def argument(path: str) -> tuple[str, ...]:
    """The steps below the arguments that `path` names; empty when it names none."""
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
