# `make demo`, `make test` and `make lint` do all their own set-up; from the second run on they start at once.
PYTHON ?= python3
# Processes that run tests: twice two cores, as tests wait for servers. 0 runs them in one, for a debugger.
WORKERS ?= 4
PYTEST_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test lint format lock clean
.DEFAULT_GOAL := test

demo: $(STAMP)
	@$(BIN)/rotator demo

# A module's tests stay in one process, so that what its fixtures start is started once. In the order of the folders the
# long ones come first, so that no process is left alone with them at the end.
test: $(STAMP)
	@.ci/tools chromium systemd
	@$(BIN)/pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(PYTEST_ARGS)

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache --no-logo
	@$(BIN)/mypy

format: $(STAMP)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# After a change of the dependencies in pyproject.toml; the only target that needs uv.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q pyproject.toml --group dev -o requirements-dev.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version; sys.exit(sys.version_info < (3, 11) and "rotator needs Python 3.11 or newer, and this is " + v.split()[0] + ". Type: make PYTHON=python3.12")'
	@PYTHON="$(PYTHON)" .ci/tools python3-venv
	@echo "Setting up $(VENV), once; about half a minute ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $(STAMP)
