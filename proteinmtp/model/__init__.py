"""Language model, layout of tokens and slots, heads, losses and networks, each with its contract."""
