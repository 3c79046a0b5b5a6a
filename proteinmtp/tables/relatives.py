"""Relatives: for each test chain the training chain that is nearest to it, if there is one."""

from dataclasses import dataclass
from typing import Annotated

from proteinmtp.tables.parquet import DOUBLE, TEXT, Table


@dataclass(frozen=True, kw_only=True)
class RelativeRow:
    """The nearest training chain of one test chain; a chain without any has no row."""

    chain_id: Annotated[str, TEXT, "of the test chain"]
    nearest: Annotated[str, TEXT, "chain id of the nearest training chain"]
    identity: Annotated[float, DOUBLE, "identical residues of the alignment of the two, 0..1"]


RELATIVES = Table("relatives", RelativeRow, RelativeRow.__annotations__)
