"""The stages of the workflow: one module for each rule, with the rule's name. `ls pipeline` is the DAG.

A module says what goes in (`Inputs`), what comes out (`Outputs`), which settings it uses (`Options`), and does it
(`run`): read tables, call the library, write tables. This package is not installed; it is found beside the Snakefile.
"""

import os

THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS")
"""Where libraries look for how many threads they may start; pyarrow, torch and most others look at that of OpenMP."""

# Jobs run beside each other, so a stage takes as many cores as Snakemake says for OpenMP, and one without it. Libraries
# look when they are imported. Training sets its own number of threads.
for _name in THREADS:
    os.environ.setdefault(_name, os.environ.setdefault("OMP_NUM_THREADS", "1"))
