# make demo | make test | make check | make bench: each sets up all it needs, from exact pins, inside this checkout.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# The newest Python here that is 3.11 or newer.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)
UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
BIN := .venv/bin

.PHONY: help install demo test check docs bench torture lock clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

install: .venv/.ready ## Set up what running needs, nothing else

demo: .venv/.ready ## Run the real service on a simulated hall
	@$(BIN)/engine demo

test: .venv/.ready-dev ## Run the tests
	@$(BIN)/pytest

check: .venv/.ready-dev ## Lint, types, import contracts, the shipped charts and schemas
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/engine validate
	@$(BIN)/engine schema chart --check

docs: .venv/.ready-dev ## Draw the shipped charts again
	@for c in machines/*.yaml; do n=$$(basename $$c .yaml); $(BIN)/engine graph $$n -o docs/charts/$$n.svg; done

bench: .venv/.ready-dev ## Measure, and print a table; beside XState too where node is
	@command -v npm >/dev/null && npm ci --silent --no-audit --no-fund --prefix tests/bench/xstate || true
	@$(BIN)/python -m tests.bench

torture: .venv/.ready-dev ## The long versions of the hard tests
	@$(BIN)/pytest -m torture -n 2

lock: ## Pin every dependency again, with hashes
	@$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade \
		--custom-compile-command 'make lock' pyproject.toml --extra graph --extra station --group build -o requirements.lock
	@$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command 'make lock' -c requirements.lock pyproject.toml --extra graph --extra station --group dev --group bench \
		-o requirements-dev.lock

clean: ## Remove what make installed here
	rm -rf .venv .uv

.uv/bin/uv:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; none was found on PATH"; exit 1; }
	@$(PYTHON) -m venv .uv || { echo "$(PYTHON) cannot make environments; on Debian: apt install python3-venv"; exit 1; }
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv

.venv/bin/python: | $(UV)
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; none was found on PATH"; exit 1; }
	@$(UV) venv --quiet --python $(PYTHON) .venv

.venv/.ready: requirements.lock pyproject.toml | .venv/bin/python
	@$(UV) pip install --quiet --python .venv --require-hashes -r requirements.lock
	@$(UV) pip install --quiet --python .venv --no-deps --no-build-isolation -e .
	@touch $@

.venv/.ready-dev: requirements-dev.lock pyproject.toml | .venv/bin/python
	@$(UV) pip install --quiet --python .venv --require-hashes -r requirements-dev.lock
	@$(UV) pip install --quiet --python .venv --no-deps --no-build-isolation -e .
	@touch $@
