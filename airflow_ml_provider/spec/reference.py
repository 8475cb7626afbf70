"""A reference: every key of the language on one page, written from the models themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_ml_provider.spec.schema import json_schema
from airflow_ml_provider.spec.yaml12 import flow

_SECTIONS = (
    ("sources", "Source", "one entry of `sources`"),
    ("ready", "Ready", "`ready` of a source"),
    ("features", "Feature", "one entry of `features`"),
    ("checks", "Checks", "`checks` of features and predictions"),
    ("rows", "RowBounds", "`rows` of checks"),
    ("training", "Training", "one entry of `training`"),
    ("label", "TrainingLabel", "`label` of a training"),
    ("retrain", "Retrain", "`retrain` of a training"),
    ("promote", "Promote", "`promote` of a training"),
    ("inference", "Inference", "one entry of `inference`"),
)
_INTRODUCTION = """\
# The language

Every key of a system's YAML file. This page is written by `airflow-ml schema --page` from the models that read the file, and a test holds it in step with them. `airflow-ml schema` prints the same as JSON Schema, for editors. What keys are for is told in [systems.md](systems.md).

Values are plain YAML 1.2: `yes`, `no`, `on` and `off` are text, a key may stand once, anchors may be used, tags and merge keys (`<<`) may not. Durations are a number and one of s, m, h, d, w. A file has at most 256 KiB, 20,000 values, 32 levels, and 500 entries made by matrices.

In owners, connections, tables and time zones, and nowhere else, `${env:NAME}` is a variable of the environment and `${var:name}` an Airflow Variable; in connections, `${conn:id}` is the id of a connection that must exist. `${matrix:name}` is a value of an entry's matrix, in any of its texts.
"""

Schema = Mapping[str, Any]


def reference() -> str:
    """Return the page as Markdown."""
    schema = json_schema()
    models = schema["$defs"]
    parts = [_INTRODUCTION, _table("The file", schema["description"], schema)]
    for key, model, where in _SECTIONS:
        title = f"{key}: {where}"
        parts.append(_table(title, models[model].get("description", ""), models[model]))
    return "\n".join(parts)


def _table(title: str, description: str, model: Schema) -> str:
    rows = "\n".join(_rows(model))
    return (
        f"## {title}\n\n{description}\n\n| key | value | meaning |\n| --- | --- | --- |\n{rows}\n"
    )


def _rows(model: Schema) -> Iterator[str]:
    required = model.get("required", ())
    for name, about in model["properties"].items():
        must = " (required)" if name in required else ""
        yield f"| `{name}`{must} | {_cell(_value(about))} | {_cell(_meaning(about))} |"


def _meaning(about: Schema) -> str:
    told = str(about.get("description", ""))
    default = about.get("default")
    if default in (None, [], "") or isinstance(default, dict) or "Default:" in told:
        return told
    return f"{told} Default: `{flow(default)}`."


def _value(about: Schema) -> str:
    options = [each for each in about.get("anyOf", [about]) if each.get("type") != "null"]
    examples = about.get("examples") or [e for each in options for e in each.get("examples", ())]
    accepted = [choice for each in options for choice in each.get("enum", ())]
    if accepted:
        return ", ".join(f"`{choice}`" for choice in accepted)
    if examples:
        return ", ".join(f"`{flow(example)}`" for example in examples)
    return _kind(options[0] if options else about)


def _kind(about: Schema) -> str:
    kinds = {
        "array": "a list",
        "boolean": "`true` or `false`",
        "integer": "a whole number",
        "number": "a number",
        "object": "a mapping",
        "string": "text",
    }
    if "$ref" in about or "additionalProperties" in about:
        return "a mapping"
    return kinds.get(str(about.get("type")), "see its own section")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
