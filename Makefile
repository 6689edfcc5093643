# make demo   from nothing to a report on a sample retailer
# make test   everything CI checks, install included
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
QUIET := --quiet --disable-pip-version-check

.PHONY: demo test test-fast test-slow check lock clean

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "foresell needs Python 3.11 or newer; set PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# What foresell needs to run; nothing more.
$(VENV)/base: $(BIN)/python requirements.lock pyproject.toml
	@echo "Installing foresell and the packages it needs into $(VENV) (about half a minute) ..."
	$(BIN)/pip install $(QUIET) --require-hashes -r requirements.lock
	$(BIN)/pip install $(QUIET) --no-deps --no-build-isolation --editable .
	touch $@

# What its tests and checks need on top. The lock is whole, so pip has nothing to resolve; it could not with hashes, for
# some packages ask for others with extras (pandas[parquet]), which a lock names without.
$(VENV)/dev: $(VENV)/base requirements-dev.lock
	@echo "Installing what the tests need ..."
	$(BIN)/pip install $(QUIET) --no-deps --require-hashes -r requirements-dev.lock
	touch $@

demo: $(VENV)/base
	$(BIN)/foresell sample $(DEMO)/data --stores 5 --items 60 --days 1095 --seed 1
	$(BIN)/foresell init $(DEMO) --data $(DEMO)/data --force
	$(BIN)/foresell run $(DEMO)

test: check test-fast test-slow

test-fast: $(VENV)/dev
	$(BIN)/python -m pytest -q -n 2 --dist worksteal

test-slow: $(VENV)/dev
	$(BIN)/python -m pytest -q -m slow

check: $(VENV)/dev
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

# Names, versions and hashes of what is installed; run it after changing dependencies in pyproject.toml.
lock: $(VENV)/dev
	$(BIN)/pip install $(QUIET) uv
	$(BIN)/uv pip compile -q pyproject.toml --group build --universal --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements.lock
	$(BIN)/uv pip compile -q pyproject.toml --all-extras --group dev --universal --generate-hashes --no-emit-index-url --no-header --no-annotate -c requirements.lock -o requirements-dev.lock
	$(BIN)/uv pip compile -q pyproject.toml --group peers --group build --universal --generate-hashes --no-emit-index-url --no-header --no-annotate -c requirements.lock -o benchmarks/requirements.lock

clean:
	rm -rf $(VENV) $(DEMO) build dist
