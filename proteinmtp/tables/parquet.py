"""Reading and writing of Parquet tables, and what a table is: a row type whose fields say columns and Arrow types.

Files are written row group by row group, so memory does not grow with the table, and moved into place when they are
complete. Equal rows give equal bytes, whose checksum stands in the file and is checked when it is read. Coordinates and
distances are in angstrom; positions in arrays are positions in the full sequence; `triu` columns hold the pairs i < j
of an L x L matrix, row by row.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from proteinmtp.base.errors import DataError
from proteinmtp.base.files import atomic
from proteinmtp.tables import checksum

VERSION = "3"
UNCHECKED_VERSIONS = frozenset({"1", "2"})
"""Of files without a checksum."""
ROW_GROUP = 64
GROUP_BYTES = 2**25
"""A row group ends after so many rows, or as soon as its arrays take so many bytes, whatever comes first."""
COMPRESSION_LEVEL = 3

METADATA = {
    "proteinmtp.schema_version": VERSION,
    "proteinmtp.units": "angstrom",
    "proteinmtp.triu_order": "row-major, i < j",
    "proteinmtp.gemmi": version("gemmi"),
    "proteinmtp.pyarrow": version("pyarrow"),
}

TEXT, FLAG = pa.string(), pa.bool_()
INT, LONG = pa.int32(), pa.int64()
FLOAT, DOUBLE = pa.float32(), pa.float64()
FLAGS = pa.list_(FLAG)
HALFS, FLOATS, DOUBLES = pa.list_(pa.float16()), pa.list_(FLOAT), pa.list_(DOUBLE)
INTS = pa.list_(INT)
BYTES = pa.binary()
"""uint8; in a list Parquet would make four bytes of each, and four more of where rows begin."""
COORDS = pa.list_(pa.list_(FLOAT, 3))
"""Coordinates (L, 3)."""

R = TypeVar("R")
S = TypeVar("S")


class Table(Generic[R]):
    """One kind of table.

    Parameters:
        name: for people.
        row: frozen dataclass; each field is a column, annotated as `Annotated[type, Arrow type, what it means]`.
        typical: columns by which a file is recognised as this kind of table.
    """

    def __init__(self, name: str, row: type[R], typical: Collection[str]):
        self.name, self.row, self.typical = name, row, frozenset(typical)
        self.meaning = self.columns()
        self.schema = pa.schema([(column, kind) for column, (kind, _) in self.meaning.items()])

    def columns(self) -> dict[str, tuple[pa.DataType, str]]:
        """Return for each column its Arrow type and what it means."""
        return dict(_columns(self.row))

    def cells(self, row: R) -> list[Any]:
        """Return the values of a row, in the order of the columns."""
        return [getattr(row, column) for column in self.meaning]

    @contextmanager
    def open(self, path: Path) -> Iterator["TableWriter[R]"]:
        """Open a file for writing; it appears at `path` when the block ends without an error."""
        split_columns = [field.name + ".list.element" for field in self.schema if field.type == HALFS]
        dictionary = [field.name for field in self.schema if pa.types.is_string(field.type)]
        with atomic(path) as temporary:
            with pq.ParquetWriter(
                temporary,
                self.schema.with_metadata(METADATA),
                compression="zstd",
                compression_level=COMPRESSION_LEVEL,
                use_dictionary=dictionary,
                column_encoding=dict.fromkeys(split_columns, "BYTE_STREAM_SPLIT") or None,
            ) as writer:
                table = TableWriter(writer, self)
                yield table
                table.flush()
                writer.add_key_value_metadata({checksum.KEY: checksum.ZEROS})
            checksum.seal(temporary)

    def write(self, path: Path, rows: Iterable[R]) -> None:
        """Write all `rows` to a file; see `open`."""
        with self.open(path) as table:
            for row in rows:
                table.add(row)

    def read(self, *paths: Path) -> Iterator[R]:
        """Yield the rows of files, one file after the other; arrays come as numpy arrays, coordinates as (L, 3).

        Raises:
            DataError: naming a file that cannot be read or is no table of this kind.
        """
        return self.read_as(self.row, *paths)

    def read_as(self, row: type[S], *paths: Path) -> Iterator[S]:
        """Yield rows with some of the columns: the fields of the dataclass `row`; raises as `read` does."""
        columns = [field.name for field in fields(row)]  # type: ignore[arg-type]  # any dataclass
        for path in paths:
            for values in self.read_cells(path, columns):
                yield row(**dict(zip(columns, values, strict=True)))

    def read_cells(self, path: Path, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield for each row of a file the values of `columns`; raises as `read` does."""
        check_origin(path, self.name)
        there = self.columns_in(path)
        missing = [name for name in columns if name not in there]
        if missing:
            raise DataError(f"{path} is no table of {self.name}: it has no column {', '.join(missing)}")
        with _reading(path, self.name):
            yield from _cells(path, columns)

    def columns_in(self, path: Path) -> list[str]:
        """Return the names of the columns that a file has; raises as `read` does."""
        with _reading(path, self.name):
            return list(pq.read_schema(path).names)


