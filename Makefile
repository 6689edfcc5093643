# make demo   from nothing to a report on a sample retailer
# make test   everything CI checks, install included
# make docs   the site of the documents, in site/
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
TOOLS := build/supply-chain
QUIET := --quiet --disable-pip-version-check
# Python compiles a module when it is first imported; most of those that are installed never are.
INSTALL := $(BIN)/pip install $(QUIET) --no-compile
# The processes of the tests share what is compiled, also where the environment forbids Python to keep it.
export PYTHONDONTWRITEBYTECODE :=
PYTEST := $(BIN)/python -m pytest -q -n 2 --dist worksteal

.PHONY: demo demo-alone test test-all test-fast test-slow check docs ci lock audit licences sbom clean

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "foresell needs Python 3.11 or newer; set PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# What foresell needs to run; nothing more.
$(VENV)/base: $(BIN)/python requirements.lock pyproject.toml
	@echo "Installing foresell and the packages it needs into $(VENV) (about half a minute) ..."
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

# What its tests and checks need on top. The lock is whole, so pip has nothing to resolve; it could not with hashes, for
# some packages ask for others with extras (pandas[parquet]), which a lock names without.
# Where torch's build for processors is not to be had, the tests of neural networks are skipped.
$(VENV)/dev: $(VENV)/base requirements-dev.lock requirements-torch.lock
	@echo "Installing what the tests need ..."
	$(INSTALL) --no-deps --require-hashes -r requirements-dev.lock
	$(INSTALL) --no-deps --require-hashes -r requirements-torch.lock || \
		echo "torch was not installed; the tests of neural networks will be skipped."
	touch $@

demo: $(VENV)/base
	$(BIN)/foresell sample $(DEMO)/data --stores 5 --items 60 --days 1095 --seed 1
	$(BIN)/foresell init $(DEMO) --data $(DEMO)/data --force
	$(BIN)/foresell run $(DEMO)

# The demo where nothing is installed but what foresell needs.
demo-alone:
	$(MAKE) demo VENV=build/demo-venv DEMO=build/demo

test: check test-all

# Fast and slow tests in one go, which keeps two cores busy to its end.
test-all: $(VENV)/dev
	$(PYTEST) -m ""

test-fast: $(VENV)/dev
	$(PYTEST)

test-slow: $(VENV)/dev
	$(PYTEST) -m slow

# What CI runs, with --jobs 3: the demo beside the installation of the tests' packages, the checks beside the tests.
ci: demo-alone test

check: $(VENV)/dev
	$(BIN)/ruff check src tests benchmarks docs deploy
	$(BIN)/ruff format --check src tests benchmarks docs deploy
	$(BIN)/mypy
	$(BIN)/lint-imports

# A link that leads nowhere, or a notebook that raises, ends it.
docs: $(VENV)/dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "The site is in site/. Open site/index.html; for its search, serve it: $(BIN)/python -m http.server -d site"

# torch's build for processors, which the tests use, needs none of the GPU packages that the other build brings, several GB.
# It is in a lock of its own, because it lies on other indexes than the rest, and is made for this Python.
TORCH := torch==2.13.0+cpu
GPU := torch cuda-bindings cuda-pathfinder cuda-toolkit triton $(addprefix nvidia-,cublas cuda-cupti cuda-nvrtc \
	cuda-runtime cudnn-cu13 cufft cufile curand cusolver cusparse cusparselt-cu13 nccl-cu13 nvjitlink nvshmem-cu13 nvtx)

# Names, versions and hashes of what is installed; run it after changing dependencies in pyproject.toml.
lock: $(VENV)/dev
	$(BIN)/pip install $(QUIET) uv
	$(BIN)/uv pip compile -q pyproject.toml --group build --universal --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements.lock
	$(BIN)/uv pip compile -q pyproject.toml --all-extras --group dev --universal --generate-hashes --no-emit-index-url --no-header --no-annotate $(addprefix --no-emit-package ,$(GPU)) -c requirements.lock -o requirements-dev.lock
	$(BIN)/pip download $(QUIET) --no-deps --dest build/torch '$(TORCH)'
	printf '%s \\\n    %s\n' '$(TORCH)' "$$($(BIN)/pip hash build/torch/*.whl | tail -1)" > requirements-torch.lock
	$(BIN)/uv pip compile -q --group supply-chain --universal --generate-hashes --no-emit-index-url --no-header --no-annotate -o deploy/supply-chain.lock
	$(BIN)/uv pip compile -q pyproject.toml --group peers --group build --universal --generate-hashes --no-emit-index-url --no-header --no-annotate -c requirements.lock -o benchmarks/requirements.lock

# Known vulnerabilities of the locked packages. The script ends with 1 where there are some, with 3 where the database cannot
# be reached. Its tools are in an environment of their own, which CI does without.
audit: $(TOOLS)/done
	$(TOOLS)/bin/python deploy/supply_chain.py audit requirements.lock requirements-dev.lock

# The licences of the locked packages. The script ends with 1 where one that foresell needs forbids use in a product.
licences: $(VENV)/dev
	$(BIN)/python deploy/supply_chain.py licences requirements.lock requirements-dev.lock

# What foresell is made of, as CycloneDX in build/sbom.json: of the lock, so each time the same.
sbom: $(TOOLS)/done
	$(TOOLS)/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible -o build/sbom.json
	@echo "The bill of materials is build/sbom.json."

$(TOOLS)/done: $(BIN)/python deploy/supply-chain.lock
	$(BIN)/python -m venv $(TOOLS)
	$(TOOLS)/bin/pip install $(QUIET) --no-deps --require-hashes -r deploy/supply-chain.lock
	touch $@

clean:
	rm -rf $(VENV) $(DEMO) build dist site
