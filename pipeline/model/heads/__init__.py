"""Heads: from slot states to a structure. One module is one head; its name is `head.kind` in the config.

A head module defines `Head`, a `torch.nn.Module` made with `Head(hidden_size, config)`:

- `fit(coords)` takes the coordinates of all training chains, a list of (L, 3), before training starts;
- `forward(states)` turns slot states (B, L, H) into its raw output;
- `loss(output, batch, config)` returns one loss a chain, (B,);
- `decode(output)` returns a `Decoded` with distances in angstrom.
"""
