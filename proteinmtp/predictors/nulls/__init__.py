"""The nulls of the project: one module is one null; `proteinmtp.predictors.null` says what it must be."""
