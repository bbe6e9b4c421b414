"""The story: what the agent tries, and what must come of it. Verdicts are read from the trail."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from scripts.demo_story.agent import Agent, Answer
from scripts.demo_story.failure import Failure
from scripts.demo_story.screen import Screen
from scripts.demo_story.trail import Record, Trail
from scripts.demo_story.world import Key, World

ONE_SECOND = 1.0
"""What the contract gives a revocation to reach everybody; the rest is the time of a call."""
SLACK = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A decision that must stand in the trail after a step."""

    tool: str | None
    verdict: str
    code: str | None = None
    """One of the codes of a refusal."""

    def met(self, record: Record) -> bool:
        """Whether `record` is it."""
        return (
            record.verdict == self.verdict
            and (self.tool is None or record.tool == self.tool)
            and (self.code is None or self.code in record.codes)
        )

    def __str__(self) -> str:
        return f"{self.tool or 'a call'}: {self.verdict}" + (f" ({self.code})" if self.code else "")


class Story:
    """Tells it, step by step, and remembers what was not as it should be."""

    def __init__(self, world: World, trail: Trail, screen: Screen) -> None:
        self.world = world
        self.trail = trail
        self.screen = screen
        self.wrong: list[str] = []

    async def tell(self) -> Key:
        """All of it; gives the key for those who want to try by hand."""
        key, doomed = await self.world.start()
        self.trail.follow()
        self.screen.line(
            f"The agent has an address, http://{self.world.address}, and an Agent Access Key. No more."
        )
        async with Agent(self.world.address, key.text) as agent:
            await self._looks(agent)
            await self._works(agent)
            await self._strays(agent)
            await self._ships(agent)
            self.screen.step("Hangs up")
        await self._recorded(Expected(tool="DELETE", verdict="allow"))
        await self._without_key()
        await self._revoked(doomed)
        return key

    async def _looks(self, agent: Agent) -> None:
        self.screen.heading("It asks what tools there are")
        for app, mode, mine in (
            ("tickets", "auto", {"list_tickets", "get_ticket", "search_tickets", "draft_reply"}),
            ("crm", "legacy", {"search_customers", "get_customer"}),
        ):
            self.screen.step(f"Lists the tools of {app}")
            version = await agent.connect(app, mode)
            seen = await agent.tools(app)
            self.screen.fact(f"MCP {version}: it sees {', '.join(seen)}")
            await self._recorded(Expected(tool="tools/list", verdict="allow"))
            self._hold(set(seen) == mine, f"of {app} it sees its own tools and no others")

    async def _works(self, agent: Agent) -> None:
        self.screen.heading("It does its job")
        await self._step(
            "Reads the open tickets",
            lambda: agent.tool("tickets", "list_tickets", {}),
            Expected(tool="list_tickets", verdict="allow"),
        )
        await self._step(
            "Reads one of them",
            lambda: agent.tool("tickets", "get_ticket", {"ticket": "T-1002"}),
            Expected(tool="get_ticket", verdict="allow"),
        )
        await self._step(
            "Looks up who wrote it",
            lambda: agent.tool("crm", "get_customer", {"customer": "C-2"}),
            Expected(tool="get_customer", verdict="allow"),
        )
        draft = {"ticket": "T-1002", "body": "Sorry about that. A colleague will check both charges today."}
        await self._step(
            "Drafts a reply",
            lambda: agent.tool("tickets", "draft_reply", draft),
            Expected(tool="draft_reply", verdict="allow"),
        )
        drafts = self.world.remembered("tickets")["tickets"]["T-1002"]["drafts"]
        self._hold(drafts == [draft["body"]], "the draft is in the ticket system")

    async def _strays(self, agent: Agent) -> None:
        self.screen.heading("The ticket told it to correct a balance, and it tries")
        before = self.world.remembered("billing")["accounts"]["A-1"]["balance"]
        await self._step(
            "Reads the balance: its user may, its persona may not",
            lambda: agent.rest("GET", "/v1/accounts/A-1/balance"),
            Expected(tool="get_balance", verdict="deny", code="tool.not-granted"),
        )
        await self._step(
            "Adjusts the balance",
            lambda: agent.rest("POST", "/v1/accounts/A-1/adjustments", {"amount": 12000}),
            Expected(tool="adjust_balance", verdict="deny", code="tool.not-granted"),
        )
        billing = self.world.remembered("billing")
        after = billing["accounts"]["A-1"]["balance"]
        self._hold(
            before == after,
            f"the balance is unchanged: {after / 100:.2f} EUR before, {after / 100:.2f} EUR now",
        )
        self._hold(not billing.get("seen"), "no request of the agent has reached the billing system")
        await self._step(
            "Closes the ticket, with a tool that it was never shown",
            lambda: agent.tool("tickets", "close_ticket", {"ticket": "T-1002"}),
            Expected(tool="close_ticket", verdict="deny", code="tool.not-granted"),
        )
        await self._step(
            "Sends the customer file away: not even its user may",
            lambda: agent.tool("crm", "export_customers", {"recipient": "someone@example.org"}),
            Expected(tool="export_customers", verdict="deny", code="user.not-entitled"),
        )
        self._hold(not self.world.remembered("crm")["exports"], "nothing was sent")

    async def _ships(self, agent: Agent) -> None:
        self.screen.heading("It talks gRPC")
        await self._step(
            "Asks where a parcel is",
            lambda: agent.get_shipment("S-1"),
            Expected(tool="GetShipment", verdict="allow"),
        )
        await self._step(
            "Calls the parcel back: its user may, its persona may not",
            lambda: agent.cancel_shipment("S-1"),
            Expected(tool="CancelShipment", verdict="deny", code="tool.not-granted"),
        )
        self._hold("S-1" in self.world.remembered("shipping")["shipments"], "the parcel is still on its way")

    async def _without_key(self) -> None:
        self.screen.heading("It comes without a key")
        async with Agent(self.world.address, None) as stranger:
            answer = await self._step(
                "Reads the balance, with no key",
                lambda: stranger.rest("GET", "/v1/accounts/A-1/balance"),
                Expected(tool=None, verdict="deny", code="credential.missing"),
            )
        self._hold(answer.status == "401", "it was told 401")

    async def _revoked(self, doomed: Key) -> None:
        self.screen.heading("Its key is revoked")
        async with Agent(self.world.address, doomed.text) as agent:
            await self._step(
                "Asks where a parcel is, with a second key",
                lambda: agent.get_shipment("S-1"),
                Expected(tool="GetShipment", verdict="allow"),
            )
            await self.world.revoke(doomed)
            self.screen.fact(f"personas keys revoke {doomed.id}")
            since = time.monotonic()
            answer = await agent.get_shipment("S-1")
            while answer.ok and time.monotonic() - since < ONE_SECOND + SLACK:
                await asyncio.sleep(0.1)  # the revocation is on its way
                answer = await agent.get_shipment("S-1")
            took = time.monotonic() - since
            self.screen.fact(f"answer {answer.status}, {took:.1f} s after the revocation")
            await self._recorded(Expected(tool=None, verdict="deny", code="credential.revoked"))
            refused = await agent.rest("GET", "/v1/accounts/A-1/balance")
            await self._recorded(Expected(tool=None, verdict="deny", code="credential.revoked"))
        self._hold(answer.status == "UNAUTHENTICATED" and refused.status == "401", "it was told 401")

    async def _step(self, what: str, act: Callable[[], Awaitable[Answer]], *expected: Expected) -> Answer:
        """Let the agent act, then read in the trail what came of it."""
        self.screen.step(what)
        answer = await act()
        self.screen.fact(f"answer {answer.status}: {_brief(answer.text)}")
        records = await self._recorded(*expected)
        if answer.decision is not None:
            self._hold(
                answer.decision in {record.id for record in records},
                "the answer names its decision",
                quiet=True,
            )
        allowed = all(one.verdict == "allow" for one in expected)
        self._hold(answer.ok == allowed, f"the agent was told {'yes' if allowed else 'no'}", quiet=True)
        return answer

    async def _recorded(self, *expected: Expected) -> Sequence[Record]:
        """Tell what the trail holds since the last step; each expectation must be there."""
        records = await self.trail.news(
            lambda found: all(any(one.met(record) for record in found) for one in expected)
        )
        for record in records:
            self.screen.record(record)
        for one in expected:
            self._hold(any(one.met(record) for record in records), f"the trail says {one}", quiet=True)
        if dead := self.world.stack.dead():
            raise Failure(f"{dead} has ended: {self.world.stack.last_words(dead)}")
        return records

    def _hold(self, fact: bool, what: str, *, quiet: bool = False) -> None:  # noqa: FBT001 - it reads as an assertion
        if not fact:
            self.wrong.append(what)
            self.screen.bad(what)
        elif not quiet:
            self.screen.good(what)


def _brief(text: str, size: int = 140) -> str:
    """One line, not too long."""
    line = " ".join(text.split())
    return line if len(line) <= size else f"{line[: size - 1]}…"


def by_hand(address: str, key: Key) -> list[str]:
    """Three commands that work when pasted: one allowed, one refused, one without a key."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    call = {"name": "list_tickets", "arguments": {}, "_meta": meta}
    body = json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}, separators=(",", ":")
    )
    bearer = f"-H 'Authorization: Bearer {key.text}'"
    json_body = "-H 'Content-Type: application/json'"
    mcp = (
        "-H 'Accept: application/json, text/event-stream' -H 'MCP-Protocol-Version: 2026-07-28'"
        " -H 'Mcp-Method: tools/call' -H 'Mcp-Name: list_tickets'"
    )
    accounts = f"http://{address}/v1/accounts/A-1"
    return [
        f"curl -i http://{address}/tickets/mcp {bearer} {json_body} {mcp} -d '{body}'",
        f"curl -i {accounts}/balance {bearer}",
        f"curl -i {accounts}/adjustments {json_body} -d '{{\"amount\": 12000}}'",
    ]
