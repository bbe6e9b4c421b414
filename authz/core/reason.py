"""Why a call was refused: the closed, append-only list of codes, and what shadow mode may waive."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Layer(StrEnum):
    """The layers of a persona, in the order in which they are shown."""

    USER = "user"
    AGENT = "agent"
    TOOL = "tool"
    DATA = "data"
    BEHAVIOUR = "behaviour"


class Reason(StrEnum):
    """A reason code. Append-only: other systems match on these strings."""

    REQUEST_MALFORMED = "request.malformed"
    REQUEST_TRUNCATED = "request.truncated"
    REQUEST_AMBIGUOUS = "request.ambiguous"
    REQUEST_UNSUPPORTED = "request.unsupported"
    REQUEST_UNSEEN = "request.unseen"
    CREDENTIAL_MISSING = "credential.missing"
    CREDENTIAL_MALFORMED = "credential.malformed"
    CREDENTIAL_UNKNOWN = "credential.unknown"
    CREDENTIAL_EXPIRED = "credential.expired"
    CREDENTIAL_REVOKED = "credential.revoked"
    CREDENTIAL_SUSPENDED = "credential.suspended"
    CREDENTIAL_SOURCE = "credential.source"
    CREDENTIAL_SESSION = "credential.session"
    USER_UNKNOWN = "user.unknown"
    USER_INACTIVE = "user.inactive"
    USER_NOT_IN_PERSONA = "user.not-in-persona"
    USER_NOT_ENTITLED = "user.not-entitled"
    AGENT_UNKNOWN = "agent.unknown"
    AGENT_MODEL = "agent.model"
    AGENT_VERSION = "agent.version"
    AGENT_DEPLOYMENT = "agent.deployment"
    AGENT_WORKLOAD = "agent.workload"
    TOOL_UNKNOWN = "tool.unknown"
    TOOL_NOT_GRANTED = "tool.not-granted"
    TOOL_CONDITION = "tool.condition"
    TOOL_DEFINITION_CHANGED = "tool.definition-changed"
    DATA_NOT_ALLOWED = "data.not-allowed"
    DATA_UNLABELLED = "data.unlabelled"
    DATA_CATALOG_UNAVAILABLE = "data.catalog-unavailable"
    BEHAVIOUR_HOURS = "behaviour.hours"
    BEHAVIOUR_LIMIT = "behaviour.limit"
    BEHAVIOUR_SESSION = "behaviour.session"
    BEHAVIOUR_REPEAT = "behaviour.repeat"
    BEHAVIOUR_PROBE = "behaviour.probe"
    BEHAVIOUR_SEQUENCE = "behaviour.sequence"
    BEHAVIOUR_APPROVAL = "behaviour.approval"
    INTERNAL = "internal"
    INTERNAL_STORE = "internal.store"

    @property
    def family(self) -> str:
        """The part before the first dot: who or what the reason is about."""
        return self.value.partition(".")[0]


LAYER_OF: Mapping[Reason, Layer | None] = MappingProxyType(
    {reason: Layer(reason.family) if reason.family in set(Layer) else None for reason in Reason}
)
"""The layer that a reason belongs to; None for what stops before any layer is judged."""

_NEVER_WAIVED = {
    Reason.USER_UNKNOWN,
    Reason.USER_INACTIVE,
    Reason.AGENT_UNKNOWN,
    Reason.TOOL_DEFINITION_CHANGED,
}
WAIVED_BY_SHADOW: frozenset[Reason] = frozenset(
    reason for reason, layer in LAYER_OF.items() if layer is not None and reason not in _NEVER_WAIVED
)
"""What a persona in shadow mode lets through and records. Everything else is refused all the same."""
