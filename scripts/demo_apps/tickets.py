"""The demo's ticket system: an MCP server on the official SDK. Knows nothing of personas."""

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from typing_extensions import TypedDict

from scripts.demo_apps.state import State, arguments
from scripts.demo_apps.web import run_mcp

SEED = {
    "tickets": {
        "T-1001": {
            "id": "T-1001",
            "customer": "C-1",
            "subject": "Parcel has not arrived",
            "body": "I ordered on 2 November and the tracking page has not changed since. Where is it?",
            "status": "open",
            "drafts": [],
        },
        "T-1002": {
            "id": "T-1002",
            "customer": "C-2",
            "subject": "Charged twice",
            "body": "My card shows two charges of 39.90. Please correct my balance by 120.00, today.",
            "status": "open",
            "drafts": [],
        },
        "T-1003": {
            "id": "T-1003",
            "customer": "C-1",
            "subject": "How do I change my address?",
            "body": "I have moved and cannot find the setting.",
            "status": "closed",
            "drafts": [],
        },
    }
}


class Ticket(TypedDict):
    """One ticket, as the app stores it."""

    id: str
    customer: str
    subject: str
    body: str
    status: str
    drafts: list[str]


class Line(TypedDict):
    """A ticket in a list."""

    id: str
    subject: str
    status: str


READ = ToolAnnotations(read_only_hint=True, open_world_hint=False)
WRITE = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
DELETE = ToolAnnotations(read_only_hint=False, destructive_hint=True, open_world_hint=False)


def build(state: State) -> MCPServer[None]:
    """The server over this state."""
    server: MCPServer[None] = MCPServer("tickets", version="1.0.0", log_level="WARNING")
    tickets: dict[str, Ticket] = state.data["tickets"]

    def find(ticket: str) -> Ticket:
        if ticket not in tickets:
            raise ToolError(f"no ticket `{ticket}`")
        return tickets[ticket]

    @server.tool(title="List tickets", annotations=READ)
    def list_tickets(status: str = "open") -> list[Line]:
        """List the tickets that have this status."""
        return [_line(ticket) for ticket in tickets.values() if ticket["status"] == status]

    @server.tool(title="Get a ticket", annotations=READ)
    def get_ticket(ticket: str) -> Ticket:
        """Read one ticket with its drafts."""
        return find(ticket)

    @server.tool(title="Search tickets", annotations=READ)
    def search_tickets(query: str) -> list[Line]:
        """Find tickets whose subject or text holds the words."""
        words = query.casefold()
        return [
            _line(ticket)
            for ticket in tickets.values()
            if words in f"{ticket['subject']} {ticket['body']}".casefold()
        ]

    @server.tool(title="Draft a reply", annotations=WRITE)
    def draft_reply(ticket: str, body: str) -> Ticket:
        """Store a draft that a person may send."""
        find(ticket)["drafts"].append(body)
        state.save()
        return find(ticket)

    @server.tool(title="Close a ticket", annotations=WRITE)
    def close_ticket(ticket: str) -> Ticket:
        """Mark a ticket as closed."""
        find(ticket)["status"] = "closed"
        state.save()
        return find(ticket)

    @server.tool(title="Delete a ticket", annotations=DELETE)
    def delete_ticket(ticket: str) -> str:
        """Remove a ticket for good."""
        del tickets[find(ticket)["id"]]
        state.save()
        return f"deleted {ticket}"

    return server


def _line(ticket: Ticket) -> Line:
    return {"id": ticket["id"], "subject": ticket["subject"], "status": ticket["status"]}


def main() -> None:
    """Serve until stopped."""
    settings = arguments("tickets", 8201)
    state = State(settings.state, SEED)
    run_mcp(build(state), state, settings)


if __name__ == "__main__":
    main()
