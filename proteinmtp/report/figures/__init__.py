"""Figures of the report: what is drawn, how it looks, and how it becomes SVG for the page or a file for a paper."""
