"""A server in a process of its own, which says where it is and ends with its input."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def served(*arguments: str) -> Iterator[str]:
    """Run Python with ``arguments`` until the end of the block; yield the address that it says."""
    server = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        address = server.stdout.readline().strip()
        assert address, f"No server has come up: {arguments}"
        yield address
    finally:
        server.stdin.close()
        server.stdout.close()
        server.wait(30)
