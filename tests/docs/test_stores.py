"""The page on stores: its table of capabilities is what the stores say of themselves."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.stores.generic.engines import KNOWN, unknown
from airflow_ml_provider.stores.generic.profile import Profile
from airflow_ml_provider.stores.open import KINDS, open_store

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "airflow_ml_provider" / "doc" / "stores.md").read_text()


def rows(first_cell: str) -> list[list[str]]:
    """Return the cells of the table whose head begins with ``first_cell``."""
    table = re.search(rf"^\| {first_cell} \|.*?(?=^$)", PAGE, re.DOTALL | re.MULTILINE)
    assert table is not None
    lines = table.group().splitlines()
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]


def test_it_tells_the_capabilities_of_every_store(tmp_path):
    (_, *kinds), _, *lines = rows("capability")
    told = {kind: {} for kind in kinds}
    for name, *answers in lines:
        for kind, answer in zip(kinds, answers, strict=True):
            told[kind][name] = {"yes": True, "no": False}[answer]

    servers = {"postgres": "postgresql://nowhere/x", "mysql": "mysql://nowhere/x"}
    locations = dict.fromkeys(KINDS, str(tmp_path / "store")) | servers
    stores = {kind: open_store(kind, locations[kind]) for kind in KINDS}
    assert told == {kind: asdict(store.capabilities) for kind, store in stores.items()}


def test_it_tells_what_is_known_of_other_engines():
    told = {cells[0]: cells[1:] for cells in rows("type")[2:]}
    profiles = {**KNOWN, "any other": unknown("any other")}
    assert told == {kind: described(profile) for kind, profile in profiles.items()}


def described(profile: Profile) -> list[str]:
    try:
        profile.require_enough()
    except ConfigurationError:
        way = "refused"
    else:
        way = "exchanged in a transaction" if profile.capabilities.transactions else "in versions"
    assert not profile.capabilities.new_versions  # which the page says of all of them
    lacking = sorted(
        name
        for name, there in asdict(profile.capabilities).items()
        if not there and name != "new_versions"
    )
    return [way, "`, `".join(lacking), "yes" if profile.tested else "no"]


def test_it_says_how_every_kind_is_reached():
    told = {line[0] for line in rows("connection type")[2:]}
    assert told == set(KINDS) - {"memory"}
