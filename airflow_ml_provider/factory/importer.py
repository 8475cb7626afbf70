"""An importer: YAML files as Dag files of their own, through the registry that Airflow has for it."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from airflow.dag_processing.importers import AbstractDagImporter, DagImportError, DagImportResult
from airflow.sdk import get_parsing_context

from airflow_ml_provider.factory.imported import Imported, import_system
from airflow_ml_provider.factory.world import airflows_world
from airflow_ml_provider.spec import Fault
from airflow_ml_provider.spec.catalog import files_in
from airflow_ml_provider.spec.tree import is_ours


class MLDagImporter(AbstractDagImporter):
    """
    Makes Dags of the YAML files of systems; YAML of others is passed over.

    Nothing registers it: the Dag processor of Airflow 3.3 finds Python files alone and forks for
    each of them, and a registry is a process's own. Where a tool parses through ``BundleDagBag``,
    ``get_importer_registry().register(MLDagImporter())`` is all that it takes.
    """

    @classmethod
    def supported_extensions(cls) -> list[str]:
        """Return the suffixes of YAML files."""
        return [".yaml", ".yml"]

    def list_dag_files(
        self,
        directory: str | PathLike[str],
        safe_mode: bool = True,
    ) -> Iterator[str]:
        """Yield the files of systems that Airflow does not ignore; ``safe_mode`` changes nothing."""
        ours = {str(path) for path in files_in([Path(directory)])}
        for file in super().list_dag_files(directory, safe_mode=False):
            if file in ours:
                yield file

    def import_file(
        self,
        file_path: str | Path,
        *,
        bundle_path: Path | None = None,
        bundle_name: str | None = None,
        safe_mode: bool = True,
    ) -> DagImportResult:
        """Return the Dags of a file, or its faults with line and column."""
        place = self.get_relative_path(file_path, bundle_path)
        if safe_mode and not is_ours(Path(file_path)):
            return DagImportResult(place, skipped_files=[str(file_path)])
        path, only = Path(file_path), get_parsing_context().dag_id
        found = import_system(path, path, airflows_world(), only=only)
        return _result(found, place)


def _result(found: Imported, place: str) -> DagImportResult:
    for dag in found.dags:
        dag.fileloc, dag.relative_fileloc = str(found.path), place
    # Airflow 3.3 keeps one message a file, and of an error nothing but that: so all are in each.
    told = "\n\n".join(map(str, found.faults))
    return DagImportResult(
        place, list(found.dags), [_error(fault, place, told) for fault in found.faults]
    )


def _error(fault: Fault, place: str, told: str) -> DagImportError:
    return DagImportError(
        file_path=place,
        message=told,
        error_type="spec",
        line_number=fault.line,
        column_number=fault.column,
        context=fault.excerpt or None,
        suggestion=fault.hint or None,
    )
