"""Files from a server: retried, checked, recorded, at a limited rate."""
