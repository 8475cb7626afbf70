"""The flights system written by hand: Airflow, DuckDB and MLflow, and nothing of this package."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from airflow.sdk import (
    DAG,
    Asset,
    CronPartitionTimetable,
    PartitionedAssetTimetable,
    get_current_context,
    task,
)
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

OWNER, ZONE = "ml-platform", ZoneInfo("America/New_York")
MODEL = "flights_by_hand.arrival_delay"
FEATURES, PREDICTIONS = "flights_by_hand.route_delays", "flights_by_hand.expected_delays"
DAY, MATURES, HOLDOUT = timedelta(days=1), timedelta(days=1), timedelta(days=1)
WINDOW_DAYS = 7
MAX_AGE, COOLDOWN, NEW_ROWS, BETTER_BY = timedelta(days=5), timedelta(days=1), 0.9, 0.01
PARAMS = {"iterations": 60, "learning_rate": 0.1, "smallest_leaf": 100, "seed": 7}

route_delays = Asset(FEATURES)
arrival_delay = Asset(MODEL)
expected_delays = Asset(PREDICTIONS)


def tell_owner(context):
    run = context["dag_run"]
    logging.getLogger(__name__).error(
        "%s failed for partition %s (%s). Owner: %s.",
        run.dag_id,
        run.partition_key,
        run.run_id,
        OWNER,
    )


COMMON = {
    "start_date": datetime(2013, 1, 1, tzinfo=ZONE),
    "end_date": datetime(2014, 1, 1, tzinfo=ZONE),
    "catchup": False,
    "on_failure_callback": tell_owner,
    # A DuckDB file belongs to one process at a time: the pool has one slot.
    "default_args": {
        "owner": OWNER,
        "pool": "flights_duckdb",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
    },
}


def partition():
    """Return the start and the end of the day of this run, by the clock of New York."""
    key = get_current_context()["dag_run"].partition_key
    start = datetime.strptime(key, "%Y-%m-%d").replace(tzinfo=ZONE)
    return start, start + DAY


@contextmanager
def database():
    import duckdb

    with duckdb.connect(os.environ["FLIGHTS_DUCKDB"]) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def one(connection, sql, values=None):
    return connection.execute(sql, values).fetchone()[0]


def rows_between(connection, start, end):
    sql = f"SELECT count(*) FROM {FEATURES} WHERE hour >= $start AND hour < $end"
    return one(connection, sql, {"start": start, "end": end})


def replace(connection, table, select, values, start, end, checks):
    """Exchange the rows of a day for those of a SELECT, in one transaction, if all checks pass."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS flights_by_hand")
    connection.execute(f"CREATE TABLE IF NOT EXISTS {table} AS {select} LIMIT 0", values)
    day = {"start": start, "end": end}
    connection.execute("BEGIN")
    connection.execute(f"DELETE FROM {table} WHERE hour >= $start AND hour < $end", day)
    connection.execute(f"INSERT INTO {table} BY NAME {select}", values)
    rows = f"(SELECT * FROM {table} WHERE hour >= $start AND hour < $end)"
    for name, check in checks.items():
        if not one(connection, f"SELECT {check} FROM {rows}", day):
            connection.execute("ROLLBACK")
            raise AirflowFailException(f"{table} {start:%Y-%m-%d}: check {name!r} failed.")
    connection.execute("COMMIT")


def client():
    import mlflow

    return mlflow.MlflowClient()


def champion():
    """Return the version with the alias, or None when there is none yet."""
    from mlflow.exceptions import MlflowException

    try:
        return client().get_model_version_by_alias(MODEL, "champion")
    except MlflowException as error:
        if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
            return None
        raise


def versions():
    return client().search_model_versions(f"name = '{MODEL}'")


def as_of(version):
    return datetime.fromisoformat(version.tags["as_of"])


