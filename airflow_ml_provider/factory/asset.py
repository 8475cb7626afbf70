"""Assets: what stands for a table of features, a model or predictions among Airflow's events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Asset

if TYPE_CHECKING:
    from urllib.parse import SplitResult


def feature_asset(name: str) -> Asset:
    """Return the asset of a feature view."""
    return _asset(name, "features")


def model_asset(name: str) -> Asset:
    """Return the asset of a model: its events are changes of the champion."""
    return _asset(name, "models")


def prediction_asset(name: str) -> Asset:
    """Return the asset of batch predictions."""
    return _asset(name, "predictions")


def checked_uri(uri: SplitResult) -> SplitResult:
    """
    Check an ``ml://<system>/…`` address, as Airflow asks of the scheme's owner.

    :raises ValueError: when it names no system or nothing in it.
    """
    if not uri.netloc or not uri.path.strip("/") or uri.query or uri.fragment:
        msg = f"{uri.geturl()!r} is no ml address. Write ml://<system>/<kind>/<name>."
        raise ValueError(msg)
    return uri


def _asset(full_name: str, kind: str) -> Asset:
    system, _, name = full_name.partition(".")
    asset = Asset(full_name, group=f"ml_{kind}")
    # Past the constructor, which would import the address handlers of every installed provider to
    # find ours, which would find nothing to change: half as long as the rest of a task's start.
    object.__setattr__(asset, "uri", f"ml://{system}/{kind}/{name}")
    return asset
