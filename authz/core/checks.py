"""What each of the first three layers asks. A check judges one thing and knows of no other."""

from authz.core.app import Place
from authz.core.call import Call, Kind
from authz.core.decision import Objection
from authz.core.labels import covered, sensitivity
from authz.core.persona import AgentEntry, Grant, Persona
from authz.core.reason import Reason
from authz.core.user import User

# Session methods, discovery and client answers touch no data and are no tool: any grant in the app will do.
ON_ANY_GRANT = (Kind.SESSION, Kind.ANSWER)


def user_known(call: Call, persona: Persona, user: User | None) -> Objection | None:
    """The user exists, is active, and the job is done on behalf of such users."""
    if user is None:
        return Objection(Reason.USER_UNKNOWN, f"`{call.caller.user}` is not in the directory")
    if not user.active:
        return Objection(Reason.USER_INACTIVE, f"`{user.id}` is not active", user.place)
    if user.id in persona.users or not persona.groups.isdisjoint(user.groups):
        return None
    return Objection(
        Reason.USER_NOT_IN_PERSONA,
        f"`{user.id}` is in no group that `{persona.name}` works for",
        place_of(persona, "users"),
    )


def user_entitled(call: Call, persona: Persona, user: User | None) -> Objection | None:
    """A persona never grants more than its user has."""
    action = call.action
    tool = action.tool
    if action.everywhere and user is not None:
        if any(app in user.entitlements for app in persona.grants):
            return None
        detail = f"`{user.id}` is entitled to nothing of this persona"
        return Objection(Reason.USER_NOT_ENTITLED, detail, user.place)
    if user is None or action.app is None or (tool is None and action.kind not in ON_ANY_GRANT):
        return None  # said by `user_known` or `tool_known`
    entitlement = user.entitlements.get(action.app)
    if entitlement is not None and (
        tool is None
        or tool.access in entitlement.access
        or (action.kind is Kind.TOOL and tool.name in entitlement.tools)
    ):
        return None
    wanted = f"`{tool.access}` in `{action.app}`" if tool else f"anything in `{action.app}`"
    return Objection(Reason.USER_NOT_ENTITLED, f"`{user.id}` is not entitled to {wanted}", user.place)


def agent_admitted(call: Call, persona: Persona, _user: User | None) -> Objection | None:
    """One entry of `agents:` matches whole; else the nearest says which part failed."""
    agent = call.caller.agent
    nearest: tuple[int, Reason, AgentEntry] | None = None
    for entry in persona.agents:
        if entry.id != agent.id:
            continue
        failed = _first_mismatch(call, entry)
        if failed is None:
            return None
        if nearest is None or failed[0] > nearest[0]:
            nearest = (*failed, entry)
    if nearest is None:
        return Objection(
            Reason.AGENT_UNKNOWN,
            f"`{agent.id}` is no agent of persona `{persona.name}`",
            place_of(persona, "agents"),
        )
    _, reason, entry = nearest
    part = reason.value.partition(".")[2]
    return Objection(reason, f"{part} `{getattr(agent, part)}` of `{agent.id}` is not admitted", entry.place)


def _first_mismatch(call: Call, entry: AgentEntry) -> tuple[int, Reason] | None:
    """How far the entry matched, and what failed there."""
    agent = call.caller.agent
    if entry.model is not None and (agent.model is None or not entry.model(agent.model)):
        return 1, Reason.AGENT_MODEL
    if entry.version is not None and (agent.version is None or not entry.version(agent.version)):
        return 2, Reason.AGENT_VERSION
    if entry.deployments is not None and agent.deployment not in entry.deployments:
        return 3, Reason.AGENT_DEPLOYMENT
    if entry.workload is not None and agent.workload != entry.workload:
        return 4, Reason.AGENT_WORKLOAD
    return None


