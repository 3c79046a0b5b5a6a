"""Training: batches by step, the step, the loop, checkpoints."""
