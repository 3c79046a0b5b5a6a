"""Heads: from slot states to a structure. One module is one head; its name is `head.kind` in the config.

A head module says, as literals that the config reads without importing it:

- `GIVES`: the fields of `Prediction` that it fills;
- `LOSS`: names and weights of the losses it is usually trained with, used where the config names none.

- `CAP`, if it has one: angstrom from which on its distances say only "farther", where `reconstruct.cap` names none.

And it defines `Head`, a `torch.nn.Module` made with `Head(hidden_size, config)`:

- `fit(coords)` takes the coordinates of all training chains, a list of (L, 3), before training starts;
- `forward(states, mask)` turns slot states (B, L, H) and the mask of the residues (B, L) into a `Prediction`.

A head that does not read slots brings `Network`, a subclass of `proteinmtp.model.network.SlotNetwork` made with
`Network(backbone, config, tokenizer)`.
"""
