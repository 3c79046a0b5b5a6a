"""How well sequences are predicted: perplexity per residue, of a model and of how often each residue occurs."""

import math
from collections import Counter
from collections.abc import Sequence

import torch

from proteinmtp.base.errors import UserError
from proteinmtp.base.residues import KNOWN
from proteinmtp.model.residue_model import ResidueModel
from proteinmtp.model.tokens import Tokens
from proteinmtp.tables.chains import ChainSequence

HIGHEST_LOSS = 700.0
"""Nats, of which the exponential is still a number."""


def perplexities(
    model: ResidueModel,
    chains: Sequence[ChainSequence],
    *,
    trained_on: Sequence[str],
    tokens: Tokens,
    batch_size: int,
    device: torch.device,
) -> tuple[float | None, float | None, int]:
    """Return the perplexity per residue of a model and of the unigram, and the residues that were asked for.

    Both are asked for the same residues.

    Parameters:
        model: trained.
        chains: on which it is measured; without any, perplexities are None.
        trained_on: sequences that the unigram is taken from; each residue is counted once more than it occurs.
        tokens: the backbone's tokenizer.
        batch_size: chains at once.
        device: of the model.

    Raises:
        UserError: if the model's is beyond all numbers.
    """
    counts: Counter[str] = Counter(KNOWN)
    for sequence in trained_on:
        counts.update(sequence)
    total = sum(counts[letter] for letter in KNOWN)
    unigram = torch.tensor([-math.log(counts[letter] / total) for letter in KNOWN])
    missed, asked, plain = 0.0, 0, 0.0
    model.eval()
    ordered = sorted(chains, key=len)
    for at in range(0, len(ordered), batch_size):
        members = ordered[at : at + batch_size]
        batch = model.collate(members, [tokens.encode(chain.sequence) for chain in members]).to(device)
        with torch.no_grad():
            guess = model(batch)
        sums, numbers = model.missed(guess, batch)
        missed += float(sums.double().sum())
        asked += int(numbers.sum())
        plain += float(unigram[batch.letters[guess.asked].cpu()].double().sum())
    if not asked:
        return None, None, 0
    if missed / asked > HIGHEST_LOSS:
        raise UserError(
            f"a residue of the validation chains has a loss of {missed / asked:.3g} after pretraining, which has"
            " diverged; lower backbone.pretrain.lr"
        )
    return math.exp(missed / asked), math.exp(plain / asked), asked
