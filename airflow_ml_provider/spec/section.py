"""A section: a mapping of known keys; any other key is refused."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """The base of everything a user writes: frozen once read, closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)
