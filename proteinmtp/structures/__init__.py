"""Structure files in and out: sources, parsing, refusals, pairing."""
