"""What Airflow's own processes must know of us: timetables, mappers and windows."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from airflow_ml_provider.schedules.mapper import CalendarMapper, CalendarWindow
from airflow_ml_provider.schedules.timetable import AssetPartitionTimetable, PartitionTimetable


class MLPlugin(AirflowPlugin):
    """Registers the classes that a serialized Dag may name."""

    name = "airflow_ml"
    timetables = [PartitionTimetable, AssetPartitionTimetable]  # noqa: RUF012  Airflow's shape
    partition_mappers = [CalendarMapper]  # noqa: RUF012
    windows = [CalendarWindow]  # noqa: RUF012
