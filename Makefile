# Everything is done with one environment in .venv, which each target makes if need be.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test test-slow test-faults test-flavors test-mlflow test-all lint format bench docs policy fuzz compare-scanners screenshots clean

demo: $(READY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash demo/demo.sh

test: $(READY)
	$(BIN)/pytest -n auto --dist worksteal -m "not slow and not fault"

test-slow: $(READY)
	$(BIN)/pytest -n auto --dist worksteal -m slow

# Kills, full disks, damage, Ctrl-C, on the installed command; MODELREG_FAULTS=all tries every moment of each.
test-faults: $(READY)
	$(BIN)/pytest -n auto --dist worksteal -m fault tests/faults

# The tests of flavors, signatures, inference and tables with the libraries that they are about, in an environment of its own.
test-flavors: .venv-flavors/.ready
	.venv-flavors/bin/pytest -n auto --dist worksteal -m "not slow" tests/loading/flavors tests/data
	.venv-flavors/bin/pytest -n auto --dist worksteal -k autolog tests/mlflow/test_scripts.py

# MLflow itself on a registry of ours, and in and out of its stores, with everything that it brings, in an environment of its own.
test-mlflow: .venv-mlflow/.ready
	.venv-mlflow/bin/pytest -n auto --dist worksteal tests/mlflow_plugin tests/mlflow_transfer

# On every Python from 3.11 that this machine has, each in an environment of its own.
test-all:
	bash scripts/test-all.sh

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python -m bench

# What is generated from the program: docs/commands.md, and the tables in README.md.
docs: $(READY)
	$(BIN)/python scripts/write_docs.py

# What models may hold, from files of genuine models (scripts/genuine) and from the libraries; its difference is to be reviewed.
policy: .venv-flavors/.ready
	rm -rf build/policy && mkdir -p build/policy
	PYTHONPATH=scripts .venv-flavors/bin/python -W ignore -m genuine build/policy/corpus
	.venv-flavors/bin/python scripts/policy/describe.py build/policy/described.json
	PYTHONPATH=. .venv-flavors/bin/python -m scripts.policy observe build/policy/observed.json build/policy/corpus
	PYTHONPATH=. .venv-flavors/bin/python -m scripts.policy write \
	  --observed build/policy/observed.json --described build/policy/described.json

# Ten minutes of random pickles: what the analysis accepts, Python's unpicklers must build as its graph says.
fuzz: $(READY)
	PYTHONPATH=. $(BIN)/python -W ignore tests/analysis/unpickler_comparison.py 600

# The table of docs/security.md: other scanners and modelreg on the same files, the scanners in an environment of their own.
# COMPARE="--hostile DIR --genuine DIR" takes files that are there.
compare-scanners: $(READY) .venv-scanners/.ready
	$(BIN)/python scripts/compare_scanners.py $(COMPARE)

screenshots: $(READY)
	$(BIN)/python scripts/write_screenshots.py

clean:
	rm -rf .venv .venv-* build dist demo/output .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "modelreg needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@$(BIN)/python -m compileall -q modelreg # as pip does for whatever is not installed with -e
	@touch $(READY)

.venv-flavors/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-flavors
	PIP_CONSTRAINT=constraints.txt .venv-flavors/bin/python -m pip install --quiet --disable-pip-version-check \
	  -e '.[dev,test-flavors]'
	@touch .venv-flavors/.ready

.venv-mlflow/.ready: pyproject.toml constraints-mlflow.txt
	$(PYTHON) -m venv .venv-mlflow
	PIP_CONSTRAINT=constraints-mlflow.txt .venv-mlflow/bin/python -m pip install --quiet --disable-pip-version-check \
	  -e '.[mlflow,test-mlflow]'
	@touch .venv-mlflow/.ready

.venv-scanners/.ready: constraints-scanners.txt
	$(PYTHON) -m venv .venv-scanners
	PIP_CONSTRAINT=constraints-scanners.txt .venv-scanners/bin/python -m pip install --quiet --disable-pip-version-check \
	  picklescan fickling modelscan modelaudit py7zr
	@touch .venv-scanners/.ready
