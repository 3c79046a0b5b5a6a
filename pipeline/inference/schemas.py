"""Arrow schemas of predictions and rebuilt structures; units and order as in `pipeline.dataset.schemas`."""

from typing import Any

import pyarrow as pa

from pipeline.dataset.schemas import COORDS

PREDICTIONS = pa.schema(
    [
        ("chain_id", pa.string()),
        ("length", pa.int32()),
        ("triu", pa.list_(pa.float16())),
        ("sigma", pa.list_(pa.float16())),
        ("contact", pa.list_(pa.float16())),
        ("dihedral", pa.list_(pa.float16())),
        ("confidence", pa.list_(pa.float32())),
        ("coords", COORDS),
        ("text", pa.string()),
        ("failed_residues", pa.int32()),
    ]
)
"""`sigma` (standard deviation of each distance), `contact` (its probability), `dihedral` (logits of the bins of each
pseudo-dihedral, one dihedral after the other) and `confidence` (0..100) are null where nothing predicts them; `coords`
is null for heads that predict distances. `text` is what a writing head wrote, ending with a full stop if it came to an
end, and `failed_residues` how many residues could not be read from it; both are null for other heads."""

NOTHING: dict[str, Any] = dict.fromkeys(PREDICTIONS.names)
"""A prediction without anything."""

STRUCTURES = pa.schema(
    [
        ("chain_id", pa.string()),
        ("length", pa.int32()),
        ("coords", COORDS),
        ("method", pa.string()),
        ("stress", pa.float64()),
        ("mirror_margin", pa.float64()),
        ("mixed_hand", pa.float64()),
        ("error_reach", pa.float64()),
    ]
)
"""`stress` is the root mean square difference from the known distances, angstrom; `mirror_margin` the log-likelihood
ratio of the chosen hand against its mirror image, nats per residue; `mixed_hand` the fraction of the chain in segments
of the other hand; `error_reach` how far the errors of the distances are alike, residues, null if that was not asked."""
