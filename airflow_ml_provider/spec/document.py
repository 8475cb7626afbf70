"""A document: YAML text as plain values, with the place of every one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from airflow_ml_provider.spec.fault import Fault
from airflow_ml_provider.spec.yaml12 import SCALARS, TAG, Parser

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_VALUES = 20_000

# libyaml's composer recurses on the C stack: text nested this deep is refused before it gets there.
_SAFE_NESTING = 1_000
_SHOWN = 40
_MAP, _SEQ = TAG + "map", TAG + "seq"

Loc = tuple[str | int, ...]


@dataclass(slots=True)
class Document:
    """
    One YAML file: its text, its values, and every fault found while reading them.

    ``unreadable``: so broken that its values say nothing.
    """

    path: Path
    text: str
    value: object = None
    root: yaml.Node | None = None
    unreadable: bool = False
    faults: list[Fault] = field(default_factory=list)
    moved: Mapping[Loc, Loc] = field(default_factory=dict)

    def fault_at(
        self, loc: Sequence[str | int], message: str, hint: str = "", *, at_key: bool = False
    ) -> Fault:
        """
        Return a fault at the value (or its key) that ``loc`` leads to, as near as it exists.

        ``moved`` says of values that were put elsewhere where they were written.
        """
        loc = written_at(tuple(loc), self.moved)
        node, key = self.root, None
        for index, step in enumerate(loc):
            entry = _child(node, step)
            if entry is None:
                # A missing key points at the key of the mapping that lacks it.
                at_key = at_key or index < len(loc)
                break
            key, node = entry
        chosen = key if at_key and key is not None else node
        return self._fault(chosen, message, hint)

    def _fault(self, node: yaml.Node | None, message: str, hint: str = "") -> Fault:
        if node is None:
            return Fault(self.path, 1, 1, message, hint)
        start, end = node.start_mark, node.end_mark
        scalar = isinstance(node, yaml.ScalarNode) and start.line == end.line
        length = end.column - start.column if scalar else 1
        return self.fault_on(start.line, start.column, message, hint, length=length)

    def fault_on(
        self, line: int, column: int, message: str, hint: str = "", *, length: int = 1
    ) -> Fault:
        """Return a fault at ``line`` and ``column``, both counted from 0."""
        lines = self.text.split("\n")
        excerpt = lines[line].rstrip() if line < len(lines) else ""
        shown = "".join(char if char.isprintable() else " " for char in excerpt)
        return Fault(self.path, line + 1, column + 1, message, hint, shown, max(1, length))


def written_at(loc: Loc, moved: Mapping[Loc, Loc]) -> Loc:
    """Return where the value at ``loc`` was written: the longest part of it that moved decides."""
    for length in range(len(loc), 0, -1) if moved else ():
        if loc[:length] in moved:
            return (*moved[loc[:length]], *loc[length:])
    return loc


def read_document(
    path: Path, text: str, *, if_empty: str = "Write at least 'system', 'owner' and 'start'."
) -> Document:
    """Read YAML ``text``; what is wrong with it is in the document's ``faults``."""
    document = Document(path, text)
    try:
        too_deep = _nesting_fault(document)
        if too_deep is not None:
            return _given_up(document, too_deep)
        document.root = Parser(text).get_single_node()
    except yaml.YAMLError as error:
        return _given_up(document, _syntax_fault(document, error))
    if document.root is None:
        return _given_up(document, document.fault_on(0, 0, "the file is empty", if_empty))
    document.value = _Builder(document).build(document.root)
    return document


def _given_up(document: Document, fault: Fault) -> Document:
    document.faults.append(fault)
    document.unreadable = True
    return document


def _nesting_fault(document: Document) -> Fault | None:
    text = document.text
    longest = max(map(len, text.split("\n")))
    if text.count("[") + text.count("{") + longest < _SAFE_NESTING:
        return None
    depth = 0
    for event in yaml.parse(text, Parser):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            mark = event.start_mark
            line, column = (mark.line, mark.column) if mark is not None else (0, 0)
            return document.fault_on(line, column, _TOO_DEEP)
    return None


