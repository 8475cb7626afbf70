"""Conversion of dag-factory's YAML into ours, with a note for everything that does not map."""

from __future__ import annotations
