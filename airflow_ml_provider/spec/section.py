"""A section: a mapping of known keys; any other key is refused."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """
    The base of everything a user writes: frozen once read, closed to unknown keys.

    In Python a key that is one of its words goes by the name of its field: ``reads`` for ``from``.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        serialize_by_alias=True,
        validate_by_alias=True,
        validate_by_name=True,
    )
