"""What MySQL and MariaDB alone need: engines, rights, files, frozen attempts, values as text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

from airflow_ml_provider.domain.check import Expectations
from airflow_ml_provider.domain.errors import (
    CheckFailedError,
    ConfigurationError,
    DataError,
    FencedError,
    SchemaMismatchError,
    UnavailableError,
)
from airflow_ml_provider.domain.ledger import Change
from airflow_ml_provider.domain.ports import Query
from airflow_ml_provider.stores.mysql.encoding import lines, tuples
from airflow_ml_provider.stores.mysql.location import MysqlLocation
from airflow_ml_provider.stores.mysql.store import MysqlStore
from airflow_ml_provider.stores.mysql.takeover import Place as Line
from airflow_ml_provider.stores.mysql.text import ordered_within, spelled
from tests.stores.attempt import LOADING, Attempt, Plan
from tests.stores.conftest import Place, in_threads
from tests.stores.mariadb import administer, administrator
from tests.stores.world import (
    NOW,
    READINGS,
    claim,
    day,
    owned,
    owner,
    put,
    readings,
    values,
    vouched,
)

QUICK: dict[str, Any] = {"takeover_after": 0.1, "lock_wait": 30.0}
IMPATIENT: dict[str, Any] = {"takeover_after": 0.1, "lock_wait": 1.0}


@pytest.fixture
def store(mysql: Place) -> Iterator[MysqlStore]:
    with MysqlStore(mysql.location, **IMPATIENT) as opened:
        yield opened


def by_hand(store: MysqlStore, *statements: str) -> list[tuple[Any, ...]]:
    return [store.session.execute(statement) for statement in statements][-1]


@contextmanager
def stranger(place: Place, statement: str) -> Iterator[int]:
    """Hold the locks of a statement, as somebody does who works on the database by hand."""
    with administrator(place.location) as run:
        run("START TRANSACTION")
        run(statement)
        yield int(run("SELECT CONNECTION_ID()")[0][0])
        assert run("SELECT 1") == [(1,)]
        run("ROLLBACK")


mysql_only = pytest.mark.mysql


@mysql_only
def test_a_table_of_an_engine_without_transactions_is_refused_by_name(store: MysqlStore) -> None:
    by_hand(
        store,
        "CREATE DATABASE lab",
        "CREATE TABLE lab.readings (ts DATETIME(6), sensor TEXT, value DOUBLE) ENGINE = MyISAM",
        "INSERT INTO lab.readings VALUES ('2024-01-05', 'a', 1)",
    )
    for change in (
        lambda: put(store, day(5), readings(day(5), 3)),
        lambda: store.drop_slice(READINGS, owned(day(5))),
    ):
        with pytest.raises(ConfigurationError, match="engine MyISAM"):
            change()
    assert values(store, day(5)) == [1.0]


@mysql_only
def test_a_schema_that_may_not_be_made_is_told_to_an_administrator(mysql: Place) -> None:
    administer(
        mysql.location,
        "CREATE OR REPLACE USER poor@'%' IDENTIFIED BY 'x'",
        "GRANT ALL ON test.* TO poor@'%'",
    )
    with (
        MysqlStore(mysql.location.replace("ml:hunter2", "poor:x")) as store,
        pytest.raises(ConfigurationError, match=r"(?s)'lab'.*CREATE DATABASE \"lab\"; GRANT"),
    ):
        put(store, day(5), readings(day(5), 3))


@mysql_only
def test_a_table_that_a_failed_first_write_left_is_filled_by_the_next(store: MysqlStore) -> None:
    with pytest.raises(CheckFailedError):
        put(store, day(5), readings(day(5), 2), expectations=Expectations(rows_min=5))
    assert [column.name for column in store.columns(READINGS)] == ["ts", "sensor", "value"]
    assert values(store, day(5)) == []
    assert put(store, day(5), readings(day(5), 2)).change is Change.WRITTEN
    assert values(store, day(5)) == [1.0, 2.0]
    vouched(store, day(5))


@mysql_only
def test_a_fenced_attempt_makes_no_table(store: MysqlStore) -> None:
    old = claim(store, day(5))
    claim(store, day(5))
    with pytest.raises(FencedError):
        put(store, day(5), readings(day(5), 3), claimed=old)
    assert store.columns(READINGS) == ()


@mysql_only
def test_all_who_come_at_once_make_one_ledger(mysql: Place) -> None:
    with administrator(mysql.location) as run:
        for (name,) in run("SHOW TABLES"):
            run(f"DROP TABLE {name}")
    with MysqlStore(mysql.location) as shared:
        tokens = in_threads(mysql, shared, lambda own, racer: claim(own, day(racer + 1)).token)
    assert tokens == [1, 1, 1, 1]


AWKWARD = pa.table(
    {
        "ts": pa.array([day(5).start] * 4, pa.timestamp("us", "UTC")),
        "text": ["a\tb\n\\N'\"", "\\", None, "🙂"],
        "data": pa.array([b"\0\xff\t\n\\'", b"", None, b"\xf0"], pa.binary()),
        "money": pa.array(
            [Decimal("0.10"), Decimal("-1.00"), None, Decimal(3)], pa.decimal128(9, 2)
        ),
        "good": [True, False, None, True],
    }
)


@mysql_only
@pytest.mark.parametrize("allowed", [1, 0])
def test_awkward_values_come_back_with_and_without_load_data(mysql: Place, allowed: int) -> None:
    administer(mysql.location, f"SET GLOBAL local_infile = {allowed}")
    try:
        with MysqlStore(mysql.location) as store:
            put(store, day(5), AWKWARD)
            back = store.scan(READINGS).read_all()
            assert sorted(map(repr, back.to_pylist())) == sorted(map(repr, AWKWARD.to_pylist()))
            again = put(store, day(5), AWKWARD)
            assert again.change is Change.UNCHANGED
    finally:
        administer(mysql.location, "SET GLOBAL local_infile = 1")


@mysql_only
def test_what_load_data_would_only_warn_of_leaves_the_old_partition(store: MysqlStore) -> None:
    by_hand(
        store,
        "CREATE DATABASE lab",
        "CREATE TABLE lab.readings (ts DATETIME(6), sensor VARCHAR(3), value DOUBLE)",
    )
    put(store, day(5), readings(day(5), 3))
    long = readings(day(5), 2, 7.0).set_column(1, "sensor", pa.array(["abcd", "a"]))
    with pytest.raises(DataError, match="'sensor'"):
        put(store, day(5), long)
    assert values(store, day(5)) == [1.0, 2.0, 3.0]


@mysql_only
def test_digits_that_a_select_would_lose_are_refused(store: MysqlStore) -> None:
    by_hand(
        store,
        "CREATE DATABASE lab",
        "CREATE TABLE lab.readings (ts DATETIME(6), value DECIMAL(9, 2))",
    )
    sql = "SELECT CAST(:at AS TIMESTAMPTZ) AS ts, CAST('{}' AS NUMERIC(9, 3)) AS value"
    put(store, day(5), Query(sql.format("1.000"), {"at": day(5).start}))
    with pytest.raises(DataError, match="'value'"):
        put(store, day(5), Query(sql.format("1.005"), {"at": day(5).start}))
    assert values(store, day(5)) == [Decimal("1.00")]


@mysql_only
def test_a_float_that_others_made_is_read_with_all_its_digits_and_in_order(
    store: MysqlStore,
) -> None:
    by_hand(
        store,
        "CREATE TABLE loose (n INT, f FLOAT)",
        "INSERT INTO loose VALUES (2, 16777217), (1, 0.1), (3, NULL)",
    )
    answer = store.query(Query("SELECT f, n FROM loose ORDER BY n DESC")).read_all()
    assert answer.schema.field("f").type == pa.float32()
    assert answer.to_pylist() == [
        {"f": None, "n": 3},
        {"f": 16777216.0, "n": 2},
        {"f": pa.scalar(0.1, pa.float32()).as_py(), "n": 1},
    ]


@mysql_only
@pytest.mark.parametrize("sql", ["DELETE FROM lab.readings", "DROP TABLE lab.readings"])
def test_a_reading_text_that_writes_is_refused(store: MysqlStore, sql: str) -> None:
    put(store, day(5), readings(day(5), 3))
    with pytest.raises(Exception, match="error"):
        store.query(Query(sql)).read_all()
    assert values(store, day(5)) == [1.0, 2.0, 3.0]


@mysql_only
def test_keys_that_differ_in_case_or_spaces_are_others(store: MysqlStore) -> None:
    for key in ("a", "A", "a ", "ä"):
        assert store.claim(READINGS, key, owner(), at=NOW).token == 1


@mysql_only
@pytest.mark.parametrize("name", ["x" * 65, "🙂", "ml_row"])
def test_a_name_that_mysql_cannot_hold_is_refused(store: MysqlStore, name: str) -> None:
    rows = readings(day(5), 2).rename_columns(["ts", name, "value"])
    with pytest.raises(SchemaMismatchError, match="Rename"):
        put(store, day(5), rows)
    assert store.columns(READINGS) == ()


@mysql_only
@pytest.mark.parametrize("step", ["locked", LOADING, "noted"])
def test_a_frozen_attempt_is_ended_by_the_next_and_changes_nothing_when_it_thaws(
    mysql: Place, step: str
) -> None:
    with (
        MysqlStore(mysql.location, **QUICK) as store,
        Attempt(Plan(mysql, 40, 500.0, holds=step)) as zombie,
    ):
        zombie.reaches(step)
        zombie.frozen()
        done = put(store, day(5), readings(day(5), 3, 7.0))
        assert (done.change, done.line.committed_token) == (Change.WRITTEN, 2)
        zombie.thawed()
        zombie.goes_on()
        assert zombie.outcome().error == "FencedError"
        assert values(store, day(5)) == [7.0, 8.0, 9.0]
        vouched(store, day(5))


@mysql_only
def test_a_frozen_attempt_at_another_partition_is_left_alone(mysql: Place) -> None:
    with MysqlStore(mysql.location, **QUICK) as store:
        put(store, day(4), readings(day(4), 5))
        with Attempt(Plan(mysql, 40, 500.0, number=6, holds=LOADING)) as slow:
            slow.reaches(LOADING)
            slow.frozen()
            put(store, day(5), readings(day(5), 3, 7.0))
            slow.thawed()
            slow.goes_on()
            assert slow.outcome().change == "written"
        assert values(store, day(6)) == [500.0 + number for number in range(40)]


@mysql_only
def test_an_older_attempt_never_ends_a_newer_one(mysql: Place) -> None:
    with MysqlStore(mysql.location, **IMPATIENT) as store:
        put(store, day(4), readings(day(4), 5))
        old = claim(store, day(5))
        with Attempt(Plan(mysql, 40, 500.0, holds=LOADING)) as newer:
            newer.reaches(LOADING)
            with pytest.raises(FencedError, match="token 2"):
                put(store, day(5), readings(day(5), 3, 7.0), claimed=old)
            newer.goes_on()
            assert newer.outcome().change == "written"


@mysql_only
@pytest.mark.parametrize(
    "held", ["UPDATE ml_partition SET token = token + 1", "UPDATE lab.readings SET value = 0"]
)
def test_a_stranger_who_is_in_the_way_is_named_and_left_alone(
    store: MysqlStore, mysql: Place, held: str
) -> None:
    put(store, day(5), readings(day(5), 5))
    mine = claim(store, day(5))
    with (
        stranger(mysql, held) as number,
        pytest.raises(UnavailableError, match=rf"connection {number} \('root'"),
    ):
        put(store, day(5), readings(day(5), 3), claimed=mine)
    assert values(store, day(5)) == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert put(store, day(5), readings(day(5), 3), claimed=mine).change is Change.WRITTEN


def test_the_names_of_past_attempts_are_those_up_to_the_newest_and_of_one_partition() -> None:
    line = Line("db", "lab", "readings", "k")
    assert line.past(3) == [line.attempt(3), line.attempt(2), line.attempt(1)]
    assert line.past(0) == []
    assert len(line.past(10**6)) == 100
    others = [Line("db", "la", "breadings", "k"), Line("db", "lab", "readings", "k2")]
    assert not set(line.past(3)) & {name for other in others for name in other.past(3)}
    assert len(line.attempt(2**62)) <= 64


@mysql_only
def test_a_server_that_asks_for_a_file_is_not_given_one(store: MysqlStore, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    by_hand(store, "CREATE TABLE loot (line TEXT)")
    with pytest.raises(UnavailableError, match="asked for a file"):
        by_hand(store, f"LOAD DATA LOCAL INFILE '{secret}' INTO TABLE loot")
    assert by_hand(store, "SELECT * FROM loot") == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("mysql://h", "names no database"),
        ("mysql://h/d?autocommit=1", "no parameter 'autocommit'"),
        ("mysql://h/d?ssl_mode=maybe", "ssl_mode 'maybe' is unknown"),
        ("postgresql://h/d", "needs a URI like mysql://"),
    ],
)
def test_a_location_that_names_no_database_is_refused(text: str, wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=wrong):
        MysqlLocation.parse(text)


def test_a_location_is_told_without_its_secrets() -> None:
    place = MysqlLocation.parse("mysql://a%40b:p%2Fw@h:3307/d?ssl_ca=/ca.pem")
    assert (place.address, place.encrypts) == ("mysql://h:3307/d", "verify_ca")
    assert (place.login["user"], place.login["password"]) == ("a@b", "p/w")
    assert "p/w" not in repr(place)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT CAST(a AS TIMESTAMPTZ), 'CAST(a AS TEXT)'", "SELECT CAST(a AS DATETIME(6)), 'CAST(a AS TEXT)'"),
        ("CAST(f(a) AS VARCHAR(3)) AS text", "CAST(f(a) AS CHAR(3)) AS text"),
        ("CAST(a AS double  precision)", "CAST(a AS DOUBLE)"),
        ("CAST(a AS DATETIME(3))", "CAST(a AS DATETIME(3))"),
        ("a -- b $1\n/* $1 */ c # $1", "a  \n  c  "),
        ("""'$1' "$1" `$1` a$1 /*+ x */""", """'$1' "$1" `$1` a$1 /*+ x */"""),
    ],
)  # fmt: skip
def test_sql_is_said_in_the_words_of_mysql(sql: str, said: str) -> None:
    assert spelled(sql) == said


@pytest.mark.parametrize(
    ("sql", "limited"),
    [
        ("SELECT a FROM t ORDER BY a", True),
        ("SELECT a FROM t ORDER BY a LIMIT 3", False),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a LIMIT 3) x", False),
        ("SELECT a FROM t ORDER BY (SELECT 1 LIMIT 1) -- LIMIT", True),
        ("SELECT 'ORDER BY'", False),
    ],
)
def test_an_order_that_would_be_lost_gets_a_limit(sql: str, limited: bool) -> None:
    assert ("LIMIT 18446744073709551615" in ordered_within(sql)) is limited


@given(st.lists(st.none() | st.text(max_size=8) | st.sampled_from(["\\N", "NULL", "\t", "\n"])))
def test_lines_and_tuples_tell_all_texts_apart(texts: list[str | None]) -> None:
    batch = pa.record_batch({"a": pa.array(texts, pa.string()), "n": pa.array(range(len(texts)))})
    rows = lines(batch).decode().split("\n")[:-1]

    def said(cell: str) -> str | None:
        if cell == "\\N":
            return None
        pieces = cell.split("\\\\")
        return "\\".join(p.replace("\\t", "\t").replace("\\n", "\n") for p in pieces)

    assert [said(row.rpartition("\t")[0]) for row in rows] == texts
    wanted = [("NULL" if t is None else "'" + t.replace("'", "''") + "'") for t in texts]
    assert tuples(batch).decode() == ",".join(f"({t},'{n}')" for n, t in enumerate(wanted))
