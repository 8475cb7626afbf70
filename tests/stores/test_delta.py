"""Delta tables of others: packed, appended to, made with features; and what others see of ours."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake

from airflow_ml_provider.domain.errors import MissingExtraError, SchemaMismatchError
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.ports import Query
from airflow_ml_provider.stores.lake.store import LakeStore
from airflow_ml_provider.stores.open import open_store
from tests.stores.conftest import Place
from tests.stores.world import READINGS, claim, day, owned, put, readings, values, vouched


@pytest.fixture
def store(delta: Place) -> Iterator[LakeStore]:
    with open_store(delta.kind, delta.location) as opened:
        assert isinstance(opened, LakeStore)
        yield opened


@pytest.fixture
def folder(delta: Place) -> Path:
    return Path(delta.location) / "lab" / "readings"


def test_any_reader_of_delta_sees_our_rows_and_what_they_are_made_from(
    store: LakeStore, folder: Path
) -> None:
    put(store, day(5), readings(day(5), 3))
    put(store, day(5), readings(day(5), 2, value=7.0))
    table = DeltaTable(folder)
    assert table.to_pyarrow_table().column("value").to_pylist() == [7.0, 8.0]
    [latest, _] = table.history()
    assert '"params": "params"' in latest["airflow_ml"]
    assert table.transaction_version("airflow-ml:2024-01-05") == 2
    [file] = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    assert (file["num_records"], file["null_count.ts"]) == (2, 0)
    assert file["min.ts"] == day(5).start


def test_the_rows_of_a_day_leave_a_file_that_holds_other_days(
    store: LakeStore, folder: Path
) -> None:
    for number in (4, 5, 6):
        put(store, day(number), readings(day(number), number))
    neighbours = [store.version(READINGS, "ts", day(number)) for number in (4, 6)]
    DeltaTable(folder).optimize.compact()
    assert len(DeltaTable(folder).file_uris()) == 1
    done = put(store, day(5), readings(day(5), 2, value=7.0))
    assert done.change is Change.WRITTEN
    assert values(store, day(5)) == [7.0, 8.0]
    assert [store.version(READINGS, "ts", day(number)) for number in (4, 6)] == neighbours
    assert len(DeltaTable(folder).file_uris()) == 2
    vouched(store, day(6))


def test_a_packed_table_still_holds_the_same_rows(store: LakeStore, folder: Path) -> None:
    for number in (5, 6):
        put(store, day(number), readings(day(number), 3))
    DeltaTable(folder).optimize.compact()
    assert put(store, day(5), readings(day(5), 3)).change is Change.UNCHANGED


@pytest.mark.parametrize("statistics", [True, False], ids=["with bounds", "without"])
def test_rows_that_a_stranger_added_go_and_those_of_other_days_stay(
    store: LakeStore, folder: Path, statistics: bool
) -> None:
    put(store, day(5), readings(day(5), 3))
    if not statistics:
        DeltaTable(folder).alter.set_table_properties({"delta.dataSkippingNumIndexedCols": "0"})
    late = pa.concat_tables([readings(day(5), 2, 50.0), readings(day(6), 2, 60.0)])
    nobody = late.slice(0, 1).set_column(0, "ts", pa.nulls(1, late.schema.field("ts").type))
    write_deltalake(folder, pa.concat_tables([late, nobody]), mode="append")
    assert store.count(READINGS, owned(day(5))) == 5
    assert put(store, day(5), readings(day(5), 3)).change is Change.WRITTEN
    assert values(store, day(5)) == [1.0, 2.0, 3.0]
    assert values(store, day(6)) == [60.0, 61.0]
    whole = DeltaTable(folder).to_pyarrow_table()
    assert (whole.num_rows, whole["ts"].null_count) == (6, 1)


def test_dropping_a_slice_keeps_the_rest_of_a_packed_file(store: LakeStore, folder: Path) -> None:
    for number in (5, 6):
        put(store, day(number), readings(day(number), 3))
    DeltaTable(folder).optimize.compact()
    store.drop_slice(READINGS, owned(day(5)))
    store.drop_slice(READINGS, owned(day(5)))
    assert (values(store, day(5)), values(store, day(6))) == ([], [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("settings", "partitions", "said"),
    [
        ({"delta.enableDeletionVectors": "true"}, None, "deletionVectors"),
        ({"delta.appendOnly": "true"}, None, "delta.appendOnly = true"),
        ({}, ["sensor"], "partitions by 'sensor'"),
    ],
)
def test_tables_that_were_made_in_another_way_are_read_and_not_written(
    store: LakeStore,
    folder: Path,
    settings: dict[str, str | None],
    partitions: list[str] | None,
    said: str,
) -> None:
    rows = readings(day(5), 4)
    write_deltalake(folder, rows, configuration=settings, partition_by=partitions)
    if "delta.enableDeletionVectors" in settings:
        DeltaTable(folder).delete("value = 4.0")
    else:
        write_deltalake(folder, rows.slice(0, 0), mode="append")
    known = 3 if "delta.enableDeletionVectors" in settings else 4
    query = Query("SELECT count(*) AS n FROM lab.readings a JOIN lab.readings b USING (ts)")
    assert store.query(query).read_all().to_pylist() == [{"n": known}]
    assert store.count(READINGS, owned(day(5))) == known
    with pytest.raises(SchemaMismatchError, match=said):
        put(store, day(5), readings(day(5), 2))
    assert store.count(READINGS, owned(day(5))) == known


def test_a_rule_of_the_table_is_not_written_past(store: LakeStore, folder: Path) -> None:
    put(store, day(5), readings(day(5), 3))
    DeltaTable(folder).alter.add_constraint({"small": "value < 100"})
    with pytest.raises(SchemaMismatchError, match=r"delta\.constraints\.small"):
        put(store, day(5), readings(day(5), 200))


def test_a_column_that_somebody_added_after_the_claim_refuses_the_rows_of_before(
    store: LakeStore, folder: Path
) -> None:
    from deltalake import Field

    put(store, day(5), readings(day(5), 3))
    mine = claim(store, day(5))
    DeltaTable(folder).alter.add_columns(Field("unit", "string"))
    with pytest.raises(SchemaMismatchError, match="'unit' is missing"):
        put(store, day(5), readings(day(5), 2), claimed=mine)
    assert values(store, day(5)) == [1.0, 2.0, 3.0]


def test_tokens_and_lines_outlive_the_commits_that_brought_them(
    store: LakeStore, folder: Path
) -> None:
    put(store, day(5), readings(day(5), 3))
    put(store, day(6), readings(day(6), 3))
    table = DeltaTable(folder)
    table.create_checkpoint()
    for commit in (folder / "_delta_log").glob("*0.json"):
        commit.unlink()
    seen = store._tables.open(READINGS)
    assert seen is not None
    assert seen.token(day(5).key) == 1
    assert seen.note(day(5).key) is None
    assert store.ledger.line(READINGS, day(5).key) is not None
    vouched(store, day(5))
    assert put(store, day(5), readings(day(5), 2)).line.committed_token == 2


def test_a_stranger_between_look_and_commit_is_seen(
    store: LakeStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, day(5), readings(day(5), 3))
    commit = store._tables.commit
    strangers = [readings(day(5), 2, 50.0)]

    def disturbed(*arguments: object) -> None:
        if strangers:
            write_deltalake(
                folder,
                strangers.pop(),
                mode="append",
                commit_properties=CommitProperties(custom_metadata={"mine": "yes"}),
            )
        commit(*arguments)

    monkeypatch.setattr(store._tables, "commit", disturbed)
    put(store, day(5), readings(day(5), 4))
    assert values(store, day(5)) == [1.0, 2.0, 3.0, 4.0]


def test_without_the_library_it_says_what_to_install(
    delta: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "deltalake", None)
    said = pytest.raises(MissingExtraError, match=r"'airflow-ml-provider\[lake\]'")
    with open_store(delta.kind, delta.location) as store, said:
        store.columns(READINGS)
