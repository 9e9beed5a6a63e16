# Everything a person or CI calls. On a fresh machine with Python 3.11+, git, make and Go, `make demo` and
# `make test` set up all that they need: uv (if it is not on PATH), the locked environment, the toolchain.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= python3
UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN := $(UV) run --no-sync
WORKERS ?= auto
ARGS ?=

.PHONY: help setup toolchain test-programs demo test test-fast check fix bench docs sandbox-down clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.tools/bin/uv:
	@echo "installing uv $(UV_VERSION) into .tools"
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet "uv==$(UV_VERSION)"

setup: $(if $(filter .tools/bin/uv,$(UV)),.tools/bin/uv) ## install the locked Python environment
	@$(UV) sync --locked --quiet

toolchain: setup ## find or build the external programs (Pulumi, Kubernetes, etcd, kwok)
	@$(RUN) fleet toolchain install

test-programs: setup ## find or fetch the servers that tests talk to (Prometheus), as packages of Debian, without root
	@$(RUN) python -m tests.helpers.debian

demo: toolchain ## play the whole story on a local sandbox
	@$(RUN) fleet demo $(ARGS)

test: toolchain test-programs ## run every test
	@$(RUN) pytest -n $(WORKERS) --dist worksteal $(ARGS)

test-fast: setup ## run the tests that need no toolchain
	@$(RUN) pytest -n $(WORKERS) -m "not integration and not e2e" $(ARGS)

check: setup ## format, lint, types, layers, spelling, generated files
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) mypy
	@$(RUN) lint-imports --no-cache
	@$(RUN) codespell
	@$(RUN) python tools/generate_docs.py --check

fix: setup ## format, and mend what the linter can mend
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix .

docs: setup ## write the generated reference pages
	@$(RUN) python tools/generate_docs.py

bench: toolchain ## measure, each figure beside its rival
	@$(RUN) python -m bench $(ARGS)

sandbox-down: setup ## stop the sandbox and remove all of it
	@$(RUN) fleet sandbox down --yes

clean: ## remove the Python environment and caches (not the toolchain)
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
