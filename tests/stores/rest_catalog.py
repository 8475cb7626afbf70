"""A REST catalog of Iceberg tables in a process of its own, over the SQL catalog of pyiceberg."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from uuid import uuid4

from pydantic import BaseModel
from pyiceberg.catalog.rest import (
    CreateTableRequest,
    NamespaceResponse,
    TableResponse,
)
from pyiceberg.catalog.rest.response import ErrorResponse, OAuthErrorResponse, TokenResponse
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
    UnauthorizedError,
)
from pyiceberg.table import CommitTableRequest, StagedTable, Table

from tests.stores.served import served

CLIENT, SECRET = "the-client", "the secret/of it"
_TOKEN = "a-token"  # noqa: S105
_CODES = {
    CommitFailedException: 409,
    NamespaceAlreadyExistsError: 409,
    TableAlreadyExistsError: 409,
    NoSuchNamespaceError: 404,
    NoSuchTableError: 404,
    UnauthorizedError: 401,
}


def running_catalog(database: Path) -> AbstractContextManager[str]:
    """Run a server until the end of the block; yield its address."""
    return served("-m", "tests.stores.rest_catalog", str(database))


def warehouse(address: str) -> str:
    """Return the location of a new catalog on the server, with the client's id and secret."""
    known = f"{quote(CLIENT, safe='')}:{quote(SECRET, safe='')}"
    return address.replace("://", f"://{known}@") + f"?warehouse={uuid4().hex}"


class _Catalogs(ThreadingHTTPServer):
    """Every warehouse that is asked for is a catalog of its own, reached by its prefix."""

    def __init__(self, database: str) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        uri = f"sqlite:///{database}?timeout=60"
        SqlCatalog("first", uri=uri).close()  # makes the tables, before any two requests do
        self.catalog: Callable[[str], SqlCatalog] = cache(
            lambda name: SqlCatalog(name, uri=uri, init_catalog_tables="false")
        )


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Catalogs

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            code, said = 200, self._said(body)
        except Exception as error:
            code = _CODES.get(type(error), 500)
            told = {"message": str(error), "type": type(error).__name__, "code": code}
            said = ErrorResponse.model_validate({"error": told})
        if isinstance(said, OAuthErrorResponse):
            code = 401
        content = said.model_dump_json() if isinstance(said, BaseModel) else json.dumps(said)
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content.encode())))
        self.end_headers()
        self.wfile.write(content.encode())

    do_POST = do_DELETE = do_GET  # noqa: N815

    def _said(self, body: bytes) -> object:
        address = urlsplit(self.path)
        _, *steps = [unquote(step) for step in address.path.strip("/").split("/")]
        if steps == ["oauth", "tokens"]:
            return _token(parse_qs(body.decode()))
        if self.headers.get("Authorization") != f"Bearer {_TOKEN}":
            msg = "There is no token in this request."
            raise UnauthorizedError(msg)
        if steps == ["config"]:
            [warehouse] = parse_qs(address.query)["warehouse"]
            return {"defaults": {}, "overrides": {"prefix": warehouse}}
        warehouse, *place = steps
        return _answered(self.server.catalog(warehouse), self.command, place, body)


def _answered(catalog: SqlCatalog, method: str, place: list[str], body: bytes) -> object:
    match method, place:
        case "POST", ["namespaces"]:
            made = NamespaceResponse.model_validate_json(body)
            catalog.create_namespace(made.namespace)
            return made
        case "GET", ["namespaces", name]:
            properties = catalog.load_namespace_properties(name)
            return NamespaceResponse(namespace=(name,), properties=properties)
        case "POST", ["namespaces", name, "tables"]:
            asked = CreateTableRequest.model_validate_json(body)
            staged = catalog.create_table_transaction(
                (name, asked.name),
                asked.table_schema,
                asked.location,
                properties=asked.properties,
            )
            return _table(staged._table)
        case "GET", ["namespaces", name, "tables", table]:
            return _table(catalog.load_table((name, table)))
        case "DELETE", ["namespaces", name, "tables", table]:
            catalog.drop_table((name, table))
            return {}
        case "POST", ["namespaces", name, "tables", table]:
            wish = CommitTableRequest.model_validate_json(body)
            named: Any = SimpleNamespace(name=lambda: (name, table))
            return catalog.commit_table(named, wish.requirements, wish.updates)
    msg = f"{method} {'/'.join(place)} is not answered here."
    raise NotImplementedError(msg)


def _token(asked: dict[str, list[str]]) -> TokenResponse | OAuthErrorResponse:
    if (asked.get("client_id"), asked.get("client_secret")) != ([CLIENT], [SECRET]):
        return OAuthErrorResponse(error="invalid_client", error_description="Who is that?")
    return TokenResponse(access_token=_TOKEN, token_type="bearer", expires_in=3600)  # noqa: S106


def _table(found: Table) -> TableResponse:
    place = None if isinstance(found, StagedTable) else found.metadata_location
    return TableResponse.model_validate({"metadata-location": place, "metadata": found.metadata})


if __name__ == "__main__":
    catalogs = _Catalogs(sys.argv[1])
    Thread(target=catalogs.serve_forever, daemon=True).start()
    print("http://{}:{}".format(*catalogs.server_address), flush=True)
    sys.stdin.read()