def fingerprints():
    from flights_ml import training

    code = hashlib.sha256(Path(training.__file__).read_bytes()).hexdigest()
    config = hashlib.sha256(
        json.dumps([PARAMS, WINDOW_DAYS, str(HOLDOUT), str(MATURES)]).encode()
    ).hexdigest()
    return {"code": code, "config": config}


def training_days(end):
    """Return the time whose features are read as of ``end``: its labels have matured."""
    last = end - MATURES
    return last - WINDOW_DAYS * DAY, last


def stale_because(connection, version, last):
    """Return why a champion is stale, or None."""
    data_end = datetime.fromisoformat(version.tags["data_end"])
    if last + MATURES - data_end > MAX_AGE:
        return f"its data ended on {data_end:%Y-%m-%d}"
    new = rows_between(connection, data_end, last)
    if new > NEW_ROWS * int(version.tags["rows"]):
        return f"there are {new} new rows"
    for name, now in fingerprints().items():
        if version.tags[name] != now:
            return f"its {name} changed"
    return None


with DAG(
    FEATURES,
    schedule=CronPartitionTimetable(
        "0 0 * * *", timezone="America/New_York", run_offset=-1, key_format="%Y-%m-%d"
    ),
    tags=["features"],
    **COMMON,
):

    @task.sensor(mode="reschedule", poke_interval=60, timeout=7 * 86400)
    def wait_for_data() -> bool:
        start, end = partition()
        late = datetime.now(UTC) >= end + timedelta(hours=6)
        with database() as connection:
            flights = one(
                connection,
                "SELECT count(*) FROM raw.flights WHERE time_hour >= $start AND time_hour < $end",
                {"start": start, "end": end},
            )
            passed = [
                one(
                    connection,
                    f"SELECT coalesce(max(time_hour) >= $end, false) FROM raw.{table}",
                    {"end": end},
                )
                for table in ("flights", "weather")
            ]
        return flights >= 300 and (late or all(passed))

    @task(outlets=[route_delays])
    def materialize():
        start, end = partition()
        sql = (Path(__file__).parent / "route_delays.sql").read_text()
        for name in ("window_start", "window_end"):
            sql = sql.replace(f":{name}", f"${name}")
        with database() as connection:
            replace(
                connection,
                FEATURES,
                sql,
                {"window_start": start, "window_end": end},
                start,
                end,
                {
                    "rows": "count(*) >= 50",
                    "not null": "count(*) FILTER (WHERE origin IS NULL OR dest IS NULL"
                    " OR hour IS NULL OR departures IS NULL) = 0",
                    "unique": "count(*) = count(DISTINCT (origin, dest, hour))",
                    "between": "coalesce(min(flights_on_route) >= 1"
                    " AND max(flights_on_route) <= 100, true)",
                },
            )

    wait_for_data() >> materialize()


