"""YAML 1.2 on PyYAML: no yes and no, no sexagesimals, no dates, nothing but plain values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import yaml

try:
    from yaml import CSafeLoader as _Base
except ImportError:  # PyYAML was built without libyaml: the same language, read more slowly
    from yaml import SafeLoader as _Base  # type: ignore[assignment]

TAG = "tag:yaml.org,2002:"

# The core schema: name, shape, and the characters that such a scalar may begin with.
_SCHEMA = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
)


class Parser(_Base):
    """PyYAML's C parser with the scalars of YAML 1.2: no yes/no, no sexagesimals, no dates."""


class _Writer(yaml.SafeDumper):
    """PyYAML's writer, which also quotes text that YAML 1.2 would read as a number."""

    def ignore_aliases(self, data: object) -> bool:
        return True


Parser.yaml_implicit_resolvers = {}
for _name, _shape, _first in _SCHEMA:
    for _class in (Parser, _Writer):
        _class.add_implicit_resolver(TAG + _name, re.compile(rf"(?:{_shape})\Z"), _first)


def write_yaml(data: object) -> str:
    """Return plain ``data`` as YAML that :func:`read_document` reads back as equal values."""
    # Escaped beyond ASCII: of U+0085 and its like, written plainly, the parser makes a space.
    text: str = yaml.dump(data, Dumper=_Writer, sort_keys=False, allow_unicode=False)
    return text


def flow(value: object) -> str:
    """Return ``value`` on one line, as a hint shows what to write."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def _integer(text: str) -> int:
    if text[:2] not in {"0o", "0x"}:
        return int(text)
    # Python takes these of any length, and then cannot write them: here both have one limit.
    return int(str(int(text, 0)))


def _number(text: str) -> float:
    # Python writes infinity and NaN without the dot.
    return float(text if text[-1].isdigit() or text.endswith(".") else text.replace(".", ""))


SCALARS: Mapping[str, Callable[[str], object]] = {
    "null": lambda _: None,
    "bool": lambda text: bool(["false", "true"].index(text.lower())),
    "int": _integer,
    "float": _number,
}
