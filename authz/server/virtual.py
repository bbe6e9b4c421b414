"""The virtual endpoint's own methods: they belong to no app, and need any one grant of the persona."""

from dataclasses import replace

from authz.core.call import Call
from authz.core.checks import ON_ANY_GRANT
from authz.core.decide import judge
from authz.core.persona import Persona
from authz.core.user import User


def at_home(call: Call, persona: Persona, user: User | None) -> Call:
    """`call` as a call to the first app of the persona that lets it pass, if it names no app itself.

    Only where it names none by its nature: a tool without an app stays one that no definition names.
    """
    if call.action.app is not None or call.action.kind not in ON_ANY_GRANT:
        return call
    tried = [replace(call, action=replace(call.action, app=app)) for app in persona.grants]
    passing = (one for one in tried if judge(one, persona, user).passes)
    return next(passing, tried[0] if tried else call)
