"""Which data classes a call touches: what its definition says, and what its arguments and target add.

Pure: looks at the action and the compiled tables only, and never takes a class away.
"""

from authz.core.arguments import as_text, find, steps_of
from authz.core.call import Action

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
    _, value = find(action.args, steps_of(path))
    return as_text(value)
