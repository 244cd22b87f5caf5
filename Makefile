PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
CONSOLE := src/livectl/server/console/dist

.DEFAULT_GOAL := help
.PHONY: help up console test lint fmt bench completions docs screenshots clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: .venv/.installed ## run everything on this machine: livectl dev $(ARGS)
	@$(MAKE) --no-print-directory console || echo "going on without the web console"
	$(BIN)/livectl dev $(ARGS)

console: $(CONSOLE)/index.html ## build the web console into the server

test: .venv/.installed-for-test lint console ## check the code, then run the tests: pytest $(ARGS)
	$(BIN)/python -m tests.parts
ifeq ($(ARGS),)
	$(BIN)/pytest -n 3 --dist loadfile -m "not e2e"
	$(BIN)/pytest -n 2 --dist loadfile -m "e2e and not alone"
	$(BIN)/pytest -m alone
else
	$(BIN)/pytest $(ARGS)
endif

lint: .venv/.installed-for-test ## ruff, mypy --strict, and who may import whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: .venv/.installed-for-test ## format the code and mend what ruff can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: ## list what is measured, and how to measure it
	@ls bench/*/README.md 2>/dev/null || echo "nothing is measured yet"

completions: .venv/.installed ## make the shells' completion files anew
	$(BIN)/python -m livectl.commands.completion completions

docs: .venv/.installed ## make the reference in docs/ anew from the code
	$(BIN)/python docs/generate.py

screenshots: .venv/.installed-for-test console ## make docs/screens/ anew, from the real thing
	$(BIN)/python -m docs.screenshots

clean: ## remove what was made, except .venv and data
	rm -rf build dist $(CONSOLE) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "livectl needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1)." \
	    "Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv .venv

# It is made from its own files, and its types from the routes.
$(CONSOLE)/index.html: $(shell find console -path console/node_modules -prune -o -type f \
    -not -name openapi.json -not -name schema.d.ts -print) | .venv/.installed
	$(BIN)/python console/build.py

# The stamps are newer than pyproject.toml when what it asks for is installed.
.venv/.installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet -e '.[media,redis]'
	@touch $@

# pip knows dependency groups since 25.1.
.venv/.installed-for-test: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet -e '.[media,redis]' --group test
	@touch .venv/.installed $@
