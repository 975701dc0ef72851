# `make help` lists what there is. Everything runs in .venv, which is made at need.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
FOLDER ?=
JOBS   ?= 2
.DEFAULT_GOAL := help

.PHONY: help run run-light test lint types unit wheel-test test-long bench train-lite screenshots sample dist clean

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

run: $(VENV)/.all ## install everything at first (about 7.5 GB) and open the window; FOLDER=... to start in one
	$(BIN)/c4t-desktop $(if $(FOLDER),"$(FOLDER)")

run-light: $(VENV)/.base ## install only what indexing and searching need (about 0.9 GB) and open the window
	$(BIN)/c4t-desktop $(if $(FOLDER),"$(FOLDER)")

test: $(VENV)/.dev lint types unit wheel-test ## everything that CI runs (test-long has what is too long for it)

lint: $(VENV)/.dev ## style and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.dev ## mypy --strict on both packages
	$(BIN)/mypy

PYTEST = QT_QPA_PLATFORM=offscreen HF_HUB_OFFLINE=1 $(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

unit: $(VENV)/.dev ## the test suite but its long stories, the window offscreen; JOBS=1 for one file at a time
	$(PYTEST) -m "not long"

test-long: $(VENV)/.dev ## the long stories, for which CI has no time; before a release
	$(PYTEST) -m long

wheel-test: $(VENV)/.dev ## build the wheel, install it without extras elsewhere, search with it
	$(BIN)/python scripts/wheel_test.py

bench: $(VENV)/.dev ## speed and scale: what README's figures come from; IMAGES=folder, ARGS="--only jpeg --only scale --sizes 10000"
	$(BIN)/python -m benchmarks.bench $(if $(IMAGES),--images "$(IMAGES)") $(ARGS)

train-lite: $(VENV)/.dev ## train the next shipped model (docs/model-runs.md); DATA=drive data, ARGS="--without roads"
	$(BIN)/python -m scripts.lite.train $(if $(DATA),--data "$(DATA)") $(ARGS)

sample: $(VENV)/.dev ## draw the sample drive again
	$(BIN)/python -m scripts.draw_sample

screenshots: $(VENV)/.dev ## every screen, light and dark, 1x and 2x, into screenshots/; ARGS=--docs for those of the tutorials
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m scripts.screenshots $(ARGS)

dist: $(VENV)/.dev ## build the wheel and the source archive into dist/
	$(BIN)/python -m build --wheel --sdist

clean: ## remove what builds and tests leave
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	$(PYTHON) scripts/bootstrap.py venv $(VENV)

$(VENV)/.base: pyproject.toml | $(VENV)/bin/python
	$(PYTHON) scripts/bootstrap.py install $(VENV) .
	@touch $@

$(VENV)/.all: pyproject.toml | $(VENV)/bin/python
	$(PYTHON) scripts/bootstrap.py install $(VENV) ".[all]"
	@touch $@ $(VENV)/.base

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(PYTHON) scripts/bootstrap.py install $(VENV) ".[all,dev]"
	@touch $@ $(VENV)/.all $(VENV)/.base
