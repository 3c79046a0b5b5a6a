"""From sequences to structures with a trained model, without the workflow."""
