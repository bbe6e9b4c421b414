"""What is in force: definitions and what is indexed from them, swapped whole."""

from dataclasses import dataclass, replace

from authz.core.call import Caller
from authz.core.decision import Refusal
from authz.core.definitions import Definitions
from authz.core.persona import Mode, Persona
from authz.core.reason import Reason
from authz.decode import Decoders


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One compiled set of definitions, ready for requests."""

    definitions: Definitions
    decoders: Decoders

    @classmethod
    def of(cls, definitions: Definitions, *, app_from_host: bool = False, shadow: bool = False) -> "Snapshot":
        """Index a compiled set; with `shadow`, every persona as if it said `mode: shadow`."""
        if shadow:
            rehearsed = {
                name: replace(persona, mode=Mode.SHADOW) for name, persona in definitions.personas.items()
            }
            definitions = replace(definitions, personas=rehearsed)
        return cls(definitions, Decoders.of(definitions, app_from_host=app_from_host))

    def persona_of(self, caller: Caller) -> Persona:
        """The persona that the caller's credential names.

        Raises:
            Refusal: `agent.unknown`: no definition says what such an agent may do.
        """
        persona = self.definitions.personas.get(caller.persona)
        if persona is None:
            raise Refusal(Reason.AGENT_UNKNOWN, f"persona `{caller.persona}` is not defined")
        return persona
