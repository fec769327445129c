# Every target does all of its own set-up; a machine needs Python 3.11 (or newer) and make, nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python)
VENV ?= .venv
JOBS ?= 2
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Modules are compiled once, when something first imports them, not by each process again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint models docs benchmarks chaos

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1 - /p' $(MAKEFILE_LIST)

setup: $(READY)  ## virtual environment in .venv with the package and all of its tools
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "walkprint needs Python 3.11 or newer, found " + sys.version.split()[0] + "; try: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --no-compile -c constraints.txt -e ".[dev]"
	touch $@
	@echo 'ready; next: source $(VENV)/bin/activate && walkprint demo --quick'

demo: $(READY)  ## render people, train, evaluate, write an HTML report (about ten minutes on two cores; longer without AVX-512)
	$(BIN)/walkprint demo

lint: $(READY)  ## style, types, floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(READY)  ## lint, all tests with coverage, documentation without warnings
	$(MAKE) --jobs=2 lint docs
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(JOBS) --dist worksteal --cov --cov-report=term:skip-covered --cov-fail-under=90

models: $(READY)  ## the optional pose model of MediaPipe for `walkprint segment` (Apache-2.0, 2.8 MB; needs npm)
	$(BIN)/python tools/fetch_models.py

docs: $(READY)  ## documentation in docs/_build/html
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

benchmarks: $(READY)  ## speed and memory, each against a textbook twin in the same run
	@set -e; for script in benchmarks/[!_]*.py; do \
		case $$script in */measure.py|*/twins.py) continue;; esac; \
		OMP_NUM_THREADS=1 $(BIN)/python $$script; echo; \
	done

chaos: $(READY)  ## kill everything that writes for long, 40 times each, and see that nothing is lost (half an hour)
	OMP_NUM_THREADS=1 $(BIN)/python tools/chaos.py
