"""OpenAPI documents as drafts."""

import orjson
import pytest
import yaml

from authz.core.app import Access
from authz.importers import ImportProblem, from_openapi

DOCUMENT = {
    "openapi": "3.0.3",
    "servers": [{"url": "https://api.example.com/v2/"}],
    "paths": {
        "/accounts/{account}/balance": {
            "parameters": [],
            "get": {"operationId": "get balance", "summary": "Read it"},
            "delete": {},
        },
        "/files/{id}.json": {"get": {}},
        "/files/{id}#shared": {"get": {}},
        "/files/": {"get": {}},
        "/elsewhere": {"servers": [{"url": "https://other.example.com"}], "get": {}},
        "/search": {"post": {"operationId": "get balance"}},
        "x-extension": {"get": {}},
    },
}


@pytest.mark.parametrize("written", [orjson.dumps(DOCUMENT), yaml.safe_dump(DOCUMENT).encode()])
def test_operations_become_tools(written: bytes) -> None:
    """With the path as it is on the wire, and the last parameter as what the call is about."""
    draft = from_openapi(written)
    found = {one.name: (one.access, one.match, one.target) for one in draft.tools}

    balance = "/v2/accounts/{account}/balance"
    assert found == {
        "get_balance": (Access.READ, ("GET", balance), "account"),
        "get_files_id_.json": (Access.READ, ("GET", "/v2/files/{id}.json"), "id"),
        "delete_accounts_account_balance": (Access.DELETE, ("DELETE", balance), "account"),
        "get_balance_2": (Access.WRITE, ("POST", "/v2/search"), None),
    }
    assert (draft.url, len(draft.left_out)) == ("https://api.example.com", 2)


def test_swagger_2_says_where_it_is_in_other_words() -> None:
    """Slack's document is one."""
    document = {
        "swagger": "2.0",
        "host": "slack.example",
        "basePath": "/api",
        "schemes": ["https"],
        "paths": {"/a.b": {"get": {}}},
    }
    draft = from_openapi(orjson.dumps(document))

    assert (draft.url, draft.tools[0].match) == ("https://slack.example", ("GET", "/api/a.b"))


@pytest.mark.parametrize("servers", [None, [], [{"url": "/"}], [{"url": "https://{region}.example.com"}]])
def test_an_address_that_is_not_said_is_left_to_the_operator(servers: object) -> None:
    """Nothing is guessed."""
    document = {"openapi": "3.1.0", "servers": servers, "paths": {"/a": {"get": {}}}}

    assert from_openapi(orjson.dumps(document)).url == ""


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"paths": {}}', b"a: [", b"!!python/object:os.system {}"]
)
def test_what_is_no_openapi_document_is_refused(data: bytes) -> None:
    """And never executed."""
    with pytest.raises(ImportProblem):
        from_openapi(data)
