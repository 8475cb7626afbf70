"""A lake: tables in an open format, in a folder or an object store."""

from __future__ import annotations
