"""The demo's customer file: an MCP server on the official SDK. Knows nothing of personas."""

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from typing_extensions import TypedDict

from scripts.demo_apps.state import State, arguments
from scripts.demo_apps.web import run_mcp

SEED = {
    "customers": {
        "C-1": {"id": "C-1", "name": "Mara Lindqvist", "email": "mara@example.net", "city": "Uppsala"},
        "C-2": {"id": "C-2", "name": "Jonas Weber", "email": "jonas@example.net", "city": "Kassel"},
        "C-3": {"id": "C-3", "name": "Ines Carvalho", "email": "ines@example.net", "city": "Porto"},
    },
    "exports": [],
}


class Customer(TypedDict):
    """One customer, as the app stores it."""

    id: str
    name: str
    email: str
    city: str


READ = ToolAnnotations(read_only_hint=True, open_world_hint=False)
WRITE = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
SEND = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=True)


def build(state: State) -> MCPServer[None]:
    """The server over this state."""
    server: MCPServer[None] = MCPServer("crm", version="1.0.0", log_level="WARNING")
    customers: dict[str, Customer] = state.data["customers"]

    def find(customer: str) -> Customer:
        if customer not in customers:
            raise ToolError(f"no customer `{customer}`")
        return customers[customer]

    @server.tool(title="Search customers", annotations=READ)
    def search_customers(query: str) -> list[Customer]:
        """Find customers by name or city."""
        words = query.casefold()
        return [
            found for found in customers.values() if words in f"{found['name']} {found['city']}".casefold()
        ]

    @server.tool(title="Get a customer", annotations=READ)
    def get_customer(customer: str) -> Customer:
        """Read one customer."""
        return find(customer)

    @server.tool(title="Update a customer", annotations=WRITE)
    def update_customer(customer: str, email: str) -> Customer:
        """Change the address that a customer is written to."""
        find(customer)["email"] = email
        state.save()
        return find(customer)

    @server.tool(title="Export customers", annotations=SEND)
    def export_customers(recipient: str) -> str:
        """Send the whole customer file to an address outside."""
        state.data["exports"].append(recipient)
        state.save()
        return f"sent {len(customers)} customers to {recipient}"

    return server


def main() -> None:
    """Serve until stopped."""
    settings = arguments("crm", 8203)
    state = State(settings.state, SEED)
    run_mcp(build(state), state, settings)


if __name__ == "__main__":
    main()
