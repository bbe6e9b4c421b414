"""A key as a row, the same in every SQL database: texts, integers and bytes, instants in milliseconds."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_network
from sys import intern
from typing import Any

from authz.identity.record import KeyRecord

COLUMNS = (
    "id, env, agent, model, version, deployment, user, persona, digest, previous, previous_until, "
    "expires, suspended, revoked, networks, workload, issued_by, issued_at"
)


def row_of(record: KeyRecord) -> tuple[str | bytes | int | None, ...]:
    """The values of `COLUMNS`."""
    return (
        record.id,
        record.env,
        record.agent,
        record.model,
        record.version,
        record.deployment,
        record.user,
        record.persona,
        record.digest,
        record.previous,
        number_of(record.previous_until),
        number_of(record.expires),
        int(record.suspended),
        number_of(record.revoked),
        json.dumps([str(network) for network in record.networks]),
        record.workload,
        record.issued_by,
        number_of(record.issued_at),
    )


def record_of(row: Sequence[Any]) -> KeyRecord:
    """The record in a row; what follows the columns is left alone."""
    return KeyRecord(
        id=row[0],
        env=intern(row[1]),
        agent=intern(row[2]),  # a million keys of a few agents need their names once
        model=row[3] and intern(row[3]),
        version=row[4] and intern(row[4]),
        deployment=row[5] and intern(row[5]),
        user=intern(row[6]),
        persona=intern(row[7]),
        digest=row[8],
        previous=row[9],
        previous_until=None if row[10] is None else instant_of(row[10]),
        expires=instant_of(row[11]),
        suspended=bool(row[12]),
        revoked=None if row[13] is None else instant_of(row[13]),
        networks=() if row[14] == "[]" else tuple(ip_network(one) for one in json.loads(row[14])),
        workload=row[15],
        issued_by=intern(row[16]),
        issued_at=instant_of(row[17]),
    )


def number_of(at: datetime | None) -> int | None:
    """Milliseconds since 1970; whole seconds and the rest apart, as a float would round."""
    if at is None:
        return None
    whole = at.astimezone(UTC)
    return int(whole.replace(microsecond=0).timestamp()) * 1000 + whole.microsecond // 1000


def instant_of(milliseconds: int) -> datetime:
    """The instant, UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
