# GNU make 3.81 or later. `make demo` and `make test` set everything up by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# tests start the program some hundred times, and each would compile all its modules anew
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test fuzz lint bench docs lock golden clean

demo: $(VENV)/.run
	$(BIN)/countersign demo demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest

# Looks for what the fixed examples of `make test` do not meet: others on every run, and ten times as many.
# `make fuzz FUZZ=tests/property` searches there alone.
FUZZ := tests
fuzz: $(VENV)/.dev
	HYPOTHESIS_PROFILE=search $(BIN)/python -m pytest -m hypothesis $(FUZZ)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check src tests bench tools
	$(BIN)/ruff check src tests bench tools
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	$(BIN)/python bench/run.py

# Regenerates what the documents take from the code: help texts, tables, figures of the schema.
docs: $(VENV)/.dev
	$(BIN)/python tools/docs.py

golden: $(VENV)/.dev
	$(BIN)/python tools/golden.py

# The lock files name versions and hashes, and no index.
lock: $(VENV)/.dev
	$(PIP) install uv
	$(BIN)/uv pip compile --upgrade --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
		--extra build pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile --upgrade --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
		--extra build --extra dev -c requirements/run.txt pyproject.toml -o requirements/dev.txt

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt pyproject.toml $(VENV)/bin/python
	@echo "Installing what Countersign needs into $(VENV) (once)"
	$(PIP) install --require-hashes -r requirements/run.txt
	$(PIP) install --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@echo "Installing the tools for tests into $(VENV) (once)"
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

clean:
	rm -rf $(VENV) demo build dist
