"""A relay in front of an object store that is deaf to a header, or forbids some objects."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import suppress
from typing import Self
from urllib.parse import quote, urlsplit

_REQUEST = re.compile(rb"^(GET|HEAD|PUT|POST|DELETE) (\S+) HTTP/1\.1\r$", re.MULTILINE)
_FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Deaf:
    """
    A TCP relay on a port of this machine.

    It makes another name of ``header`` (which clients send in one piece with all others), and
    forbids to write objects in whose path there is ``forbidden``.
    """

    def __init__(self, behind: str, header: str | None = None, forbidden: str = "\n") -> None:
        self.overheard = 0
        self._behind, self._forbidden = urlsplit(behind).netloc, forbidden.encode()
        self._header = re.compile(f"^{header}:".encode(), re.MULTILINE | re.IGNORECASE)
        self._asked: list[tuple[str, str]] = []
        self._open: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accepting, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for one in (self._listening, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    @property
    def instead(self) -> tuple[str, str]:
        """What to replace in a location, and by what, so that it leads here."""
        here = f"127.0.0.1:{self._listening.getsockname()[1]}"
        return quote(self._behind, safe=""), quote(here, safe="")

    def asked(self, method: str, ending: str) -> int:
        """Return how many requests there were for objects of this name."""
        return sum(one == method and path.endswith(ending) for one, path in self._asked)

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
                for method, path in _REQUEST.findall(data):
                    self._asked.append((method.decode(), urlsplit(path.decode()).path))
                    if method != b"GET" and self._forbidden in path:
                        near.sendall(_FORBIDDEN)
                        near.shutdown(socket.SHUT_RDWR)
                        return
                heard, times = self._header.subn(b"x-nothing:", data)
                self.overheard += times
                far.sendall(heard)
            far.shutdown(socket.SHUT_WR)

    def _answer(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(1 << 20):
                near.sendall(data)
            near.shutdown(socket.SHUT_WR)
