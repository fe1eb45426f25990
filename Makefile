# The front door. `make` alone lists the targets; nothing here is needed but make and Python 3.11+ with venv.

# The first of these that is Python 3.11 or newer; `make PYTHON=...` takes another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
PACKAGES := schemas services/chassis services/directory referral-api cluster-router notifier services/assessments \
	services/funding services/placements services/exchange services/portal services/jointly
# For those who build on our events; nothing of ours runs on it.
KIT := schemas/kit
SOURCES := $(addsuffix /src,$(PACKAGES) $(KIT)) $(KIT)/examples/python
PROJECTS := $(addsuffix /pyproject.toml,$(PACKAGES))
OPENS := jointly-schemas jointly-chassis jointly-directory jointly-referral-api jointly-cluster-router \
	jointly-notifier jointly-assessments jointly-funding jointly-placements jointly-exchange jointly-portal jointly-host \
	jointly-contract-kit

# Published without wheels: GOV.UK Notify's client and web push need them.
SDISTS := docopt,http-ece

# T=path runs the tests of one file or folder, K=words those whose names fit; both work with every test target.
T ?=
K ?=
PYTEST := $(BIN)/python -m pytest -q $(if $(K),-k "$(K)")
TWO := -n 2 --dist loadfile

# Imports every module of a package.
WALK := import importlib, pkgutil, sys; root = importlib.import_module(sys.argv[1]); \
	names = [m.name for m in pkgutil.walk_packages(root.__path__, root.__name__ + '.')]; \
	[importlib.import_module(n) for n in names if '.migrations' not in n and not n.endswith('__main__')]

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

.PHONY: help run run-kafka demo token reset setup test test-kafka check format-check lint types imports \
	schemas-check unit integration contract architecture e2e faults browser isolated bench format schemas migration migrate \
	lock clean

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n\033[1m%s\033[0m\n", substr($$0, 5)} \
		/^[a-z0-9-]+:.*## / {printf "  \033[36m%-14s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo

##@ Start
run: $(STAMP) ## Start everything on 127.0.0.1:8000: database, event log, front, worker, a demo county
	@$(BIN)/jointly run

run-kafka: $(STAMP) ## The same on a real Apache Kafka broker (needs Java 17+ and Maven)
	@$(BIN)/jointly run --kafka

demo: $(STAMP) ## Post referrals as three agencies' systems and watch them find their clusters (N=60; TERM=1: play a school term)
	@$(BIN)/jointly demo $(if $(filter 1,$(TERM)),--term) $(if $(N),--referrals $(N))

token: $(STAMP) ## Print an access token for curl: P=cluster-lead for a person, O=school-115482 for a system
	@$(BIN)/jointly token $(if $(P),--person "$(P)") $(if $(O),--system "$(O)")

reset: $(STAMP) ## Forget everything that `make run` keeps, and start over next time
	@$(BIN)/jointly reset --yes

setup: $(STAMP) ## Make the virtual environment (the other targets do so when it is missing)

##@ Check
check: format-check lint types imports schemas-check unit ## What to run before a commit

test: ## Everything that needs no Kafka: check and all tests; T=path K=words narrow
ifeq ($(T)$(K),)
	@$(MAKE) check integration contract architecture e2e faults
else
	@$(MAKE) $(STAMP)
	$(PYTEST) -m "not kafka" --ignore tests/bench $(or $(T),tests)
endif

test-kafka: $(STAMP) ## Event log, end-to-end and fault suites on Apache Kafka (needs Java 17+ and Maven)
	$(PYTEST) $(TWO) -m kafka $(or $(T),tests/contract tests/integration tests/e2e tests/faults)

format-check: $(STAMP)
	$(BIN)/ruff format --check --quiet .

lint: $(STAMP)
	$(BIN)/ruff check --quiet .

types: $(STAMP)
	$(BIN)/mypy $(SOURCES) tests

imports: $(STAMP)
	@mkdir -p .cache
	$(BIN)/lint-imports >.cache/imports.log 2>&1 || { cat .cache/imports.log; exit 1; }

schemas-check: $(STAMP) ## Are the published contracts what the code says?
	$(BIN)/python -m schemas.export --check

unit: $(STAMP) ## Rules and parts without a database
	$(PYTEST) $(TWO) $(or $(T),tests/unit)

integration: $(STAMP) ## Each service on a real PostgreSQL
	$(PYTEST) $(TWO) -m "not kafka" $(or $(T),tests/integration)

contract: $(STAMP) ## Events, OpenAPI, AsyncAPI, one suite for both event logs
	$(PYTEST) $(TWO) -m "not kafka" $(or $(T),tests/contract)

architecture: $(STAMP) ## The building itself: rooms, laws, routes, migrations
	$(PYTEST) $(or $(T),tests/architecture)

e2e: $(STAMP) $(if $(CI),browser) ## Journeys through every process
	$(PYTEST) $(TWO) -m "not kafka" $(or $(T),tests/e2e)

faults: $(STAMP) ## Kills, cuts and floods while work goes on
	$(PYTEST) $(TWO) -m "not kafka" $(or $(T),tests/faults)

browser: ## Install Debian's Chromium, for the tests of the pages (as root; elsewhere, any `chromium` on the PATH will do)
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }

isolated: $(STAMP) ## Install each package alone with what it declares, and import it
	@set -e; for package in $(PACKAGES) $(KIT); do \
		case $$package in \
			schemas) with="" ;; services/chassis|$(KIT)) with="schemas" ;; \
			services/jointly) with="$(filter-out services/jointly,$(PACKAGES))" ;; *) with="schemas services/chassis" ;; \
		esac; \
		alone=.cache/isolated/$$(basename $$package); name=$$(ls $$package/src | grep -v egg-info); \
		echo "$$package alone"; \
		$(BIN)/uv venv --quiet --clear --python $(BIN)/python $$alone; \
		$(BIN)/uv pip install --quiet --python $$alone/bin/python -c requirements.lock \
			$$(for path in $$with $$package; do echo ./$$path; done); \
		(cd .cache && ../$$alone/bin/python -c "$(WALK)" $$name); \
	done

