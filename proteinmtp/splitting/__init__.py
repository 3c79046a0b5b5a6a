"""Which chains are for training, validation and test, and what of the test can be found in training."""
