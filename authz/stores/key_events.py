"""Every step in the life of a key, as an event record of the trail. Never a secret, nor a hash of one."""

from authz.audit.event import event_record
from authz.identity.view import view
from authz.stores.keys import KeyChange


def key_event(identity: str, change: KeyChange) -> dict[str, object]:
    """The record of one change; `identity` is its id."""
    record = change.record
    return event_record(
        identity,
        change.at,
        change.what,
        {"by": change.by or None, **view(record), "state": record.state(change.at)},
        user=record.user,
        agent=record.agent,
        persona=record.persona,
        key=record.id,
    )