_MERGED = "Write what entries share under 'defaults', or repeat a value by its alias (*name)."
_CLOSE = "Write its ']' or '}', and a ',' between values."
_TOO_DEEP = f"lists and mappings are nested more than {MAX_DEPTH} deep"


def _syntax_fault(document: Document, error: yaml.YAMLError) -> Fault:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    context = getattr(error, "context", None)
    message = f"this is not YAML: {problem}" + (f" ({context})" if context else "")
    line, column = (mark.line, mark.column) if mark is not None else _offset(document.text, error)
    hint = _syntax_hint(document.text, line, problem)
    opened = getattr(error, "context_mark", None)
    if opened is not None and opened.line < line and "expected ',' or" in problem:
        # What is missing was missed lines later, where the next key stands.
        message, hint = "this is not YAML: what is opened here is not closed", hint or _CLOSE
        line, column = opened.line, opened.column
    return document.fault_on(line, column, message, hint)


def _offset(text: str, error: yaml.YAMLError) -> tuple[int, int]:
    # A character that YAML forbids is told by its position only.
    before = text[: getattr(error, "position", 0) or 0]
    return before.count("\n"), len(before) - before.rfind("\n") - 1


def _syntax_hint(text: str, line: int, problem: str) -> str:
    lines = text.split("\n")
    near = lines[line] if line < len(lines) else ""
    if "\t" in near[: len(near) - len(near.lstrip())] or "'\\t'" in problem:
        return "Indent with spaces: YAML accepts no tabs there."
    if "${" in near and "expected ',' or" in problem:
        return "Quote text with ${…} where it stands inside braces or brackets."
    if "mapping values are not allowed" in problem:
        return "Look at the indentation, or quote the text that has a ': ' in it."
    if "single document" in problem:
        return "Write one system a file, with no '---' inside."
    if "undefined alias" in problem or "found undefined" in problem:
        return "Quote text that begins with '*'."
    return ""


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        # The last one counts, as it does for the values; pydantic's words for unions fall through.
        for key, value in reversed(node.value):
            if key.value == str(step):
                return key, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
    return None


class _Builder:
    """
    Turns nodes into str, int, float, bool, None, list and dict, and nothing else.

    An alias is built again wherever it stands, so that counting values stops an alias bomb.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._left = MAX_VALUES

    def build(self, node: yaml.Node, depth: int = 0) -> object:
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            if self._left > -MAX_VALUES:
                message = _TOO_DEEP if depth > MAX_DEPTH else f"more than {MAX_VALUES:,} values"
                self._refuse(node, message, "Is an alias (*name) repeated inside itself?")
                self._document.unreadable = True
            self._left = -MAX_VALUES
            return None
        if node.tag == _MAP and isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        if node.tag == _SEQ and isinstance(node, yaml.SequenceNode):
            return [self.build(item, depth + 1) for item in node.value]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, object]:
        built: dict[str, object] = {}
        lines: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._refuse(key, "a key must be text, and this is a list or a mapping")
                continue
            if key.value == "<<" and not key.style:
                self._refuse(key, "merge keys (<<) are not accepted: YAML 1.2 has none", _MERGED)
                self._document.unreadable = True
            if key.value in lines:
                first = f"It stands in line {lines[key.value]} already. Keep one of them."
                self._refuse(key, f"the key {shown(key.value)} is written twice", first)
            lines.setdefault(key.value, key.start_mark.line + 1)
            built[key.value] = self.build(value, depth + 1)
        return built

    def _scalar(self, node: yaml.Node) -> object:
        kind, text = node.tag.removeprefix(TAG), node.value
        if kind == "str":
            return text
        try:
            return SCALARS[kind](text)
        except KeyError:
            hint = "Write plain values: text, numbers, true, false, lists and mappings."
            self._refuse(node, f"the tag {shown(node.tag)} is not accepted here", hint)
        except (ValueError, AttributeError, TypeError):
            self._refuse(node, f"{shown(text)} cannot be read as {kind}")
        return None

    def _refuse(self, node: yaml.Node, message: str, hint: str = "") -> None:
        self._document.faults.append(self._document._fault(node, message, hint))  # noqa: SLF001


def shown(value: object) -> str:
    """Return ``value`` as a message shows it: short, and in YAML's words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