with DAG(
    MODEL,
    schedule=PartitionedAssetTimetable(assets=route_delays),
    max_active_runs=1,
    tags=["training"],
    **COMMON,
):

    @task
    def check_staleness() -> str:
        _, end = partition()
        start, last = training_days(end)
        with database() as connection:
            days = one(
                connection,
                "SELECT count(DISTINCT date_trunc('day', hour AT TIME ZONE 'America/New_York'))"
                f" FROM {FEATURES} WHERE hour >= $start AND hour < $end",
                {"start": start, "end": last},
            )
            if days < WINDOW_DAYS:
                raise AirflowSkipException(f"{days} of {WINDOW_DAYS} days of features are there.")
            version = champion()
            reason = (
                stale_because(connection, version, last) if version else "there is no champion"
            )
        if reason is None:
            raise AirflowSkipException("The champion is fresh.")
        if any(as_of(each) < end < as_of(each) + COOLDOWN for each in versions()):
            raise AirflowSkipException(f"Stale, as {reason}, but trained a short while ago.")
        return reason

    @task
    def train(reason: str) -> str:
        import mlflow

        from flights_ml import training

        _, end = partition()
        for version in versions():  # of an earlier try
            if as_of(version) == end:
                return str(version.version)
        start, last = training_days(end)
        with database() as connection:
            dataset = connection.execute(
                "SELECT features.*, label.arr_delay AS label, label.time_hour < $split AS early"
                f" FROM raw.flights AS label ASOF LEFT JOIN {FEATURES} AS features"
                " ON features.origin = label.origin AND features.dest = label.dest"
                " AND features.hour <= label.time_hour"
                " WHERE label.time_hour >= $start AND label.time_hour < $end"
                " AND label.arr_delay IS NOT NULL"
                " ORDER BY label.time_hour, label.origin, label.dest, label.arr_delay",
                {"start": start, "end": last, "split": last - HOLDOUT},
            ).to_arrow_table()
            rows = rows_between(connection, start, last)
        early = dataset.column("early")
        model, metrics = training.fit(dataset.filter(early), PARAMS)
        holdout = dataset.filter([not each for each in early.to_pylist()])
        metrics |= training.evaluate(model, holdout)
        tags = {
            "as_of": end.isoformat(),
            "data_end": last.isoformat(),
            "rows": str(rows),
            "reason": reason,
            "rmse": str(metrics["rmse"]),
            **fingerprints(),
        }
        if rival := champion():
            former = mlflow.sklearn.load_model(f"models:/{MODEL}/{rival.version}")
            tags["champion_rmse"] = str(training.evaluate(former, holdout)["rmse"])
        mlflow.set_experiment(MODEL)
        with mlflow.start_run():
            mlflow.log_params(PARAMS)
            mlflow.log_metrics(metrics)
            logged = mlflow.sklearn.log_model(
                model,
                name="model",
                serialization_format="cloudpickle",
                pip_requirements=["scikit-learn", "numpy"],
            )
        return mlflow.register_model(logged.model_uri, MODEL, tags=tags).version

    @task(outlets=[arrival_delay])
    def promote(number: str):
        version, rival = client().get_model_version(MODEL, number), champion()
        if rival and as_of(rival) > as_of(version):
            raise AirflowSkipException(f"Version {rival.version} is of a later day.")
        former, rmse = version.tags.get("champion_rmse"), float(version.tags["rmse"])
        if former and float(former) - rmse < BETTER_BY * float(former):
            raise AirflowSkipException(f"rmse {rmse:.4g} is not better than {former}.")
        client().set_registered_model_alias(MODEL, "champion", number)

    promote(train(check_staleness()))


with DAG(
    PREDICTIONS,
    schedule=PartitionedAssetTimetable(assets=route_delays),
    tags=["inference"],
    **COMMON,
):

    @task
    def pin_model() -> str:
        version = champion()
        if version is None:
            raise AirflowSkipException("There is no champion yet.")
        return str(version.version)

    @task(outlets=[expected_delays])
    def predict(number: str):
        import mlflow
        import pyarrow as pa

        from flights_ml import inference

        start, end = partition()
        model = mlflow.sklearn.load_model(f"models:/{MODEL}/{number}")
        with database() as connection:
            batch = connection.execute(
                f"SELECT * FROM {FEATURES} WHERE hour >= $start AND hour < $end"
                " ORDER BY hour, origin, dest",
                {"start": start, "end": end},
            ).to_arrow_table()
            scored = batch.select(["origin", "dest", "hour"])
            scored = scored.append_column(
                "expected_delay", inference.predict(model, batch).column("expected_delay")
            ).append_column("model_version", pa.array([number] * batch.num_rows, pa.string()))
            connection.register("scored", scored)
            replace(
                connection,
                PREDICTIONS,
                "SELECT * FROM scored",
                None,
                start,
                end,
                {
                    "not null": "count(*) = count(expected_delay)",
                    "unique": "count(*) = count(DISTINCT (origin, dest, hour))",
                },
            )

    predict(pin_model())
