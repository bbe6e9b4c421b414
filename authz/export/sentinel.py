"""Microsoft Sentinel: the Logs Ingestion API with a data collection rule, and Entra client credentials."""

import time
from collections.abc import Sequence
from urllib.parse import quote, urlencode, urlsplit

import orjson

from authz.audit.record import sentence
from authz.export.http import Poster
from authz.export.sink import Item, Rejected, Unavailable

SCOPE = "https://monitor.azure.com/.default"
API_VERSION = "2023-01-01"
LOGIN = "https://login.microsoftonline.com"
EARLY = 120.0
"""Seconds before its end at which a token is renewed."""


class Sentinel:
    """Rows to a custom table; their columns are those of the rule's template in `docs/siem/sentinel`."""

    batch = 400
    """A request may have 1 MB."""

    def __init__(  # noqa: PLR0913 - what Azure asks for
        self,
        endpoint: str,
        rule: str,
        *,
        tenant: str,
        client: str,
        secret: str,
        stream: str = "Custom-AgentPersonas_CL",
        name: str = "sentinel",
        login: str = LOGIN,
        timeout: float = 10.0,
    ) -> None:
        """`endpoint` is the ingestion endpoint, `rule` the immutable id of the data collection rule."""
        self.name = name
        self._poster = Poster(endpoint, timeout=timeout)
        self._path = (
            f"{urlsplit(endpoint).path.rstrip('/')}/dataCollectionRules/{quote(rule, safe='')}"
            f"/streams/{quote(stream, safe='')}?api-version={API_VERSION}"
        )
        self._login = Poster(login, timeout=timeout, compress=False)
        self._login_path = f"/{quote(tenant, safe='')}/oauth2/v2.0/token"
        self._credentials = {
            "grant_type": "client_credentials",
            "client_id": client,
            "client_secret": secret,
            "scope": SCOPE,
        }
        self._token = ""
        self._until = 0.0

    def deliver(self, items: Sequence[Item]) -> None:
        """Send a batch.

        Raises:
            Unavailable: not now, or the token was refused; the next attempt brings a new one.
        """
        body = orjson.dumps([row_of(item) for item in items])
        headers = {"authorization": f"Bearer {self._bearer()}", "content-type": "application/json"}
        try:
            self._poster.post(body, headers, self._path)
        except Unavailable:
            self._until = 0.0
            raise

    def _bearer(self) -> str:
        if time.monotonic() < self._until:
            return self._token
        form = {"content-type": "application/x-www-form-urlencoded"}
        try:
            reply = self._login.post(urlencode(self._credentials).encode(), form, self._login_path)
            answer = orjson.loads(reply.body)
            self._token, lasts = str(answer["access_token"]), float(answer["expires_in"])
        except Rejected as error:  # wrong credentials are a 400 there, and no reason to drop records
            raise Unavailable(str(error)) from None
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise Unavailable("the token endpoint did not answer with a token") from None
        self._until = time.monotonic() + max(lasts - EARLY, lasts / 2)
        return self._token

    def close(self) -> None:
        """Close the connections."""
        self._poster.close()
        self._login.close()


def row_of(item: Item) -> dict[str, object]:
    """The columns of the table; everything else is in `Record`."""
    record = item.record
    agent, persona, action, source = (
        _of(record.get(name)) for name in ("agent", "persona", "action", "source")
    )
    reasons = record.get("reasons")
    return {
        "TimeGenerated": record["at"],
        "EventUid": record.get("id"),
        "EventType": record.get("kind"),
        "EventMessage": sentence(record),
        "Decision": record.get("decision"),
        "Effect": record.get("effect"),
        "Reasons": [one["code"] for one in reasons] if isinstance(reasons, list) else [],
        "SrcAgentId": agent.get("id"),
        "SrcAgentVersion": agent.get("version"),
        "ModelName": agent.get("model"),
        "ActorUserId": record.get("user"),
        "PersonaName": persona.get("name"),
        "PersonaVersion": persona.get("version"),
        "TargetAppName": action.get("app"),
        "ToolName": action.get("tool"),
        "ToolAccess": action.get("access"),
        "EventSessionId": record.get("session"),
        "SrcIpAddr": source.get("address"),
        "Chain": record.get("chain"),
        "Seq": record.get("seq"),
        "Hash": record.get("hash"),
        "Record": orjson.Fragment(item.line),
    }


def _of(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
