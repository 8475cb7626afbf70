"""A MariaDB server of our own, on a socket and on a port of this machine, gone afterwards."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_ml_provider.stores.connection.statement import quoted
from airflow_ml_provider.stores.ledger.schema import VERSION

_USER, _PASSWORD = "ml", "hunter2"
_ADMINISTRATOR = "root"
# What a test writes does not outlive its server, unless the server is killed: then the log on disk
# counts, which the system keeps when a process dies.
_SETTINGS = (
    "--no-defaults",
    "--skip-log-bin",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-buffer-pool-size=128M",
    "--innodb-log-file-size=64M",
    "--innodb-flush-method=nosync",
    "--skip-name-resolve",
    "--max-connections=200",
    "--bind-address=127.0.0.1",
)
_UNKNOWN_CONNECTION = 1094
_OWN = ("information_schema", "mysql", "performance_schema", "sys", "test")


@contextmanager
def running_mariadb(folder: Path, *settings: str) -> Iterator[str]:
    """
    Start a server with its data in ``folder`` and yield the location of a database in it.

    Tests are skipped where MariaDB is not installed.
    """
    made = shutil.which("mariadb-install-db")
    if made is None or shutil.which("mariadbd") is None:
        pytest.skip("No MariaDB server is installed: apt-get install mariadb-server")
    place = [f"--datadir={folder / 'data'}", f"--user={getpass.getuser()}"]
    access = ["--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run([made, "--no-defaults", *place, *access], check=True, capture_output=True)
    with started(folder, *settings) as location:
        administer(
            location,
            f"CREATE USER {_USER}@'%' IDENTIFIED BY '{_PASSWORD}'",
            f"GRANT ALL ON *.* TO {_USER}@'%'",
        )
        yield location


@contextmanager
def started(folder: Path, *settings: str) -> Iterator[str]:
    """Start the server whose data is in ``folder``; what killed it leaves is mended first."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    place = [f"--datadir={folder / 'data'}", f"--socket={folder / 's'}", f"--port={port}"]
    whose = [f"--user={getpass.getuser()}", f"--pid-file={folder / 'pid'}"]
    log = (folder / "log").open("ab")
    process = subprocess.Popen(
        ["mariadbd", *_SETTINGS, *place, *whose, *settings], stdout=log, stderr=log
    )
    try:
        _awaited(process, folder)
        yield (f"mysql://{_USER}:{_PASSWORD}@127.0.0.1:{port}/test?unix_socket={folder / 's'}")
    finally:
        process.terminate()
        process.wait(60)
        log.close()


def _awaited(process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline, "MariaDB does not answer."
        try:
            with socket.socket(socket.AF_UNIX) as wire:
                wire.connect(str(folder / "s"))
                return
        except OSError:
            time.sleep(0.05)


@contextmanager
def administrator(location: str) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """Yield what runs a statement as the administrator, in the database of the location."""
    import pymysql

    parts = urlsplit(location)
    with pymysql.connect(
        unix_socket=parse_qs(parts.query)["unix_socket"][0],
        user=_ADMINISTRATOR,
        autocommit=True,
        sql_mode="ANSI_QUOTES",
    ) as connection:
        cursor = connection.cursor()

        def run(statement: str) -> list[tuple[Any, ...]]:
            cursor.execute(statement)
            return list(cursor.fetchall())

        run(f"CREATE DATABASE IF NOT EXISTS {parts.path[1:]}")
        run(f"USE {parts.path[1:]}")
        yield run


def administer(location: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements as the administrator, and return the rows of the last one."""
    with administrator(location) as run:
        return [run(statement) for statement in statements][-1]


def emptied(location: str) -> None:
    """
    End every session, which may hold locks, and drop what tests have made.

    The tables of the ledger stay, without their rows: to make them takes a second or so.
    """
    with administrator(location) as run:
        for (number,) in run(
            f"SELECT id FROM information_schema.processlist WHERE user = '{_USER}'"
        ):
            _ended(run, number)
        for (name,) in run("SHOW DATABASES"):
            if name not in _OWN:
                run(f"DROP DATABASE {quoted(name)}")
        for (name,) in run("SHOW TABLES"):
            run(f"{'DELETE FROM' if name.startswith('ml_') else 'DROP TABLE'} {quoted(name)}")
        if run("SHOW TABLES"):
            run(f"INSERT INTO ml_ledger_version VALUES ({VERSION})")


def _ended(run: Callable[[str], object], number: int) -> None:
    import pymysql

    try:
        run(f"KILL {number}")
    except pymysql.err.Error as error:
        if error.args[0] != _UNKNOWN_CONNECTION:
            raise
