# make demo: environment and the whole pipeline on the demo data; make test: everything that is checked
VENV ?= .venv
PYTHON ?= python3.11
JOBS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

.PHONY: demo test test-slow bench bench-gpu lint generate clean-results
.DEFAULT_GOAL := demo

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

demo: $(STAMP)
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/snakemake -j $(JOBS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules workflow/Snakefile
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/snakemake --lint

test: lint
	OMP_NUM_THREADS=1 PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadgroup

test-slow: $(STAMP)
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest -m slow

bench: $(STAMP)
	for script in $(filter-out %/bench_gpu.py,$(wildcard benchmarks/bench_*.py)); do PYTHONPATH=. $(BIN)/python $$script || exit 1; done

bench-gpu: $(STAMP)
	PYTHONPATH=. $(BIN)/python benchmarks/bench_gpu.py

# config.yaml, the JSON schema and the conda environment follow from the models and the lock
generate: $(STAMP)
	$(BIN)/proteinmtp config --write

clean-results:
	find results -mindepth 1 ! -name README.md -delete
