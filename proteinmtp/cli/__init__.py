"""The command `proteinmtp`."""
