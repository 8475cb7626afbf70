"""Memory of this process, as the kernel has it, in MiB."""

from __future__ import annotations

from pathlib import Path


def resident() -> float:
    """Return what is resident now."""
    return _status("VmRSS")


def peak() -> float:
    """Return what was resident at most."""
    return _status("VmHWM")


def forget_peak() -> None:
    """Let the kernel forget the peak there was before."""
    Path("/proc/self/clear_refs").write_text("5")


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    found = next(line for line in lines if line.startswith(f"{field}:"))
    return int(found.split()[1]) / 1024
