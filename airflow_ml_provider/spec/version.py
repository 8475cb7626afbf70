"""The version of the language: it counts up when files would have to be rewritten."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from airflow_ml_provider.spec.document import Document, shown
from airflow_ml_provider.spec.fault import Fault
from airflow_ml_provider.spec.reading import refuse

KEY = "version"
KNOWN = (1,)


def unknown_version(document: Document) -> Fault | None:
    """
    Return a fault when ``document`` is written in a version that this release does not know.

    It is looked at before anything else: the rest of such a file would be misunderstood.
    """
    value = document.value
    if not isinstance(value, dict) or KEY not in value or _is_known(value[KEY]):
        return None
    message, hint = _unknown(value[KEY])
    return document.fault_at((KEY,), f"{KEY}: {message}", hint)


def read_version(value: object) -> int:
    """Read the number of a version that this release knows."""
    if not _is_known(value):
        refuse(*_unknown(value))
    return int(value)  # type: ignore[call-overload, no-any-return]  # it is a known number


def _is_known(value: object) -> bool:
    return type(value) is int and value in KNOWN


def _unknown(value: object) -> tuple[str, str]:
    from importlib.metadata import version

    known = ", ".join(map(str, KNOWN))
    newer = type(value) is int and value > max(KNOWN)
    cure = "Install a newer airflow-ml-provider, or write" if newer else "Write"
    release = f"airflow-ml-provider {version('airflow-ml-provider')}"
    words = f"{release} knows version {known} of the language, not {shown(value)}"
    return words, f"{cure} 'version: {KNOWN[-1]}'."


Version = Annotated[int, BeforeValidator(read_version), WithJsonSchema({"enum": list(KNOWN)})]
