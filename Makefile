# make demo: environment and the whole pipeline on the demo data; make test: everything that is checked
VENV ?= .venv
PYTHON ?= python3.11
JOBS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
SEED ?= 0
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
DEV := $(VENV)/installed-dev

.PHONY: demo test test-slow chaos bench bench-gpu lint generate clean-results test-outside image test-slurm
.DEFAULT_GOAL := demo

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

# What tests, checks and benchmarks need beside it; weights in 4 and 8 bit are tested on the CPU too.
$(DEV): $(STAMP) requirements-dev.lock requirements-gpu.lock requirements-cluster.lock
	$(BIN)/pip install --quiet -r requirements.lock -r requirements-gpu.lock -r requirements-cluster.lock -r requirements-dev.lock
	touch $@

demo: $(STAMP)
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/snakemake -j $(JOBS)

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules workflow/Snakefile
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/snakemake --lint

test: lint
	OMP_NUM_THREADS=1 PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadgroup

test-slow: $(DEV)
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest -m slow

# Twenty kills at random moments of a small workflow; SEED=2 CHAOS="--config config.yaml --kills 20" is another one
chaos: $(DEV)
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m tests.support.chaos "$$(mktemp -d)/chaos" --seed $(SEED) $(CHAOS)

# From another folder, and as a module of another workflow.
test-outside: $(DEV)
	OMP_NUM_THREADS=1 PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest -m "slow or not slow" tests/workflow/test_anywhere.py

image:
	docker build -f containers/Dockerfile -t proteinmtp --build-arg REVISION="$$(git describe --always --dirty --abbrev=40)" .

# DEMO=full: the whole demo in place of a small part of it
test-slurm: $(DEV)
	OMP_NUM_THREADS=1 PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest -m slurm tests/slurm

bench: $(DEV)
	for script in $(filter-out %/bench_gpu.py,$(wildcard benchmarks/bench_*.py)); do PYTHONPATH=. $(BIN)/python $$script || exit 1; done

bench-gpu: $(DEV)
	PYTHONPATH=. $(BIN)/python benchmarks/bench_gpu.py

# config.yaml, the JSON schema and the conda environment follow from the models and the lock
generate: $(STAMP)
	$(BIN)/proteinmtp config --write

clean-results:
	find results -mindepth 1 ! -name README.md -delete
