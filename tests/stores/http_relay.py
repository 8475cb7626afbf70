"""A relay: a network between a client and an object store that can refuse, lose, cut and swallow."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.managers import BaseManager
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from tests.stores.actor import PROCESSES
from tests.stores.relay import drop_all

_REQUEST = re.compile(rb"^(GET|HEAD|PUT|POST|DELETE) (\S+) HTTP/1\.1\r$", re.MULTILINE)
_FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_ALL = float("inf")


class HttpRelay:
    """
    A TCP relay on a port of this machine.

    Until it is told otherwise it passes everything on. It makes another name of the header it is
    ``deaf_to`` (which clients send in one piece with all others). It can be told to hurt those who
    put an object there (or, with another method in ``hurts``, ask for it) in whose path is a
    certain word: all of them, or the first few.
    """

    def __init__(self, behind: str, deaf_to: str | None = None, hurts: str = "PUT") -> None:
        self._overheard = self._hurt = 0
        self._behind = urlsplit(behind).netloc
        self._hurts = hurts
        self._header = re.compile(f"^{deaf_to}:".encode(), re.MULTILINE | re.IGNORECASE)
        self._asked: list[tuple[str, str]] = []
        self._open: list[socket.socket] = []
        self._mute: set[socket.socket] = set()
        self._word, self._times, self._fault = "", 0.0, self._cut
        self._listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accepting, daemon=True).start()

    def leads(self, location: str) -> str:
        """Return the location of a lake in the object store, by way of this relay."""
        here = f"127.0.0.1:{self._listening.getsockname()[1]}"
        return location.replace(quote(self._behind, safe=""), quote(here, safe=""))

    def overheard(self) -> int:
        """Return how often the header was given another name."""
        return self._overheard

    def hurt(self) -> int:
        """Return how many requests were hurt."""
        return self._hurt

    def asked(self, method: str, ending: str) -> int:
        """Return how many requests there were for objects of this name."""
        return sum(one == method and path.endswith(ending) for one, path in self._asked)

    def forbid(self, word: str, times: float = _ALL) -> None:
        """Answer that this is forbidden."""
        self._word, self._times, self._fault = word, times, self._refuse

    def cut(self, word: str, times: float = _ALL) -> None:
        """Cut the connection when half of the object, or of its first piece, has gone through."""
        self._word, self._times, self._fault = word, times, self._cut

    def lose_answer(self, word: str, times: float = _ALL) -> None:
        """Let the whole object through, and cut the connection when the answer comes."""
        self._word, self._times, self._fault = word, times, self._pass_unheard

    def go_silent(self, word: str, times: float = _ALL) -> None:
        """Go on holding the connection, and answer nothing, like a machine without power."""
        self._word, self._times, self._fault = word, times, self._drop

    def hold(self, word: str, times: float = _ALL) -> None:
        """Take the request, pass nothing on and answer nothing, like a process that hangs."""
        self._word, self._times, self._fault = word, times, self._keep

    def _accepting(self) -> None:
        host, port = self._behind.split(":")
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection((host, int(port)))
                self._open += [near, far]
                for work in (self._ask, self._answer):
                    threading.Thread(target=work, args=(near, far), daemon=True).start()

    def _ask(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := near.recv(1 << 20):
                if self._is_hurt(data):
                    self._fault(data, near, far)
                    return
                heard, times = self._header.subn(b"x-nothing:", data)
                self._overheard += times
                far.sendall(heard)
            far.shutdown(socket.SHUT_WR)

    def _is_hurt(self, data: bytes) -> bool:
        found = [
            (method.decode(), unquote(path.decode())) for method, path in _REQUEST.findall(data)
        ]
        self._asked += [(method, urlsplit(path).path) for method, path in found]
        hurt = any(method == self._hurts and self._word in path for method, path in found)
        if not hurt or self._times <= 0:
            return False
        self._times -= 1
        self._hurt += 1
        return True

    def _answer(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(1 << 20):
                if near in self._mute and not data.startswith(b"HTTP/1.1 100"):
                    self._end(near, far)
                    return
                near.sendall(data)
            near.shutdown(socket.SHUT_WR)

    def _refuse(self, data: bytes, near: socket.socket, far: socket.socket) -> None:
        near.sendall(_FORBIDDEN)
        near.shutdown(socket.SHUT_RDWR)

    def _cut(self, data: bytes, near: socket.socket, far: socket.socket) -> None:
        head, end, body = data.partition(b"\r\n\r\n")
        body = body or near.recv(1 << 20)
        far.sendall(head + end + body[: len(body) // 2])
        self._end(near, far)

    def _pass_unheard(self, data: bytes, near: socket.socket, far: socket.socket) -> None:
        self._mute.add(near)
        far.sendall(data)
        while more := near.recv(1 << 20):
            far.sendall(more)

    def _keep(self, data: bytes, near: socket.socket, far: socket.socket) -> None:
        while near.recv(1 << 20):
            continue

    def _drop(self, data: bytes, near: socket.socket, far: socket.socket) -> None:
        drop_all(near)

    def _end(self, *ends: socket.socket) -> None:
        for one in ends:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class _Apart(BaseManager):
    pass


_Apart.register("relay", HttpRelay)


@contextmanager
def relayed(behind: str, deaf_to: str | None = None, hurts: str = "PUT") -> Iterator[Any]:
    """
    Run a relay until the end of the block, in a process of its own.

    A library that waits for an answer may keep the interpreter to itself meanwhile.
    """
    with _Apart(ctx=PROCESSES) as apart:
        yield apart.relay(behind, deaf_to, hurts)
