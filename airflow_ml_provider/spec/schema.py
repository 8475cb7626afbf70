"""The schema: the whole file as JSON Schema, for editors that complete and check YAML."""

from __future__ import annotations

from typing import Any

from airflow_ml_provider.spec.inheritance import MATRIX
from airflow_ml_provider.spec.profile import PROFILES
from airflow_ml_provider.spec.system import DEFAULTS, System

_MODELS = {
    "sources": "Source",
    "features": "Feature",
    "training": "Training",
    "inference": "Inference",
}
_MATRIX = {
    "description": (
        "Values by name. The entry stands for several, one for each choice of values, which its "
        "texts use as ${matrix:name}."
    ),
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {
        "type": "array",
        "minItems": 1,
        "items": {"type": ["string", "number", "boolean"]},
    },
    "examples": [{"region": ["eu", "us"]}],
}

Schema = dict[str, Any]


def json_schema() -> Schema:
    """Return the JSON Schema of the whole file."""
    schema = System.model_json_schema()
    models = schema["$defs"]
    for model in _MODELS.values():
        models[model]["properties"][MATRIX] = _MATRIX
        models[f"Some{model}"] = _closed(models[model]["properties"])
    properties = schema["properties"]
    for section, model in _MODELS.items():
        _name_by_matrix(properties[section], model)
    properties[DEFAULTS] = _defaults()
    properties[PROFILES] = _profiles(properties)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "airflow-ml system",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def _name_by_matrix(section: Schema, model: str) -> None:
    # A name that holds a value of the matrix is none of the plain ones.
    name = r"^[a-z0-9_]*(\$\{matrix:[a-z][a-z0-9_]*\}[a-z0-9_]*)+$"
    section["patternProperties"][name] = {"$ref": f"#/$defs/{model}"}


def _defaults() -> Schema:
    return {
        "description": "Keys that the entries of a section have in common, where they name none.",
        **_closed({section: _some(model) for section, model in _MODELS.items()}),
    }


def _profiles(properties: Schema) -> Schema:
    shared = {
        key: about
        for key, about in properties.items()
        if key not in {"version", "system", *_MODELS, PROFILES}
    }
    sections = {
        section: {"type": "object", "additionalProperties": _some(model)}
        for section, model in _MODELS.items()
    }
    return {
        "description": (
            "What differs, by the name of a profile such as dev or prod. The active one is laid "
            "over the rest: mappings are merged, all else is replaced."
        ),
        "type": "object",
        "additionalProperties": _closed({**shared, **sections}),
        "examples": [{"dev": {"store": "scratch"}, "prod": {"retries": 5}}],
    }


def _some(model: str) -> Schema:
    return {"$ref": f"#/$defs/Some{model}"}


def _closed(properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties}
