"""Losses. One module is one loss; its name stands in `loss.terms` of the config.

A loss module says `NEEDS`, a literal tuple with the fields of `Prediction` that a head must give for it, and defines
`loss(prediction, batch, config)`, which returns one number for each chain, (B,), near 1 at the start of training. Only
observed residues count; a chain without any has loss 0.

A loss may bring a readout of its own: `Readout(hidden_size)`, a module whose `forward(states)` turns slot states
(B, L, H) into the field of `Prediction` that `FILLS` names.
"""
