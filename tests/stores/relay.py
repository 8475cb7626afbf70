"""A relay: a network between a client and a database server that can lose, cut and swallow."""

from __future__ import annotations

import ctypes
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import pytest

from tests.stores.conftest import Place

_SO_ATTACH_FILTER = 26


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("jt", ctypes.c_uint8),
        ("jf", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("len", ctypes.c_uint16), ("filter", ctypes.POINTER(_Instruction)))


def drop_all(connection: socket.socket) -> None:
    """Let the kernel drop every packet that comes in, so that nothing is even acknowledged."""
    return_zero = _Instruction(0x06, 0, 0, 0)
    program = _Program(1, ctypes.pointer(return_zero))
    connection.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, bytes(program))


def _can_drop() -> bool:
    with socket.socket() as any_socket:
        try:
            drop_all(any_socket)
        except PermissionError:
            return False
    return True


silent = pytest.mark.skipif(
    not _can_drop(), reason="nobody may filter the packets of a socket here"
)


class Relay:
    """
    A TCP relay on a port of this machine, in front of the socket of a server.

    Until it is told otherwise it passes everything on. What it is told holds for the connections
    that are open, or for the next COMMIT; later connections are well.
    """

    def __init__(self, behind: Place) -> None:
        self._kind, self._parts = behind.kind, urlsplit(behind.location)
        query = parse_qs(self._parts.query)
        if behind.kind == "mysql":
            self._server = query["unix_socket"][0]
        else:
            self._server = next(str(p) for p in Path(query["host"][0]).glob(".s.PGSQL.????"))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[tuple[socket.socket, socket.socket]] = []
        self._silent: set[socket.socket] = set()
        self._answered = threading.Event()
        self._at_commit: Callable[[bytes, socket.socket, socket.socket], None] | None = None
        threading.Thread(target=self._accepting, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()
        for near, far in self._open:
            near.close()
            far.close()

    def place(self, **settings: int) -> Place:
        """Return the database behind, by way of this relay."""
        port = self._listening.getsockname()[1]
        # What is encrypted it could not recognise.
        user, plain = {"mysql": ("ml", {"ssl_mode": "disabled"})}.get(self._kind, ("postgres", {}))
        netloc = f"{user}:hunter2@127.0.0.1:{port}"
        parts = self._parts._replace(netloc=netloc, query=urlencode({**plain, **settings}))
        return Place(self._kind, urlunsplit(parts))

    def cut(self) -> None:
        """Cut every connection, on both sides."""
        for pair in self._open:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def go_silent(self) -> None:
        """Go on holding every connection, and answer nothing, like a machine without power."""
        for near, far in self._open:
            drop_all(near)
            self._silent |= {near, far}

    def lose_answer_to_commit(self) -> None:
        """Hand the next COMMIT to the server, wait until it has answered, and cut."""

        def lose(data: bytes, near: socket.socket, far: socket.socket) -> None:
            self._silent.add(near)
            far.sendall(data)
            self._answered.wait(60)
            self.cut()

        self._at_commit = lose

    def lose_commit(self) -> None:
        """Cut before the next COMMIT reaches the server."""
        self._at_commit = lambda data, near, far: self.cut()

    def swallow_commit(self) -> None:
        """Go silent before the next COMMIT reaches the server."""
        self._at_commit = lambda data, near, far: self.go_silent()

    def _accepting(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._server)
                self._open.append((near, far))
                for work in (self._ask, self._answer):
                    threading.Thread(target=work, args=(near, far), daemon=True).start()

    def _ask(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := near.recv(65_536):
                if b"COMMIT" in data and self._at_commit is not None:
                    at_commit, self._at_commit = self._at_commit, None
                    at_commit(data, near, far)
                    return
                if near in self._silent:
                    return
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)

    def _answer(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(65_536):
                if near in self._silent:
                    self._answered.set()
                    return
                near.sendall(data)
            near.shutdown(socket.SHUT_WR)
