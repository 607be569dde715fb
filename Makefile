# Each target makes what it needs first: a virtual environment in .venv with a Python of 3.11 or later, and the packages
# from the package index. Packages are installed again only when pyproject.toml has changed.

VENV := .venv
BIN := $(VENV)/bin
# The first Python that is new enough and able to make a virtual environment. `make PYTHON=/path/to/python` overrides it.
PYTHON ?= $(shell for name in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
STRIDE ?= 1
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -e

.PHONY: help demo tour test check format bench bench-check bench-all parity failures-page evidence compat properties fuzz faults reliability growth cycles soak test-modes mutation coverage clean
.DEFAULT_GOAL := help

help: ## say what the targets do
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 22

demo: $(VENV)/.installed-demo ## serve Fixbook with its catalogue on 127.0.0.1 and print its address
	@mkdir -p $(CURDIR)/.fixbook
	@FIXBOOK_DATABASE_URL=$${FIXBOOK_DATABASE_URL:-sqlite+aiosqlite:///$(CURDIR)/.fixbook/demo.sqlite3} \
		FIXBOOK_CACHE=$${FIXBOOK_CACHE:-$(CURDIR)/.fixbook/environments} $(BIN)/python -m fixbook serve $(ARGS)

tour: $(VENV)/.installed-demo ## serve a small application with a bit of everything on 127.0.0.1
	@$(BIN)/python -m examples.tour

test: $(VENV)/.installed-dev ## run every test, on all cores (ARGS="-n 0 -x tests/core": one process, a part)
	@$(BIN)/python -m pytest -q -n auto --dist worksteal $(ARGS)

check: $(VENV)/.installed-dev ## format, lint, types and the direction of imports
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache --config pyproject.toml

format: $(VENV)/.installed-dev ## format the code and mend what lint can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.installed-bench ## print CPU time for each request, side by side with the peers (ARGS=--quick)
	@$(BIN)/python -m benchmarks $(ARGS)

bench-check: $(VENV)/.installed-bench ## compare instructions for each request with those recorded
	@$(BIN)/python -m benchmarks.instructions --guard

bench-all: $(VENV)/.installed-bench ## measure everything and write the tables and curves into the docs (about 15 minutes)
	@$(BIN)/python -m benchmarks --write
	@$(BIN)/python -m benchmarks.outside --write
	@$(BIN)/python -m benchmarks.served --write
	@$(BIN)/python -m benchmarks.growth

parity: $(VENV)/.installed-dev ## print what of Starlette's interface is missing (ARGS=-v: and what differs on purpose)
	@$(BIN)/python -m scripts.parity $(ARGS)

failures-page: $(VENV)/.installed-dev ## write docs/failures.md from the tests (ARGS=--check: compare it only)
	@$(BIN)/python -m scripts.failures_page $(ARGS)

evidence: $(VENV)/.installed-dev ## write docs/fixbook/evidence.md from the recorded runs (ARGS=--check: compare it only)
	@$(BIN)/python -m scripts.fixbook_evidence $(ARGS)

compat: $(VENV)/.installed-dev ## run other projects' tests on Starlette and on Asterion (ONLY=name; ARGS=--check)
	@$(BIN)/python -m compat $(ARGS) $(ONLY)

properties: $(VENV)/.installed-dev ## run the properties and the comparison with Starlette for longer, with new inputs
	@ASTERION_PROPERTIES=long $(BIN)/python -m pytest tests/properties tests/differential -q $(ARGS)

fuzz: $(VENV)/.installed-dev ## run the fuzzers, 60 s each (ARGS="json cookies --seconds 10")
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(INSTALL) '.[fuzz]' --only-binary atheris || \
		echo "atheris cannot be had for this Python" >&2
	@$(BIN)/python -m fuzz $(ARGS)

faults: $(VENV)/.installed-dev ## cut every kind of request at every point (STRIDE=7: one in seven), here and on Starlette
	@$(BIN)/python -m tests.faults asterion --keep --stride $(STRIDE) $(ARGS)
	@$(BIN)/python -m tests.faults starlette --keep --stride $(STRIDE) $(ARGS)

reliability: $(VENV)/.installed-dev ## write docs/reliability.md from the results of its parts (ARGS=--check: compare it only)
	@$(BIN)/python -m scripts.reliability $(ARGS)

growth: $(VENV)/.installed-dev ## parsers grow with their input, no step holds the loop: by time as well, and beside Starlette (a quiet machine)
	@ASTERION_GROWTH=1 $(BIN)/python -m pytest tests/growth -q -n 0 $(ARGS)
	@$(BIN)/python -m tests.growth.figures

cycles: $(VENV)/.installed-dev ## what does a request leave to the garbage collector, here and on Starlette?
	@$(BIN)/python -m tests.growth.cycles asterion --keep $(ARGS)
	@$(BIN)/python -m tests.growth.cycles starlette --keep $(ARGS)

soak: $(VENV)/.installed-dev ## ask for 250,000 requests, a fifth of them faulted: does anything stay behind?
	@$(BIN)/python -m scripts.soak $(ARGS)

test-modes: $(VENV)/.installed-dev ## run every test under -O, -X dev and with asyncio's debug mode
	@$(BIN)/python -m scripts.modes $(ARGS)

mutation: $(VENV)/.installed-dev ## change the code in small ways: do the tests notice? (ARGS="exchange --sample 40 --seed 7")
	@nice -n 10 $(BIN)/python -m scripts.mutation $(ARGS)

coverage: $(VENV)/.installed-dev ## run the tests and say which branches of the package none takes (ARGS="tests/routing")
	@nice -n 10 $(BIN)/python -m scripts.covering $(ARGS)

clean: ## remove the virtual environment and all caches
	@rm -rf $(VENV) .compat .fuzz .mypy_cache .ruff_cache .pytest_cache .hypothesis .fixbook

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python of 3.11 or later with venv found; say make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-%: pyproject.toml | $(BIN)/python
	@$(INSTALL) '.[$*]'
	@touch $@
