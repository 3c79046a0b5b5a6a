"""The page that people read, and the numbers beside it."""
