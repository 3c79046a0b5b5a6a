"""The memory of a run before anything is loaded: its own code, run on tensors that have a shape but no content."""
