"""Arrow schemas of the tables that lie between the stages.

Coordinates and distances are in angstrom. Positions in arrays are positions in the full sequence. `triu` holds the
pairs i < j of an L x L matrix, row by row.
"""

from importlib.metadata import version

import pyarrow as pa

VERSION = "1"

COORDS = pa.list_(pa.list_(pa.float32(), 3))

MANIFEST = pa.schema(
    [
        ("entry_id", pa.string()),
        ("path", pa.string()),
        ("bytes", pa.int64()),
        ("sha256", pa.string()),
        ("source", pa.string()),
        ("resolution", pa.float32()),
        ("year", pa.int32()),
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

PREDICTIONS = pa.schema(
    [
        ("chain_id", pa.string()),
        ("length", pa.int32()),
        ("triu", pa.list_(pa.float16())),
        ("sigma", pa.list_(pa.float16())),
        ("confidence", pa.list_(pa.float32())),
        ("coords", COORDS),
    ]
)
"""`sigma` (standard deviation of each distance) and `confidence` (0..100) are null for heads that predict none;
`coords` is null for heads that predict distances."""

STRUCTURES = pa.schema(
    [
        ("chain_id", pa.string()),
        ("length", pa.int32()),
        ("coords", COORDS),
        ("method", pa.string()),
        ("stress", pa.float64()),
        ("mirror_margin", pa.float64()),
    ]
)
"""`mirror_margin` is the log-likelihood ratio of the chosen hand against its mirror image, nats per residue."""

METRICS = pa.schema(
    [
        ("run", pa.string()),
        ("chain_id", pa.string()),
        ("cluster_id", pa.string()),
        ("length", pa.int32()),
        ("observed", pa.int32()),
    ]
    + [(name, pa.float64()) for name in ("mae", "rmse", "lddt", "tm_score", "gdt_ts", "gdt_ha", "rmsd")]
    + [("stress", pa.float64()), ("mirror_margin", pa.float64())]
)

EXAMPLES = pa.schema(
    [
        ("run", pa.string()),
        ("label", pa.string()),
        ("chain_id", pa.string()),
        ("length", pa.int32()),
        ("sequence", pa.string()),
        ("mae", pa.float64()),
        ("lddt", pa.float64()),
        ("tm_score", pa.float64()),
        ("true_triu", pa.list_(pa.float16())),
        ("predicted_triu", pa.list_(pa.float16())),
        ("native", COORDS),
        ("model", COORDS),
    ]
)
"""Best, median and worst chain of a run by TM-score; `model` lies superposed on `native`."""

HISTORY = pa.schema(
    [
        ("run", pa.string()),
        ("step", pa.int32()),
        ("epoch", pa.int32()),
        ("lr", pa.float64()),
        ("train_loss", pa.float64()),
        ("grad_norm", pa.float64()),
        ("val_loss", pa.float64()),
        ("val_mae", pa.float64()),
        ("tokens", pa.int64()),
    ]
)

METADATA = {
    "proteinmtp.schema_version": VERSION,
    "proteinmtp.units": "angstrom",
    "proteinmtp.triu_order": "row-major, i < j",
    "proteinmtp.gemmi": version("gemmi"),
    "proteinmtp.pyarrow": version("pyarrow"),
}
