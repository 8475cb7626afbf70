"""A model registry on MLflow: one version a train key, aliases as a mirror, and no noise."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from airflow_ml_provider.domain.errors import UnavailableError
from airflow_ml_provider.domain.ports import ModelVersion
from airflow_ml_provider.stores.extras import needed
from airflow_ml_provider.stores.mlflow.files import load_model, save_model

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as Version

TRAIN_KEY = "airflow_ml.train_key"
_FOLDER = "model"
_PURPOSE = "The model registry"
# A SQLite file that others write to is locked for moments, which MLflow reports as an error.
_TRIES_ON_A_FILE = 5
# MLflow's own retries wait four minutes for a server that is down; the task has retries as well.
_SETTINGS = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3"}
_PASSING = frozenset({"TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR", "REQUEST_LIMIT_EXCEEDED"})

Answer = TypeVar("Answer")


class MLflowRegistry:
    """
    The registry port on an MLflow tracking server or database.

    :param tracking_uri: ``http://…``, or ``sqlite:///…`` for one machine.
    :param artifact_root: the folder for models where no server chooses one.
    """

    def __init__(self, tracking_uri: str, artifact_root: str | Path | None = None) -> None:
        self._uri = tracking_uri
        self._root = None if artifact_root is None else str(artifact_root)
        self.address = _without_secret(tracking_uri)

    def register(
        self,
        model: str,
        artifact: Any,
        *,
        train_key: str,
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
    ) -> ModelVersion:
        """Save ``artifact`` as a new version, or adopt the one an earlier try made of the key."""
        with _quiet():
            self._ask(lambda: self._ensure_model(model))
            there = self.find(model, train_key)
            if there is not None:
                return there
            run_id, source = self._upload(model, artifact, train_key, metrics)
            self._ask(
                lambda: self._client.create_model_version(
                    model, source, run_id, tags={**tags, TRAIN_KEY: train_key}
                )
            )
            # Asked again rather than returned: of two that were made at once, the lowest counts.
            made = self.find(model, train_key)
        assert made is not None  # noqa: S101  it was made two lines above
        return made

    def find(self, model: str, train_key: str) -> ModelVersion | None:
        """Return the lowest version that carries ``train_key``."""
        condition = f"name = {_literal(model)} and tags.`{TRAIN_KEY}` = {_literal(train_key)}"
        return next(iter(self._search(condition)), None)

    def versions(self, model: str) -> Sequence[ModelVersion]:
        """Return every version of a model, oldest first."""
        return self._search(f"name = {_literal(model)}")

    def load(self, model: str, version: str) -> Any:
        """Return the artifact of a version, as it was saved."""
        from mlflow.artifacts import download_artifacts

        with _quiet(), TemporaryDirectory() as folder:
            client = self._client
            uri = self._ask(lambda: client.get_model_version_download_uri(model, version))
            path = self._ask(
                lambda: download_artifacts(
                    artifact_uri=uri, dst_path=folder, tracking_uri=self._uri
                )
            )
            return load_model(Path(path))

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Mirror an alias."""
        with _quiet():
            self._ask(lambda: self._client.set_registered_model_alias(model, alias, version))

    def alias(self, model: str, alias: str) -> str | None:
        """Return the version the registry's alias names."""
        with _quiet():
            found = self._ask(
                lambda: list(self._client.search_registered_models(f"name = {_literal(model)}"))
            )
        version = found[0].aliases.get(alias) if found else None
        return None if version is None else str(version)

    def log_metrics(self, model: str, version: str, metrics: Mapping[str, float]) -> None:
        """Add metrics to a version's run."""
        with _quiet():
            run_id = self._ask(lambda: self._client.get_model_version(model, version)).run_id
            if run_id:
                self._ask(lambda: self._log(run_id, metrics))

    @cached_property
    def _client(self) -> MlflowClient:
        with _quiet(), _first_time(self._uri):
            client: MlflowClient = _mlflow().MlflowClient(self._uri, self._uri)
            # The first call of each kind makes or migrates the tables, which two must not do.
            client.search_experiments(max_results=1)
            client.search_registered_models(max_results=1)
            return client

    def _ask(self, call: Callable[[], Answer]) -> Answer:
        _mlflow()
        from mlflow.exceptions import MlflowException
        from requests import RequestException

        tries = _TRIES_ON_A_FILE if self._uri.startswith("sqlite:") else 1
        for left in reversed(range(tries)):
            try:
                return call()
            except (MlflowException, RequestException) as error:
                if isinstance(error, MlflowException) and error.error_code not in _PASSING:
                    raise
                if not left:
                    raise self._down(error) from error
        raise AssertionError  # the last try returns or raises

    def _down(self, error: Exception) -> UnavailableError:
        msg = (
            f"The model registry at {self.address} does not answer ({type(error).__name__}). "
            "Look whether it is up, then try again: a model is never registered twice."
        )
        return UnavailableError(msg)

    def _search(self, condition: str) -> Sequence[ModelVersion]:
        found: list[Version] = []
        page: str | None = None
        while page != "":
            with _quiet():
                answer = self._ask(partial(self._page, condition, page))
            found += answer
            page = answer.token or ""
        return [_version(each) for each in sorted(found, key=lambda each: int(each.version))]

    def _page(self, condition: str, token: str | None) -> Any:
        return self._client.search_model_versions(condition, page_token=token)

    def _ensure_model(self, model: str) -> None:
        with _existing_is_fine():
            self._client.create_registered_model(model)

    def _experiment(self, name: str) -> str:
        location = None if self._root is None else f"{self._root}/{name}"
        if self._client.get_experiment_by_name(name) is None:
            with _existing_is_fine():
                self._client.create_experiment(name, location)
        found = self._client.get_experiment_by_name(name)
        assert found is not None  # noqa: S101  made above, by us or by another
        return str(found.experiment_id)

    def _upload(
        self, model: str, artifact: Any, train_key: str, metrics: Mapping[str, float]
    ) -> tuple[str, str]:
        experiment = self._ask(lambda: self._experiment(model))
        tags = {TRAIN_KEY: train_key}
        run = self._ask(lambda: self._client.create_run(experiment, tags=tags, run_name=train_key))
        run_id = run.info.run_id
        self._ask(lambda: self._log(run_id, metrics))
        with TemporaryDirectory() as folder:
            path = Path(folder) / _FOLDER
            save_model(artifact, path)
            self._ask(lambda: self._client.log_artifacts(run_id, str(path), _FOLDER))
        self._ask(lambda: self._client.set_terminated(run_id))
        return run_id, f"{run.info.artifact_uri}/{_FOLDER}"

    def _log(self, run_id: str, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self._client.log_metric(run_id, name, value)


def _mlflow() -> Any:
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    with needed("mlflow", "mlflow", _PURPOSE):
        import mlflow
    return mlflow


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep MLflow's hints to interactive users, and alembic's, out of a task's log."""
    import logging
    import warnings

    _mlflow()  # its import sets the levels, so it comes first
    names = ("mlflow", "alembic")
    before = {name: logging.getLogger(name).level for name in names}
    # Recorded as well as ignored: MLflow sets a filter of its own around some calls that warn.
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("ignore")
        try:
            for name in names:
                logging.getLogger(name).setLevel(logging.ERROR)
            yield
        finally:
            for name, level in before.items():
                logging.getLogger(name).setLevel(level)


@contextmanager
def _first_time(uri: str) -> Iterator[None]:
    """Let one process at a time make the tables of a SQLite registry: MLflow's migrations race."""
    if not uri.startswith("sqlite:///"):
        yield
        return
    import fcntl

    lock = Path(f"{uri.removeprefix('sqlite:///')}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _existing_is_fine() -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _version(found: Version) -> ModelVersion:
    key = found.tags.get(TRAIN_KEY, "")
    uri = f"models:/{found.name}/{found.version}"
    return ModelVersion(found.name, str(found.version), key, uri)


def _literal(text: str) -> str:
    # MLflow's filters know no escape: a quote takes the other kind of quotes.
    return f'"{text}"' if "'" in text else f"'{text}'"


def _without_secret(uri: str) -> str:
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri  # put together again, sqlite:///a would lose a slash
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
