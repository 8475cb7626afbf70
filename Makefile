# `make help` lists what can be made; `make test PYTHON=python3.13` chooses the interpreter.

PYTHON ?= python3
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VERSION = $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
VENV = .venv-$(VERSION)
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check -q install -c constraints.txt
COMMA = ,
DEMO_EXTRAS = demo$(if $(filter lake,$(STORE)),$(COMMA)lake)
DEMO_STAMP = $(VENV)/.demo$(if $(filter lake,$(STORE)),-lake)

# Whatever the caller's shell has set, a run here uses this checkout alone.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV
export PYTHONNOUSERSITE := 1

.PHONY: help
help: ## Say what can be made
	@printf 'make TARGET [PYTHON=python3.13]\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: venv
venv: dev ## Make the environment with every extra and tool

.PHONY: demo
demo: demo-store base ## Run the flights system on a real Airflow; STORE=lake on Delta, UI=1 keeps Airflow up
	@[[ -e $(DEMO_STAMP) && ! pyproject.toml -nt $(DEMO_STAMP) && ! constraints.txt -nt $(DEMO_STAMP) ]] || { \
		echo "Installing what the demo needs into $(VENV): a few minutes, once."; \
		$(PIP) --no-build-isolation -e '.[$(DEMO_EXTRAS)]'; \
		touch $(DEMO_STAMP); \
	}
	@$(BIN)/airflow-ml demo $(STORE:%=--store=%) $(if $(filter-out 0 no false,$(UI)),--ui)

.PHONY: demo-store
demo-store:
	@case '$(STORE)' in '' | duckdb | lake) ;; *) \
		echo "The demo does not run on STORE=$(STORE). Choose STORE=duckdb (the default) or STORE=lake." >&2; exit 1 ;; \
	esac

.PHONY: test
test: dev ## Run every test but the long fault runs (ARGS='-k window' narrows)
	@$(BIN)/python -m pytest $(or $(ARGS),-n auto --maxprocesses 4 --dist loadfile)

.PHONY: faults
faults: dev ## Run the long fault runs: kills, races, outages
	@$(BIN)/python -m pytest -m faults $(ARGS)

.PHONY: check
check: dev ## Format, lint, types, import contracts, docs in step with the code
	@echo '-- format'; $(BIN)/ruff format --check .
	@echo '-- lint'; $(BIN)/ruff check .
	@echo '-- types'; $(BIN)/mypy
	@echo '-- imports'; $(BIN)/lint-imports --no-logo
	@echo '-- docs'; if [[ -d tests/docs ]]; then $(BIN)/python -m pytest -q tests/docs; else echo 'no tests/docs yet'; fi

.PHONY: format
format: dev ## Format the code and mend what lint can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: bench
bench: dev ## Measure, and print ratios to a floor or a peer
	@$(BIN)/python -m tests.bench $(ARGS)

.PHONY: compose-test
compose-test: ## Try the docker-compose.yaml cluster from up to down (needs Docker)
	@$(PYTHON) tests/compose/run $(ARGS)

.PHONY: wheel
wheel: dev ## Build the wheel into dist/
	@rm -rf dist
	@$(BIN)/python -m hatchling build -t wheel

.PHONY: clean
clean: ## Remove environments, builds and caches
	@rm -rf .venv-* build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find airflow_ml_provider dags tests -type d -name __pycache__ -prune -exec rm -rf {} +

# The environment grows in three steps, each with a stamp: an interrupted step is made again.

.PHONY: base
base: python
	@[[ -e $(VENV)/.base && ! constraints.txt -nt $(VENV)/.base ]] || { \
		echo "Making $(VENV)."; \
		[[ -e $(VENV)/.base ]] || $(PYTHON) -m venv --clear $(VENV) \
			|| { echo 'Python lacks its venv module: on Debian, install python3-venv.' >&2; exit 1; }; \
		$(PIP) pip editables hatchling setuptools; \
		touch $(VENV)/.base; \
	}

.PHONY: dev
dev: base
	@[[ -e $(VENV)/.dev && ! pyproject.toml -nt $(VENV)/.dev && ! constraints.txt -nt $(VENV)/.dev ]] || { \
		echo "Installing the package, its extras and the tools into $(VENV): a few minutes, once."; \
		$(PIP) --no-build-isolation -e '.[all]' --group dev; \
		touch $(VENV)/.dev $(VENV)/.demo $(VENV)/.demo-lake; \
	}

.PHONY: python
python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'This needs Python 3.11 or later; $(PYTHON) is not. Choose one: make $(or $(firstword $(MAKECMDGOALS)),help) PYTHON=python3.13' >&2; exit 1; }
