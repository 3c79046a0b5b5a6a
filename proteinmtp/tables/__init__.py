"""The tables between the stages, one module for each: its row, its columns, reading and writing; `parquet` has how."""
