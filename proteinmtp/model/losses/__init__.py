"""Losses. One module is one loss; its name stands in `loss.terms` of the config.

What a loss is, `proteinmtp.model.loss` says.
"""
