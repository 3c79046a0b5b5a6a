"""The stages of the workflow: one module for each rule, with the rule's name. `ls pipeline` is the DAG.

A module says what goes in (`Inputs`), what comes out (`Outputs`), which settings it uses (`Options`), and does it
(`run`): read tables, call the library, write tables. This package is not installed; it is found beside the Snakefile.
"""
