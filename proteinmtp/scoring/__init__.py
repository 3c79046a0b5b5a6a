"""Scores of traces against the experiment, statistics of them, comparisons."""
