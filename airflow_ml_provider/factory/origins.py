"""Origins: which of many YAML files makes a Dag, as the last whole parse found it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from airflow_ml_provider.factory.shelf import Shelf, name_of


class Origins:
    """
    The files of one call, and which Dag is made by which of them.

    It is a hint: whoever follows it has to see whether the Dag is still there, and to look into all
    files where it is not.
    """

    def __init__(self, shelf: Shelf, folder: str, files: Sequence[str]) -> None:
        self._shelf = shelf
        self._name = name_of("origins", folder, *files)

    def find(self, dag_id: str) -> int | None:
        """Return the number of the file that made a Dag, or None."""
        # Searched as it lies there: of thousands of lines only one is wanted.
        text = b"\n" + (self._shelf.fetch(self._name) or b"")
        _, found, rest = text.partition(f"\n{dag_id}\t".encode())
        number = rest.partition(b"\n")[0]
        return int(number) if found else None

    def keep(self, made: Mapping[str, int]) -> None:
        """Note the number of the file that made each Dag."""
        content = "".join(f"{dag_id}\t{number}\n" for dag_id, number in made.items()).encode()
        if self._shelf.fetch(self._name) != content:
            self._shelf.put(self._name, content)
