"""The books: every file and every polymer of the source is either a chain or in quarantine."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from proteinmtp.splitting.chains import SplitChain
from proteinmtp.tables.intake import Intake
from proteinmtp.tables.quarantine import QuarantineRow
from proteinmtp.tables.split_summary import Books


class AccountingError(RuntimeError):
    """Files or chains were lost between two stages."""


@dataclass(frozen=True)
class ParsedShard:
    """A shard of stage parse: the counts of its input, the chains, and what is not used."""

    intake: Intake
    chains: Sequence[SplitChain]
    refused: Sequence[QuarantineRow]


def account(shards: Iterable[ParsedShard]) -> Books:
    """Return how many files and chains were read, used and refused, and how many files were repaired.

    Raises:
        AccountingError: if the numbers do not add up.
    """
    repaired: Counter[str] = Counter()
    files_in = chains_in = parsed = refused_chains = refused_files = accounted = 0
    for shard in shards:
        files_in += shard.intake.files
        chains_in += shard.intake.chains
        repaired.update(shard.intake.repaired)
        parsed += len(shard.chains)
        refused_chains += sum(row.chain is not None for row in shard.refused)
        refused_files += sum(row.chain is None for row in shard.refused)
        accounted += len({*(chain.entry_id for chain in shard.chains), *(row.entry_id for row in shard.refused)})
    if accounted != files_in or parsed + refused_chains != chains_in:
        raise AccountingError(
            f"{files_in} files were read and {accounted} are accounted for; "
            f"{chains_in} chains were read, {parsed} are used and {refused_chains} refused"
        )
    return Books(
        files_in=files_in,
        files_refused=refused_files,
        chains_in=chains_in,
        chains_parsed=parsed,
        chains_refused=refused_chains,
        repaired=dict(sorted(repaired.items())),
    )
