"""Which data classes a call touches: what its definition says, and what its arguments and target add.

Pure: looks at the action and the compiled tables only, and never takes a class away.
"""

from authz.core.call import Action, Json

NONE: frozenset[str] = frozenset()


def labels_of(action: Action) -> tuple[frozenset[str], str]:
    """The classes, and why they cannot be told (empty when they can).

    A table asks about one argument, or about the target. When that is absent or no single value, nobody can
    say what the call touches, and the call is `data.unlabelled`.
    """
    tool = action.tool
    if tool is None:
        return NONE, ""
    classes = tool.classes
    for table in tool.labels:
        value = _value(action, table.argument)
        if value is None:
            what = f"argument `{table.argument}`" if table.argument else "the target"
            return classes, f"{what} is absent or no single value, and labels depend on it"
        classes |= table.classes_of(value)
    return classes, ""


def _value(action: Action, path: str) -> str | None:
    if not path:
        return action.target
    value: Json = dict(action.args)
    for step in path.split("."):
        if not isinstance(value, dict) or step not in value:
            return None
        value = value[step]
    return as_text(value)


def as_text(value: Json) -> str | None:
    """A scalar as the text that tables are written in; None for what is none.

    `1.0` and `1` are one number in JSON, so they must find the same label.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    return None
