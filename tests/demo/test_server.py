from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_ml_provider.demo.airflow_api import AirflowApiError
from airflow_ml_provider.demo.server import LocalAirflow


class Started(LocalAirflow):
    """A local Airflow whose components are not really started."""

    stopped = 0

    def start(self, tell: object = None) -> None:
        (self.home / "logs").mkdir(parents=True)
        self._keep_secrets()

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def airflow(tmp_path: Path) -> Started:
    return Started(tmp_path / "home", tmp_path / "dags")


def test_a_sigterm_unwinds_and_stops_airflow(airflow: Started) -> None:
    former = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit, match="143"), airflow:
        os.kill(os.getpid(), signal.SIGTERM)
    assert airflow.stopped == 1
    assert signal.getsignal(signal.SIGTERM) is former


@pytest.fixture
def at_a_keyboard() -> Iterator[None]:
    # What a script starts in the background ignores the keyboard, these tests among it.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.mark.usefixtures("at_a_keyboard")
def test_an_interrupt_from_the_keyboard_stops_airflow(airflow: Started) -> None:
    with pytest.raises(KeyboardInterrupt), airflow:
        os.kill(os.getpid(), signal.SIGINT)
    assert airflow.stopped == 1


def test_its_secrets_are_its_own_and_are_kept(airflow: Started) -> None:
    with airflow:
        path = airflow.home / "airflow.cfg"
        text = path.read_text()
        airflow._keep_secrets()
    assert path.read_text() == text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(text.partition("jwt_secret = ")[2].strip()) == 128


def test_it_listens_on_this_machine_alone(airflow: Started) -> None:
    environment = airflow.environment
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert airflow.address.startswith("http://127.0.0.1:")
    assert environment["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "False"


def test_settings_of_another_airflow_do_not_leak_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://other/airflow")
    monkeypatch.setenv("AIRFLOW_HOME", "/elsewhere")
    environment = LocalAirflow(
        tmp_path, tmp_path, env={"AIRFLOW__CORE__FERNET_KEY": "x"}
    ).environment
    assert "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" not in environment
    assert environment["AIRFLOW_HOME"] == str(tmp_path)
    assert environment["AIRFLOW__CORE__FERNET_KEY"] == "x"


@pytest.mark.airflow
def test_a_component_that_dies_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    broken = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////no/such/folder/airflow.db"}
    airflow = LocalAirflow(tmp_path / "home", tmp_path / "dags", env=broken)
    with pytest.raises(AirflowApiError, match="unable to open database file"), airflow:
        pytest.fail("it cannot have started")
    assert airflow._processes == {}
