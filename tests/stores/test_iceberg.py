"""Iceberg tables of others: packed, expired, changed, made otherwise; and what others see of ours."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    ManifestWriterV2,
)
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _FastAppendFiles
from pyiceberg.typedef import Record
from pyiceberg.types import DoubleType, StringType

from airflow_ml_provider.domain.errors import (
    ConfigurationError,
    MissingExtraError,
    SchemaMismatchError,
)
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.ports import Query
from airflow_ml_provider.stores.connection.session import ConflictError
from airflow_ml_provider.stores.lake.store import LakeStore
from airflow_ml_provider.stores.open import open_store
from tests.stores.conftest import Place
from tests.stores.world import (
    NOW,
    READINGS,
    claim,
    day,
    owned,
    put,
    readings,
    values,
    vouched,
)

if TYPE_CHECKING:
    from pyiceberg.table import Table

_DELETES = pa.schema(
    [
        pa.field("file_path", pa.string(), metadata={"PARQUET:field_id": "2147483546"}),
        pa.field("pos", pa.int64(), metadata={"PARQUET:field_id": "2147483545"}),
    ]
)


@pytest.fixture
def store(iceberg: Place) -> Iterator[LakeStore]:
    with open_store(iceberg.kind, iceberg.location) as opened:
        assert isinstance(opened, LakeStore)
        yield opened


@pytest.fixture
def others(iceberg: Place, store: LakeStore) -> Iterator[SqlCatalog]:
    """The catalog as another program opens it."""
    with SqlCatalog("default", uri=f"sqlite:///{iceberg.location}/_ml_catalog.sqlite") as catalog:
        yield catalog


def theirs(others: SqlCatalog) -> Table:
    return others.load_table(("lab", "readings"))


def made_by_others(others: SqlCatalog, store: LakeStore, **more: Any) -> Table:
    others.create_namespace_if_not_exists("lab")
    place = str(Path(store.address.partition(":")[2]) / "elsewhere")
    return others.create_table(("lab", "readings"), readings(day(5), 1).schema, place, **more)


def test_any_reader_of_iceberg_sees_our_rows_and_what_they_are_made_from(
    store: LakeStore, others: SqlCatalog
) -> None:
    put(store, day(5), readings(day(5), 3))
    put(store, day(5), readings(day(5), 2, value=7.0))
    table = theirs(others)
    assert table.scan().to_arrow().column("value").to_pylist() == [7.0, 8.0]
    latest = table.current_snapshot()
    assert latest is not None
    assert latest.summary is not None
    assert '"params": "params"' in str(latest.summary["airflow_ml"])
    assert latest.summary["total-records"] == "2"
    assert table.properties["airflow-ml.token.2024-01-05"] == f"2 {NOW:%Y-%m-%d}"
    narrow = table.scan(row_filter=f"ts >= '{day(6).start.isoformat()}'")
    assert list(narrow.plan_files()) == []


def test_one_write_is_one_snapshot(store: LakeStore, others: SqlCatalog) -> None:
    for count in (3, 2, 0):
        put(store, day(5), readings(day(5), count))
    put(store, day(5), readings(day(5), 0))
    operations = [one.summary.operation for one in theirs(others).snapshots() if one.summary]
    assert operations == [Operation.APPEND, Operation.OVERWRITE, Operation.DELETE]


def test_manifests_of_what_is_gone_are_not_kept(store: LakeStore, others: SqlCatalog) -> None:
    for count in range(1, 6):
        put(store, day(5), readings(day(5), count))
    latest = theirs(others).current_snapshot()
    assert latest is not None
    assert len(latest.manifests(theirs(others).io)) == 2


def test_the_rows_of_a_day_leave_a_file_that_holds_other_days(
    store: LakeStore, others: SqlCatalog
) -> None:
    for number in (4, 5, 6):
        put(store, day(number), readings(day(number), number))
    neighbours = [store.version(READINGS, "ts", day(number)) for number in (4, 6)]
    packed(others)
    assert put(store, day(5), readings(day(5), 5)).change is Change.UNCHANGED
    put(store, day(5), readings(day(5), 2, value=7.0))
    assert values(store, day(5)) == [7.0, 8.0]
    assert [store.version(READINGS, "ts", day(number)) for number in (4, 6)] == neighbours
    assert len(list(theirs(others).scan().plan_files())) == 2
    vouched(store, day(6))


def packed(others: SqlCatalog) -> None:
    """Put all rows into one file, as compaction does."""
    table = theirs(others)
    table.overwrite(table.scan().to_arrow())
    assert len(list(table.scan().plan_files())) == 1


def test_rows_that_a_stranger_added_go_and_those_of_other_days_stay(
    store: LakeStore, others: SqlCatalog
) -> None:
    put(store, day(5), readings(day(5), 3))
    late = pa.concat_tables([readings(day(5), 2, 50.0), readings(day(6), 2, 60.0)])
    nobody = late.slice(0, 1).set_column(0, "ts", pa.nulls(1, late.schema.field("ts").type))
    theirs(others).append(pa.concat_tables([late, nobody]))
    assert store.count(READINGS, owned(day(5))) == 5
    assert put(store, day(5), readings(day(5), 3)).change is Change.WRITTEN
    assert values(store, day(5)) == [1.0, 2.0, 3.0]
    assert values(store, day(6)) == [60.0, 61.0]
    whole = theirs(others).scan().to_arrow()
    assert (whole.num_rows, whole["ts"].null_count) == (6, 1)


def test_a_partitioned_table_is_read_and_not_written(store: LakeStore, others: SqlCatalog) -> None:
    table = made_by_others(others, store)
    with table.update_spec() as spec:
        spec.add_identity("sensor")
    table.append(readings(day(5), 4))
    query = Query("SELECT count(*) AS n FROM lab.readings a JOIN lab.readings b USING (ts)")
    assert store.query(query).read_all().to_pylist() == [{"n": 4}]
    assert values(store, day(5)) == [1.0, 2.0, 3.0, 4.0]
    with pytest.raises(SchemaMismatchError, match=r"partitions by identity\(sensor\)"):
        put(store, day(5), readings(day(5), 2))
    assert store.count(READINGS, owned(day(5))) == 4


def test_a_table_of_a_newer_version_is_read_and_not_written(
    store: LakeStore, others: SqlCatalog
) -> None:
    metadata = Path(made_by_others(others, store).metadata_location)
    newer = json.loads(metadata.read_text()) | {"format-version": 3, "next-row-id": 0}
    metadata.write_text(json.dumps(newer))
    assert store.count(READINGS, owned(day(5))) == 0
    with pytest.raises(SchemaMismatchError, match="version 3 of the format"):
        put(store, day(5), readings(day(5), 2))


class Deleting(_FastAppendFiles):
    """A snapshot in which some rows of files are deleted, and the files stay."""

    kind = DataFileContent.POSITION_DELETES

    def _manifests(self) -> list[ManifestFile]:
        return [*self._existing_manifests(), self._deletes()]

    def _deletes(self) -> ManifestFile:
        [data] = self._transaction._table.scan().plan_files()
        path = f"{self._transaction._table.location()}/data/deletes.parquet"
        rows = pa.table({"file_path": [data.file.file_path], "pos": pa.array([1], pa.int64())})
        pq.write_table(rows.cast(_DELETES), path)
        entry = DataFile.from_args(
            content=self.kind,
            file_path=path,
            file_format=FileFormat.PARQUET,
            partition=Record(),
            record_count=1,
            file_size_in_bytes=Path(path).stat().st_size,
            equality_ids=[3] if self.kind is DataFileContent.EQUALITY_DELETES else None,
            spec_id=0,
        )
        spec, schema = self.spec(0), self.schema()
        output, snapshot = self.new_manifest_output(), self.snapshot_id
        with ManifestOfDeletes(spec, schema, output, snapshot, "deflate") as writer:
            writer.add(
                ManifestEntry.from_args(
                    status=ManifestEntryStatus.ADDED, snapshot_id=snapshot, data_file=entry
                )
            )
        return writer.to_manifest_file()


class ManifestOfDeletes(ManifestWriterV2):
    """What pyiceberg reads and does not write."""

    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


class DeletingByEquality(Deleting):
    """The same by the value of a column."""

    kind = DataFileContent.EQUALITY_DELETES


def deleted_by_others(others: SqlCatalog, way: type[Deleting]) -> None:
    table = theirs(others)
    with table.transaction() as change:
        way(Operation.DELETE, change, table.io).commit()


def test_rows_that_others_deleted_one_by_one_are_not_read(
    store: LakeStore, others: SqlCatalog
) -> None:
    put(store, day(5), readings(day(5), 4))
    deleted_by_others(others, Deleting)
    assert values(store, day(5)) == [1.0, 3.0, 4.0]
    assert store.count(READINGS, owned(day(5))) == 3
    with pytest.raises(SchemaMismatchError, match="deletes of single rows"):
        put(store, day(5), readings(day(5), 2))


def test_rows_that_others_deleted_by_equality_are_refused_by_name(
    store: LakeStore, others: SqlCatalog
) -> None:
    put(store, day(5), readings(day(5), 4))
    deleted_by_others(others, DeletingByEquality)
    with pytest.raises(ConfigurationError, match="deleted by equality"):
        store.count(READINGS, owned(day(5)))


def test_a_plain_table_of_others_is_written_where_it_is(
    store: LakeStore, others: SqlCatalog
) -> None:
    table = made_by_others(others, store)
    table.append(readings(day(5), 4))
    put(store, day(5), readings(day(5), 2, 7.0))
    assert values(store, day(5)) == [7.0, 8.0]
    [task] = theirs(others).scan().plan_files()
    assert "/elsewhere/data/part-" in task.file.file_path


def test_a_column_that_somebody_added_after_the_claim_refuses_the_rows_of_before(
    store: LakeStore, others: SqlCatalog
) -> None:
    put(store, day(5), readings(day(5), 3))
    mine = claim(store, day(5))
    with theirs(others).update_schema() as change:
        change.add_column("unit", StringType())
    with pytest.raises(SchemaMismatchError, match="'unit' is missing"):
        put(store, day(5), readings(day(5), 2), claimed=mine)
    assert values(store, day(5)) == [1.0, 2.0, 3.0]


def test_columns_that_were_renamed_and_made_again_are_not_mixed_up(
    store: LakeStore, others: SqlCatalog
) -> None:
    put(store, day(5), readings(day(5), 3))
    put(store, day(6), readings(day(6), 1))
    with theirs(others).update_schema() as change:
        change.rename_column("value", "before")
    with theirs(others).update_schema() as change:
        change.add_column("value", DoubleType())
    assert values(store, day(5)) == [None, None, None]
    rows = readings(day(5), 2, 7.0)
    put(store, day(5), rows.append_column("before", rows["value"]))
    assert values(store, day(5)) == [7.0, 8.0]
    assert store.scan(READINGS, owned(day(6))).read_all()["before"].to_pylist() == [1.0]
    vouched(store, day(5))


@pytest.mark.parametrize("change", ["rows", "columns"])
def test_a_stranger_between_look_and_commit_is_seen(
    store: LakeStore, others: SqlCatalog, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    put(store, day(5), readings(day(5), 3))
    commit = store._tables.commit
    strangers = [readings(day(5), 2, 50.0)]

    def disturbed(*arguments: Any) -> None:
        rows = strangers.pop() if strangers else None
        if rows is not None and change == "rows":
            theirs(others).append(rows)
        elif rows is not None:
            with theirs(others).update_schema() as schema:
                schema.add_column("unit", StringType())
        commit(*arguments)

    monkeypatch.setattr(store._tables, "commit", disturbed)
    if change == "rows":
        put(store, day(5), readings(day(5), 4))
        assert values(store, day(5)) == [1.0, 2.0, 3.0, 4.0]
        return
    with pytest.raises(ConflictError, match="other columns"):
        put(store, day(5), readings(day(5), 4))
    assert values(store, day(5)) == [1.0, 2.0, 3.0]


def test_a_table_that_is_dropped_before_the_commit_is_made_again(
    store: LakeStore, others: SqlCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, day(5), readings(day(5), 3))
    commit = store._tables.commit

    def disturbed(*arguments: Any) -> None:
        monkeypatch.setattr(store._tables, "commit", commit)
        others.drop_table(("lab", "readings"))
        commit(*arguments)

    monkeypatch.setattr(store._tables, "commit", disturbed)
    put(store, day(5), readings(day(5), 4))
    assert values(store, day(5)) == [1.0, 2.0, 3.0, 4.0]
    vouched(store, day(5))


def test_a_table_that_others_made_with_its_columns_in_another_order_is_not_mixed_up(
    store: LakeStore, monkeypatch: pytest.MonkeyPatch, iceberg: Place
) -> None:
    commit = store._tables.commit
    rows = readings(day(5), 3)
    both = rows.append_column("other", rows["value"])

    def beaten(*arguments: Any) -> None:
        monkeypatch.setattr(store._tables, "commit", commit)
        with open_store(iceberg.kind, iceberg.location) as first:
            put(
                first,
                day(6),
                readings(day(6), 1)
                .append_column("other", pa.array([5.0]))
                .select(["ts", "sensor", "other", "value"]),
            )
        commit(*arguments)

    monkeypatch.setattr(store._tables, "commit", beaten)
    with pytest.raises(ConflictError, match="other columns"):
        put(store, day(5), both)
    assert put(store, day(5), both).change is Change.WRITTEN
    assert values(store, day(6)) == [1.0]


def test_snapshots_may_be_expired_and_tokens_and_lines_stay(
    store: LakeStore, others: SqlCatalog
) -> None:
    for count in (1, 2, 3):
        put(store, day(5), readings(day(5), count))
    put(store, day(6), readings(day(6), 1))
    theirs(others).maintenance.expire_snapshots().older_than(NOW.replace(year=2100)).commit()
    seen = store._tables.open(READINGS)
    assert seen is not None
    assert seen.token(day(5).key) == 3
    assert seen.note(day(5).key) is None
    vouched(store, day(5))
    assert put(store, day(5), readings(day(5), 4)).line.committed_token == 4


def test_tokens_of_long_ago_are_dropped(store: LakeStore, others: SqlCatalog) -> None:
    put(store, day(5), readings(day(5), 3))
    put(store, day(6), readings(day(6), 3), at=NOW + timedelta(days=400))
    kept = [name for name in theirs(others).properties if name.startswith("airflow-ml.token.")]
    assert kept == ["airflow-ml.token.2024-01-06"]


def test_an_answer_that_comes_back_as_a_conflict_is_looked_up(
    store: LakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, day(5), readings(day(5), 3))
    commit = SqlCatalog.commit_table

    def told_late(*arguments: Any) -> None:
        commit(*arguments)
        msg = "somebody has committed, and it was me"
        raise CommitFailedException(msg)

    monkeypatch.setattr(SqlCatalog, "commit_table", told_late)
    put(store, day(5), readings(day(5), 2))
    assert values(store, day(5)) == [1.0, 2.0]


@pytest.mark.parametrize("names", [("_pos", "select"), ("naïve ☃", "a b"), ("x.y", "x")])
def test_odd_names_of_columns_are_kept(store: LakeStore, names: tuple[str, str]) -> None:
    rows = readings(day(5), 3).rename_columns(["ts", *names])
    put(store, day(5), rows)
    assert store.scan(READINGS, order_by=["ts"]).read_all().to_pylist() == rows.to_pylist()


def test_a_lake_in_an_object_store_without_a_catalog_is_told_so(tmp_path: Path) -> None:
    books = f"ledger_kind=sqlite&ledger_location={tmp_path}/l.sqlite"
    with pytest.raises(ConfigurationError, match="catalog_conn_id"):
        open_store("iceberg", f"s3://bucket/lake?{books}")


def test_without_the_library_it_says_what_to_install(
    iceberg: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyiceberg", None)
    said = pytest.raises(MissingExtraError, match=r"'airflow-ml-provider\[lake\]'")
    with open_store(iceberg.kind, iceberg.location) as store, said:
        store.columns(READINGS)


def test_a_row_without_a_value_that_the_table_demands_is_refused_by_name(
    store: LakeStore, others: SqlCatalog
) -> None:
    others.create_namespace_if_not_exists("lab")
    strict = pa.schema(
        [field.with_nullable(field.name == "value") for field in readings(day(5), 1).schema]
    )
    place = str(Path(store.address.partition(":")[2]) / "strict")
    others.create_table(("lab", "readings"), strict, place)
    put(store, day(5), readings(day(5), 3))
    rows = readings(day(5), 3)
    gaps = rows.set_column(1, "sensor", pa.array(["a", None, "b"]))
    with pytest.raises(SchemaMismatchError, match=r"'sensor' .* has to have a value in every row"):
        put(store, day(5), gaps)
    assert values(store, day(5)) == [1.0, 2.0, 3.0]
    vouched(store, day(5))


def test_a_catalog_in_postgres_names_the_extra_that_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = {
        "ledger_kind": "sqlite",
        "ledger_location": f"{tmp_path}/l.sqlite",
        "catalog_kind": "postgres",
        "catalog_location": "postgresql://nowhere/x",
    }
    monkeypatch.setitem(sys.modules, "psycopg", None)
    said = pytest.raises(MissingExtraError, match=r"'airflow-ml-provider\[postgres\]'")
    with open_store("iceberg", f"file://{tmp_path}/lake?{urlencode(books)}") as store, said:
        store.columns(READINGS)
