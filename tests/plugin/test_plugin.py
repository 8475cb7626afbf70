from __future__ import annotations

from importlib.metadata import entry_points

from airflow import plugins_manager

from airflow_ml_provider.plugin import MLPlugin


def test_the_plugin_is_found_by_its_entry_point() -> None:
    [point] = entry_points(group="airflow.plugins", name="airflow_ml")
    assert point.load() is MLPlugin


def test_airflow_may_name_our_timetables_mappers_and_windows_in_a_dag() -> None:
    room = "airflow_ml_provider.schedules"
    timetables = plugins_manager.get_timetables_plugins()
    assert {
        f"{room}.timetable.PartitionTimetable",
        f"{room}.timetable.AssetPartitionTimetable",
    } <= set(timetables)
    assert f"{room}.mapper.CalendarMapper" in plugins_manager.get_partition_mapper_plugins()
    assert f"{room}.mapper.CalendarWindow" in plugins_manager.get_windows_plugins()
