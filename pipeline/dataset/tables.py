"""Reading and writing of the Parquet tables between the stages.

Files are written row group by row group, so memory does not grow with the table, and moved into place when they
are complete. Equal rows give equal bytes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.dataset.schemas import COORDS, METADATA
from pipeline.manifest import atomic

ROW_GROUP = 64
COMPRESSION_LEVEL = 3

Row = Mapping[str, Any]


class TableWriter:
    """Appends rows to one Parquet file; made by `open_table`."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema):
        self._writer, self._schema = writer, schema
        self._rows: list[Row] = []

    def add(self, row: Row) -> None:
        """Append one row: a value for each column, arrays as numpy arrays or lists."""
        self._rows.append(row)
        if len(self._rows) == ROW_GROUP:
            self.flush()

    def metadata(self, **values: object) -> None:
        """Add key-value metadata to the file, under the prefix `proteinmtp.`."""
        self._writer.add_key_value_metadata({f"proteinmtp.{key}": str(value) for key, value in values.items()})

    def flush(self) -> None:
        """Write the rows that are waiting."""
        if self._rows:
            columns = [_column([row[field.name] for row in self._rows], field.type) for field in self._schema]
            self._writer.write_table(pa.table(columns, schema=self._schema))
            self._rows = []


@contextmanager
def open_table(path: Path, schema: pa.Schema) -> Iterator[TableWriter]:
    """Open a Parquet file for writing; it appears at `path` when the block ends without an error."""
    split_columns = [field.name + ".list.element" for field in schema if field.type == pa.list_(pa.float16())]
    dictionary = [field.name for field in schema if pa.types.is_string(field.type)]
    with (
        atomic(path) as temporary,
        pq.ParquetWriter(
            temporary,
            schema.with_metadata(METADATA),
            compression="zstd",
            compression_level=COMPRESSION_LEVEL,
            use_dictionary=dictionary,
            column_encoding=dict.fromkeys(split_columns, "BYTE_STREAM_SPLIT") or None,
        ) as writer,
    ):
        table = TableWriter(writer, schema)
        yield table
        table.flush()


def write_rows(path: Path, schema: pa.Schema, rows: Iterable[Row]) -> None:
    """Write all `rows` to a Parquet file; see `open_table`."""
    with open_table(path, schema) as table:
        for row in rows:
            table.add(row)


def read_rows(path: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of a Parquet file; list columns come as numpy arrays, coordinates as (L, 3)."""
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=None if columns is None else list(columns))
            values = [_values(table.column(name).combine_chunks()) for name in table.column_names]
            for row in zip(*values, strict=True):
                yield dict(zip(table.column_names, row, strict=True))


def count_rows(path: Path) -> int:
    """Return the number of rows of a Parquet file, from its footer."""
    return int(pq.read_metadata(path).num_rows)


def read_all(paths: Iterable[Path], columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of several Parquet files, one file after the other."""
    for path in paths:
        yield from read_rows(path, columns)


def read_metadata(path: Path) -> dict[str, str]:
    """Return the key-value metadata of a Parquet file that `proteinmtp` wrote, without the prefix."""
    raw = pq.read_metadata(path).metadata or {}
    return {
        key.decode().removeprefix("proteinmtp."): value.decode()
        for key, value in raw.items()
        if key.startswith(b"proteinmtp.")
    }


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if kind == COORDS:
        values = [None if value is None else np.asarray(value, dtype=np.float32) for value in values]
        points = [value for value in values if value is not None]
        flat = np.concatenate(points).ravel() if points else np.empty(0, dtype=np.float32)
        return _lists(values, pa.FixedSizeListArray.from_arrays(pa.array(flat), 3), kind)
    if pa.types.is_list(kind):
        dtype = kind.value_type.to_pandas_dtype()
        values = [None if value is None else np.asarray(value, dtype=dtype) for value in values]
        flat = np.concatenate([np.empty(0, dtype=dtype), *(value for value in values if value is not None)])
        return _lists(values, pa.array(flat, type=kind.value_type), kind)
    return pa.array(values, type=kind)


def _lists(values: list[Any], flat: pa.Array, kind: pa.DataType) -> pa.Array:
    sizes = [0 if value is None else len(value) for value in values]
    offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]), type=pa.int32())
    missing = pa.array([value is None for value in values])
    return pa.ListArray.from_arrays(offsets, flat, type=kind, mask=missing)


def _values(column: pa.Array) -> list[Any]:
    if not pa.types.is_list(column.type):
        return column.to_pylist()
    rows: list[Any] = []
    for item in column:
        if not item.is_valid:
            rows.append(None)
        elif column.type == COORDS:
            rows.append(item.values.flatten().to_numpy(zero_copy_only=False).reshape(-1, 3))
        else:
            rows.append(item.values.to_numpy(zero_copy_only=False))
    return rows
