"""From rows of the manifest to rows of chains, or of quarantine with a reason."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from proteinmtp.config import ParseConfig
from proteinmtp.structures.parse import Parsed, ParsedChain, parse_file
from proteinmtp.structures.refusals import Refusal, Refused
from proteinmtp.structures.source import SourceError
from proteinmtp.tables.chains import ChainRow
from proteinmtp.tables.manifest import ManifestRow
from proteinmtp.tables.parquet import ROW_GROUP
from proteinmtp.tables.quarantine import QuarantineRow
from proteinmtp.tables.validation import validate_chains


@dataclass(frozen=True, kw_only=True)
class EntryRows:
    """Rows made of one or more entries.

    Attributes:
        chains: rows of the chains that are used.
        refused: rows of the files and chains that are not.
        polymers: number of polymers in the files, counted before any of them was judged.
        repairs: names of the harmless defects that were repaired, once for each file.
    """

    chains: list[ChainRow] = field(default_factory=list)
    refused: list[QuarantineRow] = field(default_factory=list)
    polymers: int = 0
    repairs: list[str] = field(default_factory=list)


def parse_entries(entries: Iterable[ManifestRow], limits: ParseConfig) -> Iterator[EntryRows]:
    """Yield the rows of the entries of a shard, in the order of the tables.

    What is refused of an entry is yielded at once. Chains wait, since the rules of the table are checked a few dozen
    chains at a time; those that break a rule are yielded as refused, with the good chains of their group.

    Raises:
        SourceError: if a file that was downloaded is gone.
    """
    seen: set[str] = set()
    waiting: list[ChainRow] = []
    for entry in entries:
        rows = parse_entry(entry, limits)
        waiting += rows.chains
        yield replace(rows, chains=[])
        if len(waiting) >= ROW_GROUP:
            yield _validated(waiting, seen)
            waiting = []
    yield _validated(waiting, seen)


def parse_entry(entry: ManifestRow, limits: ParseConfig) -> EntryRows:
    """Parse the file of an entry; values that the source states go before those of the file.

    Raises:
        SourceError: if the file was downloaded and is gone.
    """
    parsed = _parsed(entry, limits)
    rows = EntryRows(polymers=parsed.polymers, repairs=list(parsed.repairs))
    for item in parsed.items:
        if isinstance(item, ParsedChain):
            rows.chains.append(_chain_row(entry, item))
        else:
            rows.refused.append(
                QuarantineRow(
                    entry_id=entry.entry_id,
                    chain=item.chain,
                    stage="parse" if entry.code is None else "source",
                    code=item.code,
                    message=item.message,
                    source_sha256=entry.sha256,
                )
            )
    return rows


def _parsed(entry: ManifestRow, limits: ParseConfig) -> Parsed:
    if entry.code is not None:
        return Parsed([Refused(None, Refusal(entry.code), entry.message or "")])
    if entry.url is not None and not Path(entry.path).exists():
        raise SourceError(f"{entry.path} was downloaded and is gone; `snakemake --forcerun manifest` fetches it again")
    return parse_file(Path(entry.path), limits, entry.resolution)


def _chain_row(entry: ManifestRow, chain: ParsedChain) -> ChainRow:
    return ChainRow(
        chain_id=f"{entry.entry_id}_{chain.name or '-'}",
        entry_id=entry.entry_id,
        chain=chain.name,
        sequence=chain.sequence,
        length=len(chain.sequence),
        coords=chain.coords,
        observed=chain.observed,
        resolution=chain.resolution,
        method=chain.method,
        year=entry.year or chain.year,
        affinity=entry.affinity,
        uniprot=entry.uniprot or chain.uniprot,
        copies=chain.copies,
        breaks=chain.breaks,
        source_sha256=entry.sha256,
    )


def _validated(chains: list[ChainRow], seen: set[str]) -> EntryRows:
    """Divide chains into those that keep the rules of the table, whose ids are added to `seen`, and refused ones."""
    good, bad = validate_chains(chains, seen)
    seen.update(row.chain_id for row in good)
    refused = [
        QuarantineRow(
            entry_id=row.entry_id,
            chain=row.chain,
            stage="validate",
            code=Refusal.INVALID_ROW,
            message=reason,
            source_sha256=row.source_sha256,
        )
        for row, reason in bad
    ]
    return EntryRows(chains=good, refused=refused)
