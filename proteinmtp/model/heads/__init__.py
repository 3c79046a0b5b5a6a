"""Heads: from slot states to a structure. One module is one head; its name is `head.kind` in the config.

What a head is, `proteinmtp.model.head` says.
"""
