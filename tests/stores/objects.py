"""An object store that speaks S3, in a process of its own, and lakes in buckets of it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

from pyarrow.fs import S3FileSystem

from tests.stores.served import served

_SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
server.start()
print("http://{}:{}".format(*server.get_host_and_port()), flush=True)
sys.stdin.read()
"""
KEY, SECRET = "the-key", "the-secret"


def running_objects() -> AbstractContextManager[str]:
    """Run a server until the end of the block; yield its address."""
    return served("-c", _SERVER)


def bucket(address: str) -> str:
    """Make an empty bucket and return its name."""
    name = f"lake-{uuid4().hex[:12]}"
    server = S3FileSystem(
        access_key=KEY,
        secret_key=SECRET,
        endpoint_override=address,
        region="us-east-1",
        allow_bucket_creation=True,
    )
    server.create_dir(name)
    return name


def lake(address: str, bucket: str, ledger: Path, catalog: Path | None = None) -> str:
    """Return the location of a lake in a bucket, with ledger (and catalog) in SQLite files."""
    parameters = {
        "endpoint_url": address,
        "region": "us-east-1",
        "ledger_kind": "sqlite",
        "ledger_location": str(ledger),
        "stage": str(ledger.parent),
    }
    if catalog is not None:
        parameters |= {"catalog_kind": "sqlite", "catalog_location": str(catalog)}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
    return f"s3://{KEY}:{SECRET}@{bucket}/some/where?{query}"
