"""A proof that a pipeline may be run again: the same answer after reruns, kills and races."""

from __future__ import annotations