class TableWriter(Generic[R]):
    """Appends rows to one file; made by `Table.open`."""

    def __init__(self, writer: pq.ParquetWriter, table: Table[R]):
        self._writer, self._table = writer, table
        self._rows: list[R] = []
        self._bytes = 0

    def add(self, row: R) -> None:
        """Append one row."""
        self._rows.append(row)
        self._bytes += sum(cell.nbytes for cell in self._table.cells(row) if isinstance(cell, np.ndarray))
        if len(self._rows) == ROW_GROUP or self._bytes >= GROUP_BYTES:
            self.flush()

    def metadata(self, **values: object) -> None:
        """Add key-value metadata to the file, under the prefix `proteinmtp.`."""
        self._writer.add_key_value_metadata({f"proteinmtp.{key}": str(value) for key, value in values.items()})

    def flush(self) -> None:
        """Write the rows that are waiting."""
        if self._rows:
            schema = self._table.schema
            values = zip(*map(self._table.cells, self._rows), strict=True)
            columns = [_column(list(cells), field.type) for cells, field in zip(values, schema, strict=True)]
            self._writer.write_table(pa.table(columns, schema=schema))
            self._rows, self._bytes = [], 0


def check_origin(path: Path, name: str | None = None) -> bool:
    """Check that a file is as `Table` wrote it; return False for one of an older version, without a checksum.

    Raises:
        DataError: if it is damaged, or was written by something else.
    """
    with _reading(path, name):
        if checksum.check(path):
            return True
        version = (pq.read_metadata(path).metadata or {}).get(b"proteinmtp.schema_version", b"").decode()
    if version == VERSION:
        raise checksum.damaged(path)
    if version not in UNCHECKED_VERSIONS:
        what = "a table" if name is None else f"a table of {name}"
        raise DataError(
            f"{path} was not written by this program, or was changed by another one; {what} is expected: delete it, and"
            " the next run makes it again"
        )
    return False


def count_rows(path: Path) -> int:
    """Return the number of rows of a Parquet file, from its footer.

    Raises:
        DataError: naming a file that cannot be read, or was changed.
    """
    check_origin(path)
    with _reading(path):
        return int(pq.read_metadata(path).num_rows)


def read_metadata(path: Path) -> dict[str, str]:
    """Return the key-value metadata of a Parquet file that `proteinmtp` wrote, without the prefix.

    Raises:
        DataError: naming a file that cannot be read.
    """
    with _reading(path):
        checksum.check(path)
        raw = pq.read_metadata(path).metadata or {}
    return {
        key.decode().removeprefix("proteinmtp."): value.decode()
        for key, value in raw.items()
        if key.startswith(b"proteinmtp.") and key != checksum.KEY.encode()
    }


def read_columns(path: Path, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield for each row of a Parquet file the values of `columns`, in their order.

    Raises:
        DataError: naming a file that cannot be read.
    """
    with _reading(path):
        yield from _cells(path, columns)


@contextmanager
def _reading(path: Path, name: str | None = None) -> Iterator[None]:
    """Name a file that cannot be read, and the kind of table that it should be, in one line."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:  # damage gives texts that are no UTF-8, for one
        what = "a table" if name is None else f"a table of {name}"
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        advice = "if a stage made it, delete it and make it again"
        raise DataError(f"{path} cannot be read as {what}: {reason}; {advice}") from error


def _cells(path: Path, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=list(columns))
            values = [_values(table.column(name).combine_chunks()) for name in columns]
            yield from zip(*values, strict=True)


def _columns(row: type[Any]) -> Iterator[tuple[str, tuple[pa.DataType, str]]]:
    for name, kind in get_type_hints(row, include_extras=True).items():
        arguments = get_args(kind)
        if get_origin(kind) is None or len(arguments) != 3:
            raise TypeError(f"{row.__name__}.{name}: a column is Annotated[type, Arrow type, meaning]")
        yield name, (arguments[1], arguments[2])


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if kind == COORDS:
        values = [None if value is None else np.asarray(value, dtype=np.float32) for value in values]
        points = [value for value in values if value is not None]
        flat = np.concatenate(points).ravel() if points else np.empty(0, dtype=np.float32)
        return _lists(values, pa.FixedSizeListArray.from_arrays(pa.array(flat), 3), kind)
    if kind == BYTES:
        values = [None if value is None else np.asarray(value, dtype=np.uint8).tobytes() for value in values]
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
    if column.type == BYTES:
        return [np.frombuffer(item.as_buffer(), dtype=np.uint8) if item.is_valid else None for item in column]
    if not pa.types.is_list(column.type):
        return list(column.to_pylist())
    rows: list[Any] = []
    for item in column:
        if not item.is_valid:
            rows.append(None)
        elif column.type == COORDS:
            rows.append(item.values.flatten().to_numpy(zero_copy_only=False).reshape(-1, 3))
        else:
            rows.append(item.values.to_numpy(zero_copy_only=False))
    return rows
