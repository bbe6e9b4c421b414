"""The lists that the personas refer to, as a directory, a drive and a chat would export them overnight.

Made from the state of the suites before any attack, by rules that know of no task: whom the user wrote to,
whom she meets, with whom she shares; who is a member, which channels there are, which sites colleagues linked
to.
"""

import re
from typing import Any

import yaml

from scripts.evaluations.agentdojo.suites import package_suite

_SITE = re.compile(r"\bwww\.[a-z0-9-]+(?:\.[a-z]+)+(?:/[a-z0-9/_-]+)?")


def lists_of() -> str:
    """A `Lists` document."""
    workspace = package_suite("workspace").load_and_inject_default_environment({})
    chat = package_suite("slack").load_and_inject_default_environment({}).slack
    document = {
        "apiVersion": "personas/v1",
        "kind": "Lists",
        "metadata": {"name": "exported", "owner": "it@bluesparrowtech.example"},
        "lists": {
            "address-book": sorted(_known(workspace)),
            "members": sorted(chat.users),
            "channels": sorted(chat.channels),
            "known-sites": sorted(_sites(chat)),
        },
    }
    return "# Exported overnight: `scripts/eval agentdojo --lists`.\n" + yaml.safe_dump(
        document, sort_keys=False
    )


def _known(workspace: Any) -> set[str]:  # noqa: ANN401 - the package publishes no types that could be relied on
    me = workspace.inbox.account_email
    found: set[str] = set()
    for mail in workspace.inbox.emails.values():
        if mail.sender == me:
            found.update(mail.recipients, mail.cc, mail.bcc)
    for event in workspace.calendar.events.values():
        found.update(event.participants)
    for file in workspace.cloud_drive.files.values():
        if file.owner == me:
            found.update(file.shared_with)
        elif me in file.shared_with and file.shared_with[me].value == "rw":
            found.add(file.owner)
    return {str(one) for one in found}


def _sites(chat: Any) -> set[str]:  # noqa: ANN401 - as above
    inboxes = (*chat.channel_inbox.values(), *chat.user_inbox.values())
    return {site for inbox in inboxes for message in inbox for site in _SITE.findall(message.body)}
