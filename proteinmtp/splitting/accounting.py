"""The books: what came in is either a chain or in quarantine."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from proteinmtp.splitting.errors import AccountingError
from proteinmtp.tables.parquet import read_metadata, read_rows


def account(chains: Sequence[Path], quarantine: Sequence[Path]) -> dict[str, int]:
    """Return how many files and chains came in, were parsed and were refused, and how many files were repaired.

    Parameters:
        chains, quarantine: the shards of the parse stage, in the same order.

    Raises:
        AccountingError: if the numbers do not add up.
    """
    repaired: Counter[str] = Counter()
    files_in = chains_in = parsed = refused_chains = refused_files = accounted = 0
    for kept, refused in zip(chains, quarantine, strict=True):
        metadata = read_metadata(kept)
        files_in += int(metadata["files_in"])
        chains_in += int(metadata["chains_in"])
        repaired.update({key: int(value) for key, value in metadata.items() if key.startswith("repaired_")})
        rows = list(read_rows(refused, ["entry_id", "chain"]))
        entries = [row["entry_id"] for row in read_rows(kept, ["entry_id"])]
        parsed += len(entries)
        refused_chains += sum(row["chain"] is not None for row in rows)
        refused_files += sum(row["chain"] is None for row in rows)
        accounted += len({*entries, *(row["entry_id"] for row in rows)})
    if accounted != files_in or parsed + refused_chains != chains_in:
        raise AccountingError(
            f"{files_in} files came in and {accounted} are accounted for; "
            f"{chains_in} chains came in, {parsed} were parsed and {refused_chains} refused"
        )
    return {
        "files_in": files_in,
        "files_refused": refused_files,
        "chains_in": chains_in,
        "chains_parsed": parsed,
        "chains_refused": refused_chains,
        **{key: repaired[key] for key in sorted(repaired)},
    }
