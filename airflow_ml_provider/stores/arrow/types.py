"""Arrow's types in families: the several ways in which it writes one thing."""

from __future__ import annotations

from typing import Any


def is_text(kind: Any) -> bool:
    """Whether an Arrow type is one of the strings."""
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def is_binary(kind: Any) -> bool:
    """Whether an Arrow type is one of the byte strings."""
    from pyarrow import types

    wide = types.is_large_binary(kind) or types.is_binary_view(kind)
    return bool(types.is_binary(kind) or wide or types.is_fixed_size_binary(kind))


def is_list(kind: Any) -> bool:
    """Whether an Arrow type is one of the lists."""
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))
