# One entry for everything; CI calls the same targets. `make help` lists them.

PYTHON := .venv/bin/python
ABSOLUTE := $(CURDIR)/$(PYTHON)
READY  := .venv/.ready
TESTS  ?= tests
SYSTEMS := $(patsubst systems/%/pyproject.toml,%,$(wildcard systems/*/pyproject.toml))
NEEDS   := $(wildcard systems/*/requirements.txt)

# The first of these that is Python 3.11 or newer and can make a virtual environment.
CANDIDATES := $(PYTHON3) python3 python3.13 python3.12 python3.11 python
SUITABLE   := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

.DEFAULT_GOAL := help
.PHONY: help setup check test lint fix older types docs bench clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with everything that development needs
	@:

$(READY): pyproject.toml constraints.txt $(NEEDS)
	@for candidate in $(CANDIDATES); do \
	    if $$candidate -c '$(SUITABLE)' >/dev/null 2>&1; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "Coldframe needs Python 3.11 or newer with venv; name one with: make $(MAKECMDGOALS) PYTHON3=/path/to/python" >&2; \
	    exit 1; \
	fi; \
	echo "setting up .venv with $$($$python --version), once" && \
	rm -rf .venv && $$python -m venv .venv && \
	$(PYTHON) -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev]' \
	    $(NEEDS:%=-r %)
	@touch $@

# How many runs of each scenario `make check` breaks; `coldframe harden` in a system's directory breaks all.
RUNS ?= 16

check: $(READY) ## run the README's first example, play a quarter of the reference systems, and break their tasks
	@$(PYTHON) tests/docs/run_readme.py
	@for system in $(SYSTEMS); do \
	    (cd systems/$$system && $(ABSOLUTE) -m tests.quarter && \
	        echo "$$system: $(RUNS) runs of each scenario are broken" && \
	        $(ABSOLUTE) -m coldframe.cli harden --brief --workers 2 --runs $(RUNS)) || exit 1; \
	done

test: lint ## check style and layers, then run the tests (TESTS=path for some of them)
ifeq ($(TESTS),tests)
	@for system in $(SYSTEMS); do \
	    echo "systems/$$system" && (cd systems/$$system && $(ABSOLUTE) -m pytest -q -n 4) || exit 1; \
	done
endif
	@$(PYTHON) -m pytest -q -n 4 $(TESTS)

lint: $(READY) ## check style and layers
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m ruff format --quiet --check . || { echo "not formatted as the house does it: run 'make fix'" >&2; exit 1; }
	@.venv/bin/lint-imports --no-cache --no-logo >.venv/layers.txt 2>&1 || { cat .venv/layers.txt; exit 1; }

fix: $(READY) ## format, and mend what can be mended
	@$(PYTHON) -m ruff check --fix --quiet . || true
	@$(PYTHON) -m ruff format --quiet .

OLDER := 5.4.0 5.5.3 5.6.3

older: $(READY) ## compare the bench with the recorded real workers on older releases of Celery, too
	@for version in $(OLDER); do \
	    venv=.venv/celery-$$version; \
	    if [ ! -e $$venv/.ready ]; then \
	        echo "setting up Celery $$version, once" && rm -rf $$venv && $(PYTHON) -m venv $$venv && \
	        grep -vE '^(celery|kombu|redis)==' constraints.txt >$$venv/constraints.txt && \
	        $$venv/bin/python -m pip install -qq --disable-pip-version-check -c $$venv/constraints.txt \
	            "celery[redis]==$$version" greenlet time-machine pytest pytest-asyncio pytest-timeout pytest-xdist && \
	        $$venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps -e . && touch $$venv/.ready || exit 1; \
	    fi; \
	    echo "Celery $$version" && \
	    $$venv/bin/python -m pytest -q -n 2 -W ignore tests/conformance/test_conformance.py -k "bench_does or symbol" \
	        tests/unit/celery/test_patches.py || exit 1; \
	done

types: $(READY) ## check the types of src
	@$(PYTHON) -m mypy --strict src

docs: $(READY) ## run the examples of README and docs, and check what the docs say about the code
	@$(PYTHON) -m pytest -q tests/docs tests/repo

bench: $(READY) ## measure against eager and against a real worker, and print the tables
	@$(PYTHON) benchmarks/run.py

clean: ## remove everything that can be made again
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage build dist
	@find src tests benchmarks systems -name __pycache__ -type d -prune -exec rm -rf {} +