def tool_granted(call: Call, persona: Persona, user: User | None) -> Objection | Grant:
    """The grant that permits the action, or why none does."""
    action = call.action
    tool = action.tool
    on_any = action.kind in ON_ANY_GRANT
    if action.everywhere and on_any:
        return _any_grant(action.name, persona)
    if action.app is None or action.kind is Kind.UNKNOWN or (not on_any and (tool is None or tool.review)):
        why = "is imported and not reviewed" if tool is not None and tool.review else "is in no definition"
        place = tool.place if tool is not None else place_of(persona, "tools")
        return Objection(Reason.TOOL_UNKNOWN, f"`{action.name}` of `{action.app or '?'}` {why}", place)
    in_app = persona.grants.get(action.app)
    if in_app is not None and on_any and in_app.session is not None:
        return in_app.session
    candidates: tuple[Grant, ...] = ()
    if in_app is not None and tool is not None:
        if action.kind is Kind.TOOL:
            candidates = in_app.by_tool.get(tool.name, ())
        candidates += in_app.by_access.get(tool.access, ())
    unmet: Objection | None = None
    for grant in candidates:
        if tool is not None and tool.name in grant.except_tools:
            continue
        why_not = _unmet(grant, call, user)
        if why_not is None:
            return grant
        unmet = unmet or Objection(Reason.TOOL_CONDITION, why_not, grant.place)
    return unmet or Objection(
        Reason.TOOL_NOT_GRANTED,
        f"`{action.name}` of `{action.app}` is not granted by persona `{persona.name}`",
        place_of(persona, "tools"),
    )


def _any_grant(name: str, persona: Persona) -> Objection | Grant:
    """For what belongs to all apps: one grant in one of them."""
    for in_app in persona.grants.values():
        if in_app.session is not None:
            return in_app.session
    detail = f"`{name}` needs a grant, and persona `{persona.name}` has none"
    return Objection(Reason.TOOL_NOT_GRANTED, detail, place_of(persona, "tools"))


def _unmet(grant: Grant, call: Call, user: User | None) -> str | None:
    for condition in grant.conditions:
        why = condition.objection(call, user)
        if why is not None:
            return why
    return None


def data_allowed(call: Call, persona: Persona, user: User | None) -> Objection | None:
    """Every class that the call touches is one that the job, and its user, may touch."""
    action = call.action
    if action.tool is None:
        return None  # nothing is known that could be touched; `tool_granted` says so
    policy = persona.data
    if call.unlabelled:
        return Objection(Reason.DATA_UNLABELLED, call.unlabelled, place_of(persona, "data"))
    if not call.classes:
        if policy.unlabelled:
            return None
        detail = f"`{action.name}` carries no data class"
        return Objection(Reason.DATA_UNLABELLED, detail, place_of(persona, "data"))
    for one in call.classes:
        if one not in policy.allow and not covered(one, policy.allow):
            refused = sorted(name for name in call.classes if not covered(name, policy.allow))
            detail = f"class {_listed(refused)} is not allowed"
            return Objection(Reason.DATA_NOT_ALLOWED, detail, place_of(persona, "data"))
    return _too_sensitive(call, persona, user)


def _too_sensitive(call: Call, persona: Persona, user: User | None) -> Objection | None:
    """No class above the ceiling of the persona, nor above the clearance of its user."""
    policy = persona.data
    clearance = None if user is None else user.clearance
    if policy.ceiling is None and clearance is None:
        return None
    for whose, most in (("the persona's ceiling", policy.ceiling), ("the user's clearance", clearance)):
        if most is None:
            continue
        above = [one for one in sorted(call.classes) if sensitivity(one, policy.sensitivity, most + 1) > most]
        if above:
            detail = f"class {_listed(above)} is above {whose}"
            return Objection(Reason.DATA_NOT_ALLOWED, detail, place_of(persona, "data"))
    return None


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{one}`" for one in names)


def place_of(persona: Persona, section: str) -> Place:
    """Where the section stands that did not permit; the persona's own place when it has none."""
    return persona.sections.get(section, persona.place)
