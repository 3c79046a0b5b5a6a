"""Arrow schemas of predictions and rebuilt structures; units and order as in `pipeline.dataset.schemas`."""

import pyarrow as pa

from pipeline.dataset.schemas import COORDS

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
