"""What everything rests on: errors, files, fingerprints, parts found by name, logs, the names of metrics."""
