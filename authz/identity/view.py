"""What anyone who may see keys sees of one. Never a secret, nor a hash of one."""

from collections.abc import Mapping
from datetime import UTC, datetime

from authz.identity.record import KeyRecord


def view(record: KeyRecord) -> Mapping[str, object]:
    """What anyone who may see keys sees of one."""
    return {
        "id": record.id,
        "env": record.env,
        "agent": {
            "id": record.agent,
            "model": record.model,
            "version": record.version,
            "deployment": record.deployment,
        },
        "user": record.user,
        "persona": record.persona,
        "expires": rfc3339(record.expires),
        "networks": [str(network) for network in record.networks],
        "workload": record.workload,
        "issued_by": record.issued_by or None,
        "issued_at": rfc3339(record.issued_at),
        "revoked_at": None if record.revoked is None else rfc3339(record.revoked),
        "previous_until": None if record.previous_until is None else rfc3339(record.previous_until),
    }


def rfc3339(at: datetime) -> str:
    """An instant as text, in UTC, to the millisecond where it has any."""
    precise = "milliseconds" if at.microsecond else "seconds"
    return at.astimezone(UTC).isoformat(timespec=precise).replace("+00:00", "Z")
