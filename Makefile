# Two commands: `make run` starts Hyperstrate, `make test` proves it. `make help` lists the others.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export FLASK_APP := wsgi

.PHONY: help run test check lock bench

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

run: $(VENV)/run.stamp ## install, migrate, start on PORT (8090)
	@$(BIN)/flask db upgrade --directory migrations
	@exec $(BIN)/gunicorn wsgi:app

# Two processes a core: tests wait half of their time. What one compiles, the others read.
test: $(VENV)/dev.stamp ## every test, on SQLite, PostgreSQL, Valkey and a browser
	@$(BIN)/python -m compileall -q hyperstrate
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $$((2 * $$(nproc))) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/dev.stamp ## format, lint, types, import rules, templates
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/djlint --check --lint templates

lock: $(VENV)/uv.stamp ## pin every version with its hash
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header pyproject.toml -o requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --extra dev pyproject.toml -o requirements-dev.txt

bench: $(VENV)/dev.stamp ## compare with peers in one run
	@$(BIN)/python -m bench $(ARGS)

$(VENV)/uv.stamp:
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check uv
	@touch $@

$(VENV)/run.stamp: requirements.txt $(VENV)/uv.stamp
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/uv.stamp
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/run.stamp