bench: $(STAMP) ## Measure, and compare with the figures that were recorded
	$(PYTEST) -s $(or $(T),tests/bench)

##@ Change
format: $(STAMP) ## Put all code into its one form
	$(BIN)/ruff check --quiet --fix-only .
	$(BIN)/ruff format --quiet .

schemas: $(STAMP) ## Write the published contracts anew from the code
	$(BIN)/python -m schemas.export

migration: $(STAMP) ## Begin a migration: S=referral-api M="add outcome"
	$(BIN)/jointly database revision "$(S)" "$(M)"

migrate: $(STAMP) ## Bring the database to the newest schema
	$(BIN)/jointly database migrate

##@ House
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate \
	--no-emit-index-url --custom-compile-command 'make lock' $(addprefix --no-emit-package ,$(OPENS)) $(UPGRADE)
lock: $(STAMP) ## Pin what the packages declare, with hashes (UPGRADE=--upgrade for newer versions)
	$(LOCK) $(PROJECTS) -o requirements.lock
	$(LOCK) $(PROJECTS) $(KIT)/pyproject.toml --group pyproject.toml:dev -c requirements.lock -o requirements-dev.lock

clean: ## Remove the virtual environment and every cache; what `make run` keeps stays
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Made again when a lock or a package's metadata changes; otherwise nothing happens here.
$(STAMP): requirements-dev.lock $(PROJECTS) $(KIT)/pyproject.toml
	@test -n "$(PYTHON)" || { echo "Jointly needs Python 3.11 or newer. Install it, or say make PYTHON=/path/to/python3."; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version), once; it takes about a minute ..."
	@$(PYTHON) -m venv $(VENV) || { echo "This Python has no venv module; on Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: --no-binary $(SDISTS) -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation $(addprefix -e ,$(PACKAGES) $(KIT))
	@touch $@
