# Each target does all its own set-up; from the second run on it starts at once.
PYTHON ?= python3
# Processes that run tests: twice two cores, as tests wait for servers. 0 runs them in one, for a debugger.
WORKERS ?= 4
PYTEST_ARGS ?=
ROOM ?= core.windows

# Another one for another Python: make unit VENV=.venv-3.13 PYTHON=python3.13
VENV ?= .venv
BIN := $(VENV)/bin
# What the program needs to run is installed; and what its tests, linters and builds need beside that.
RUNS := $(VENV)/.runs
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test thorough clients unit end-to-end coverage mutants lint format lock audit sbom clean
.DEFAULT_GOAL := test

# Out of the source tree: to install the package takes what builds it, which running it does not.
demo: $(RUNS)
	@$(BIN)/python -m rotator demo

# A module's tests stay in one process, so that what its fixtures start is started once. In the order of the folders
# (testpaths in pyproject.toml) the long ones come first, so that no process is left alone with them at the end.
test: $(STAMP)
	@.ci/tools chromium systemd
	@$(BIN)/pytest -m "not thorough" -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(PYTEST_ARGS)

# What `make test` leaves out, and with many examples and long walks what it tries with a few (tests/tiers.py).
thorough: $(STAMP)
	@.ci/tools chromium systemd
	@ROTATOR_TIER=thorough $(BIN)/pytest -m "thorough or more_in_thorough or hypothesis" \
		-n $(WORKERS) --dist loadscope --no-loadscope-reorder $(PYTEST_ARGS)

# Public programs, unmodified, against the simulated org. They are installed outside of the clone, once for each lock file.
clients: $(STAMP)
	@.ci/tools npm
	@export ROTATOR_CLIENTS && ROTATOR_CLIENTS=$$(.ci/clients) && $(BIN)/pytest tests/clients -n 2 --dist loadfile $(PYTEST_ARGS)

# The inner loop: the tests of single modules, of which none needs an installed server or a browser, without the longest
# of them (tests/tiers.py), which LONGER=1 adds. They wait for little, and each process more has all of them to collect.
LONGER ?=
unit: WORKERS = 2
unit: $(STAMP)
	@$(BIN)/pytest tests/unit -m "not thorough$(if $(LONGER),, and not longer)" -n $(WORKERS) --dist loadscope $(PYTEST_ARGS)

# The installed commands as processes, on Pythons on which nobody runs all of it.
end-to-end: $(STAMP)
	@.ci/tools chromium systemd
	@$(BIN)/pytest tests/end_to_end -m "not thorough" -n $(WORKERS) --dist loadscope $(PYTEST_ARGS)

# The lines and branches that tests reach which call the program's modules rather than its commands; pyproject.toml has
# the floor. Beside `make test`, as it takes longer by what the measuring costs.
coverage: $(STAMP)
	@$(BIN)/pytest tests/unit tests/contract --cov -n $(WORKERS) --dist loadscope $(PYTEST_ARGS)

# Small faults, planted one at a time in a copy below build/mutants: those that the room's own tests do not notice are
# listed. ROOM=core.windows takes a minute, ROOM=services.rotation hours; MUTANTS='*Gap*' for a part of it.
mutants: $(STAMP)
	@$(PIP) install --require-hashes -r requirements-mutants.lock
	@$(BIN)/python tests/mutants.py $(ROOM) $(MUTANTS)

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache --no-logo
	@$(BIN)/mypy

format: $(STAMP)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# After a change of the dependencies in pyproject.toml; the only target that needs uv. With extras: an older pip takes
# `name[extra]` of a dependency for another package than the pinned `name`, and would look for its newest version.
lock:
	uv pip compile --universal --no-strip-extras --python-version 3.11 --generate-hashes --no-header -q pyproject.toml -o requirements.lock
	uv pip compile --universal --no-strip-extras --python-version 3.11 --generate-hashes --no-header -q pyproject.toml --group dev -o requirements-dev.lock
	uv pip compile --universal --no-strip-extras --python-version 3.11 --generate-hashes --no-header -q --group mutants -c requirements-dev.lock -o requirements-mutants.lock

# Known weaknesses of what the lock files pin; with ADVISORIES=FOLDER against a copy of them (osv.dev's format).
AUDIT := $(VENV)-audit
audit:
	@$(AUDIT)/bin/pip-audit --version >/dev/null 2>&1 || { $(PYTHON) -m venv $(AUDIT) && $(AUDIT)/bin/python -m pip --quiet install pip-audit packaging; }
	@for lock in requirements.lock requirements-dev.lock; do \
		echo "$$lock:"; $(AUDIT)/bin/python .ci/audit $$lock $(if $(ADVISORIES),--advisories $(ADVISORIES)) || exit 1; done

# What the program runs with, and under which licences; a part of the wheel (PEP 770).
sbom: $(STAMP)
	@$(BIN)/python .ci/sbom requirements.lock > sbom.cdx.json

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*

$(RUNS): requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version; sys.exit(sys.version_info < (3, 11) and "rotator needs Python 3.11 or newer, and this is " + v.split()[0] + ". Type: make PYTHON=python3.12")'
	@PYTHON="$(PYTHON)" .ci/tools python3-venv
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@.ci/busy "Installing what rotator runs with into $(VENV), once" $(PIP) install --require-hashes -r requirements.lock
	@touch $(RUNS)

$(STAMP): $(RUNS) requirements-dev.lock pyproject.toml
	@.ci/busy "Installing what its tests run with into $(VENV), once" $(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $(STAMP)
