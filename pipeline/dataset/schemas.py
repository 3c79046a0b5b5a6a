"""Arrow schemas of the tables that lie between the stages.

Coordinates and distances are in angstrom. Positions in arrays are positions in the full sequence. `triu` holds the
pairs i < j of an L x L matrix, row by row.
"""

from importlib.metadata import version

import pyarrow as pa

VERSION = "2"

COORDS = pa.list_(pa.list_(pa.float32(), 3))

MANIFEST = pa.schema(
    [
        ("entry_id", pa.string()),
        ("path", pa.string()),
        ("bytes", pa.int64()),
        ("sha256", pa.string()),
        ("source", pa.string()),
        ("url", pa.string()),
        ("code", pa.string()),
        ("message", pa.string()),
        ("resolution", pa.float32()),
        ("year", pa.int32()),
        ("affinity", pa.float32()),
        ("uniprot", pa.string()),
    ]
)

CHAINS = pa.schema(
    [
        ("chain_id", pa.string()),
        ("entry_id", pa.string()),
        ("chain", pa.string()),
        ("sequence", pa.string()),
        ("length", pa.int32()),
        ("coords", COORDS),
        ("observed", pa.list_(pa.bool_())),
        ("resolution", pa.float32()),
        ("method", pa.string()),
        ("year", pa.int32()),
        ("affinity", pa.float32()),
        ("uniprot", pa.string()),
        ("copies", pa.int32()),
        ("breaks", pa.int32()),
        ("source_sha256", pa.string()),
    ]
)

QUARANTINE = pa.schema(
    [
        ("entry_id", pa.string()),
        ("chain", pa.string()),
        ("stage", pa.string()),
        ("code", pa.string()),
        ("message", pa.string()),
        ("source_sha256", pa.string()),
    ]
)

DISTANCES = pa.schema([("chain_id", pa.string()), ("length", pa.int32()), ("triu", pa.list_(pa.float16()))])

SPLIT = pa.schema(
    [("chain_id", pa.string()), ("cluster_id", pa.string()), ("length", pa.int32())]
    + [(subset, pa.bool_()) for subset in ("train", "val", "test")]
)

METADATA = {
    "proteinmtp.schema_version": VERSION,
    "proteinmtp.units": "angstrom",
    "proteinmtp.triu_order": "row-major, i < j",
    "proteinmtp.gemmi": version("gemmi"),
    "proteinmtp.pyarrow": version("pyarrow"),
}
