"""When a run is made, and for which partition: timetables and mappers on one calendar."""

from __future__ import annotations
