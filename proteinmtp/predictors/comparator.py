"""Predicted structures from elsewhere as the predictions of a run, so that they are scored by the same code."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from proteinmtp.base.logs import progress
from proteinmtp.geometry.distances import pairwise_distances
from proteinmtp.predictors.matching import WAYS, Fit, NoFitError, Target, Targets, natural_order
from proteinmtp.structures.protein_chains import StructureError, read_protein_chains
from proteinmtp.structures.records import printable
from proteinmtp.structures.source import SourceFile
from proteinmtp.structures.sources.directory import list_folder
from proteinmtp.tables import triangle
from proteinmtp.tables.comparator_listing import ComparatorListing, FileReason, MatchedFile, MissingChain
from proteinmtp.tables.predictions import PredictionRow


@dataclass(frozen=True)
class KnownChain:
    """The columns of a chain by which a file is matched; see `proteinmtp.tables.chains`."""

    chain_id: str
    entry_id: str
    sequence: str
    uniprot: str | None
    coords: np.ndarray

    def target(self, *, scored: bool) -> Target:
        """Return this chain as one that may have a prediction."""
        steps = np.linalg.norm(np.diff(self.coords, axis=0), axis=1)
        return Target(
            chain_id=self.chain_id,
            entry_id=self.entry_id,
            sequence=self.sequence,
            uniprot=self.uniprot,
            scored=scored,
            steps=steps,
        )


@dataclass(frozen=True, kw_only=True)
class Matches:
    """What became of the files of a folder.

    Attributes:
        fits: of the file that stands for a scored chain, by the id of the chain.
        listing: of all files and all scored chains, with reasons.
    """

    fits: Mapping[str, Fit]
    listing: ComparatorListing


def match_files(*, name: str, folder: Path, targets: Targets, subset: str) -> Matches:
    """Return which file of a folder stands for which chain; see `proteinmtp.predictors.matching`.

    Of several files for one chain the first counts: one matched by name before one matched by sequence, then in the
    natural order of the paths. Nothing in a file stops the work.

    Parameters:
        name: of the comparator.
        folder: with predicted structures.
        targets: all chains of the data set.
        subset: name of the one that is scored, for messages.

    Raises:
        SourceError: if there is no such folder, or no structure file in it.
    """
    files = list_folder(folder, key=f"comparators ({name}).folder")
    labels = {printable(file.path.relative_to(folder).as_posix()): file for file in files}
    fits: dict[str, list[Fit]] = {}
    unmatched: dict[str, str] = {}
    trouble: dict[str, str] = {}
    for label in progress(sorted(labels, key=natural_order), name, len(labels), unit="file"):
        try:
            fits[label] = _fits(labels[label], targets)
        except (StructureError, NoFitError) as error:
            unmatched[label] = str(error)
            for target in targets.named(_stem(labels[label].path.name))[1]:
                trouble.setdefault(target.chain_id, f"{label}: {error}")
    taken = dict(_taken(fits))
    unused, outside = _left_over(fits, taken, subset)
    missing = [target for target in targets.all if target.scored and target.chain_id not in taken]
    listing = ComparatorListing(
        name=name,
        folder=str(folder),
        files=len(files),
        matched=[_matched(label, fit) for _, (label, fit) in sorted(taken.items())],
        unused=unused,
        unmatched=[*(FileReason(file=label, reason=reason) for label, reason in unmatched.items()), *outside],
        missing=[
            MissingChain(chain_id=target.chain_id, reason=trouble.get(target.chain_id, "no file for it"))
            for target in missing
        ],
    )
    return Matches(fits={chain_id: fit for chain_id, (_, fit) in taken.items()}, listing=listing)


def prediction(fit: Fit) -> PredictionRow:
    """Return the model of a chain as a prediction, with distances taken from its coordinates."""
    coords = fit.placed.coords
    return PredictionRow(
        chain_id=fit.target.chain_id,
        length=len(fit.target.sequence),
        triu=triangle.pack(pairwise_distances(torch.from_numpy(coords)).numpy()),
        confidence=confidence(fit.placed.b_factors),
        coords=coords.astype(np.float32),
    )


def confidence(b_factors: np.ndarray) -> np.ndarray | None:
    """Return pLDDT, 0..100, from B-factors, or None if they cannot be that.

    Parameters:
        b_factors: (L,), NaN where there is no residue; pLDDT as 0..1 or 0..100. Values outside, or all equal, are
            something else.
    """
    known = b_factors[np.isfinite(b_factors)]
    if not len(known) or known.min() < 0 or known.max() > 100 or known.min() == known.max():
        return None
    return b_factors * np.float32(100 if known.max() <= 1 else 1)


def _fits(file: SourceFile, targets: Targets) -> list[Fit]:
    if file.problem is not None:
        raise StructureError(file.problem.message)
    return targets.fits(_stem(file.path.name), read_protein_chains(file.path))


def _taken(fits: Mapping[str, Sequence[Fit]]) -> Iterator[tuple[str, tuple[str, Fit]]]:
    """Yield each scored chain with its file, which is the best of those that fit it."""
    ranked = sorted(
        ((WAYS.index(fit.by), place, label, fit) for place, label in enumerate(fits) for fit in fits[label]),
        key=lambda item: item[:2],
    )
    seen = set()
    for _, _, label, fit in ranked:
        if fit.target.scored and fit.target.chain_id not in seen:
            seen.add(fit.target.chain_id)
            yield fit.target.chain_id, (label, fit)


def _left_over(
    fits: Mapping[str, Sequence[Fit]], taken: Mapping[str, tuple[str, Fit]], subset: str
) -> tuple[list[FileReason], list[FileReason]]:
    """Return the files for which another goes before, and those that fit only chains that are not scored."""
    used = {label for label, _ in taken.values()}
    unused, outside = [], []
    for label, of_file in fits.items():
        if label in used:
            continue
        scored = [fit.target.chain_id for fit in of_file if fit.target.scored]
        if scored:
            unused.append(FileReason(file=label, reason=f"{taken[scored[0]][0]} is taken for {scored[0]}"))
        else:
            reason = f"{of_file[0].target.chain_id} is not in the {subset} subset"
            outside.append(FileReason(file=label, reason=reason))
    return unused, outside


def _matched(label: str, fit: Fit) -> MatchedFile:
    return MatchedFile(
        chain_id=fit.target.chain_id,
        file=label,
        chain=fit.chain,
        by=fit.by,
        residues=int(np.isfinite(fit.placed.coords).all(1).sum()),
        length=len(fit.target.sequence),
        identity=round(fit.placed.identity, 4),
    )


def _stem(name: str) -> str:
    """Return a file name without its suffixes."""
    plain = name[:-3] if name.lower().endswith(".gz") else name
    return plain.rpartition(".")[0] or plain
