"""The load: an Arrow stream becomes rows of a table, by the way that the server allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.arrow import inflow
from airflow_ml_provider.stores.connection.statement import column_list, quoted_table
from airflow_ml_provider.stores.mysql import link
from airflow_ml_provider.stores.mysql.encoding import lines, tuples

if TYPE_CHECKING:
    import pyarrow as pa

# While a piece is encoded, the server works on what the socket holds of the last one.
_PIECE_BYTES = 2**18
_FILE = (
    "CHARACTER SET binary FIELDS TERMINATED BY x'09' ESCAPED BY x'5C' LINES TERMINATED BY x'0A'"
)


def loaded(connection: Any, address: str, table: TableName, rows: pa.RecordBatchReader) -> None:
    """
    Append rows, column by column name.

    :raises DataError: for a value that a column would not keep as it is.
    """
    name, names = quoted_table(table), column_list(rows.schema.names)
    pieces = (piece for piece in inflow.in_pieces(rows, _PIECE_BYTES) if piece.num_rows)
    if link.asked(connection, "SELECT @@GLOBAL.local_infile")[0][0]:
        text = f"LOAD DATA LOCAL INFILE 'rows' INTO TABLE {name} {_FILE} ({names})"
        link.handed_over(connection, text, map(lines, pieces))
        link.require_no_warning(connection, address, str(table))
        return
    for values in _statements(pieces):
        link.changed(connection, f"INSERT INTO {name} ({names}) VALUES {values}")
        link.require_no_warning(connection, address, str(table))


def _statements(pieces: Iterator[pa.RecordBatch]) -> Iterator[str]:
    for piece in pieces:
        # Bytes that are no text stand there in hexadecimal.
        yield tuples(piece).decode()
