"""Arrow schemas of scores and examples; units and order as in `pipeline.dataset.schemas`."""

import pyarrow as pa

from pipeline.dataset.schemas import COORDS
from pipeline.evaluation.metrics import NAMES, PROFILES

METRICS = pa.schema(
    [
        ("run", pa.string()),
        ("chain_id", pa.string()),
        ("cluster_id", pa.string()),
        ("length", pa.int32()),
        ("observed", pa.int32()),
    ]
    + [(name, pa.float64()) for name in NAMES]
    + [(name, pa.list_(pa.float32())) for name in PROFILES]
    + [("confidence", pa.list_(pa.float32()))]
    + [("stress", pa.float64()), ("mirror_margin", pa.float64()), ("mixed_hand", pa.float64())]
    + [("error_reach", pa.float64()), ("parse_failures", pa.float64())]
)
"""`confidence` (0..100) is that of the observed residues, as `lddt_residues` is; null where the run predicts none.
`parse_failures` is the share of residues that could not be read from a written text, null where none was."""

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
