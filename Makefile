# Most targets use the environment in .venv, and create it first if it is missing or outdated.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

# Tests commit thousands of small changes durably. Where memory has 8 GiB to spare they do so there, in half the time.
export PYTEST_DEBUG_TEMPROOT ?= $(shell test -w /dev/shm && df -Pk /dev/shm | awk 'NR == 2 && $$4 > 8388608 { print "/dev/shm" }')

.PHONY: demo test test-slow test-faults test-flavors test-mlflow test-all lint format bench docs policy fuzz compare-scanners screenshots clean

demo: $(READY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash demo/demo.sh

test: $(READY)
	$(BIN)/pytest -n auto --dist worksteal -m "not slow and not fault"

test-slow: $(READY)
	$(BIN)/pytest -n auto --dist worksteal -m slow

# Fault injection on the installed command: kills, full disks, damage, Ctrl-C. MODELREG_FAULTS=all injects a fault at every
# system call instead of a selection.
test-faults: $(READY)
	$(BIN)/pytest -n auto --dist worksteal -m fault tests/faults

# Tests of flavors, signatures, inference and tables with all supported model libraries, in a separate environment.
test-flavors: .venv-flavors/.ready
	.venv-flavors/bin/pytest -n auto --dist worksteal -m "not slow" tests/loading/flavors tests/data
	.venv-flavors/bin/pytest -n auto --dist worksteal -k autolog tests/mlflow/test_scripts.py

# Tests with MLflow itself: the plugin, import and export. MLflow and its dependencies are in a separate environment.
test-mlflow: .venv-mlflow/.ready
	.venv-mlflow/bin/pytest -n auto --dist worksteal tests/mlflow_plugin tests/mlflow_transfer

# Tests on every installed Python from 3.11 on, each in a separate environment.
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

# Generate docs/commands.md, and the marked parts of README.md, docs/ci.md and CONTRIBUTING.md.
docs: $(READY)
	$(BIN)/python scripts/write_docs.py

# Generate modelreg/analysis/policy.json from genuine models (scripts/genuine) and the installed libraries; review its diff.
policy: .venv-flavors/.ready
	rm -rf build/policy && mkdir -p build/policy
	PYTHONPATH=scripts .venv-flavors/bin/python -W ignore -m genuine build/policy/corpus
	.venv-flavors/bin/python scripts/policy/describe.py build/policy/described.json
	PYTHONPATH=. .venv-flavors/bin/python -m scripts.policy observe build/policy/observed.json build/policy/corpus
	PYTHONPATH=. .venv-flavors/bin/python -m scripts.policy write \
	  --observed build/policy/observed.json --described build/policy/described.json

# Fuzz the analysis with random pickles for ten minutes: if it accepts a pickle, its graph must match the objects that
# Python's unpicklers build.
fuzz: $(READY)
	PYTHONPATH=. $(BIN)/python -W ignore tests/analysis/unpickler_comparison.py 600

# Print the table of docs/security.md: modelreg and other scanners on the same files. The scanners are in a separate
# environment. COMPARE="--hostile DIR --genuine DIR" uses existing files instead of generating them.
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
	@$(BIN)/python -m compileall -q modelreg # pip does this only for installations without -e
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
