# Two commands matter: `make demo` and `make test`. The rest serve the daily loop.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

export PYTHONDONTWRITEBYTECODE ?=

.PHONY: demo test chaos check lint types unit bench lock clean

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3"; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "Installing pinned packages into $(VENV) ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

env: $(STAMP)
.PHONY: env

DEALS ?= 60
TENANTS ?= 3
SEED ?= 7
FAULTS ?= none
ACCOUNTING ?= elba
PORTALS ?= webhook

# Plays a working day of sandbox portals on the real parts; fails if any deal misses its planned end.
demo: $(STAMP)
	@$(PY) -m sverka demo --deals $(DEALS) --tenants $(TENANTS) --seed $(SEED) --faults $(FAULTS) --accounting $(ACCOUNTING) \
	  --portals $(PORTALS)

# Faults strike real processes for SECONDS while people work on DEALS; a stranger to the product checks what is left.
SECONDS ?= 40
campaign: DEALS = 200
campaign: $(STAMP)
	@$(PY) -m tests.chaos.campaign --seed $(SEED) --deals $(DEALS) --tenants $(TENANTS) --seconds $(SECONDS)

# A set of campaigns, which together must reach every recovery path; their evidence is appended.
SEEDS ?= 0-31
campaigns: DEALS = 200
campaigns: $(STAMP)
	@$(PY) -m tests.chaos.campaign --seeds $(SEEDS) --deals $(DEALS) --tenants $(TENANTS) --seconds $(SECONDS) \
	  --together --evidence
	@$(PY) -m tests.chaos.campaign.table --write
.PHONY: campaign campaigns

# The five services over memory, by a seeded scheduler: SEEDS is how many. Long runs of this and the next are kept as evidence.
simulate: SEEDS = 200
simulate: $(STAMP)
	@$(PY) -m tests.simulation --seeds $(SEEDS) --evidence

# The event store under kills of its server, as large as APPENDS and KILLS say.
APPENDS ?= 50000
KILLS ?= 20
event-store: $(STAMP)
	@$(PY) -m tests.chaos.event_store --appends $(APPENDS) --kills $(KILLS) --evidence

# Webhooks under kills of who takes them and of its server; none that was acknowledged may be missing.
WEBHOOKS ?= 50000
webhooks: $(STAMP)
	@$(PY) -m tests.chaos.webhooks --webhooks $(WEBHOOKS) --evidence

# Kills at every crash point of a deal's way, then at so many pairs of them.
PAIRS ?= 200
crash-points: $(STAMP)
	@SVERKA_CRASH_PAIRS=$(PAIRS) SVERKA_CRASH_EVIDENCE=1 $(PY) -m pytest -s tests/chaos/test_crash_points.py

# Builds that are broken on purpose, each of which a rig must find; what found it is kept.
mutants: $(STAMP)
	@$(PY) -m tests.chaos.mutants $(NAMES)
.PHONY: simulate event-store webhooks crash-points mutants

# Changes the code that money depends on, a little at a time; some test must notice. NAMES are parts or files; all take hours.
mutation: $(STAMP)
	@$(PY) -m tests.mutation $(NAMES)
.PHONY: mutation

# The long runs, one after another, the quick ones first; hours on two cores.
nightly: $(STAMP)
	@$(MAKE) coverage
	@$(MAKE) simulate SEEDS=2000
	@$(MAKE) event-store webhooks crash-points mutants
	@$(MAKE) chaos
	@$(PY) -m tests.chaos.campaign --seeds slow
	@$(PY) -m tests.chaos.campaign --seeds regressions
	@$(MAKE) campaigns SEEDS=100-199
.PHONY: nightly

# What failed is run once more by itself, by name, and both runs are printed: a busy machine may miss a probe's deadline.
# A run that broke off (1 is "tests failed") is not tried again: nobody knows what it would have found.
AGAIN = { code=$$?; test $$code -eq 1 || exit $$code; echo "Some tests failed; they are run once more by themselves:"; \
  $(PY) -m pytest -v --last-failed --last-failed-no-failures none

# What tests write goes into memory where there is room: what they kill are processes, and a disk keeps them waiting.
ROOMY_KB := 6000000
MEMORY := $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > $(ROOMY_KB) { print "/dev/shm" }')
test coverage chaos: export TMPDIR := $(or $(MEMORY),$(TMPDIR))

# Two processes, each with a PostgreSQL and a Kafka of its own; the tests of a file stay together. Three where a test waits a
# third of its time; files in their order where each has few tests, since the long ones would be begun last.
TWO := -n 2 --dist loadfile
THREE := -n 3 --dist loadfile
IN_ORDER := $(TWO) --no-loadscope-reorder

# All that CI runs: the fast part first, then the parts on real servers, then the product through its commands, then what
# must hold under faults. There nothing is tried twice: what breaks a promise once has broken it.
CAMPAIGN_MINUTES_MAX := 15
FAST := tests/kit tests/contracts tests/architecture tests/golden tests/services tests/chassis
PARTS := tests/connectors tests/sandbox tests/sverka tests/deploy
RIG := $(wildcard tests/chaos tests/simulation tests/bench)
test: $(STAMP) lint types
	@$(PY) -m pytest $(TWO) $(FAST) || $(AGAIN) $(FAST); }
	@$(PY) -m pytest $(THREE) $(PARTS) || $(AGAIN) $(PARTS); }
	@$(PY) -m pytest $(IN_ORDER) tests/e2e || $(AGAIN) tests/e2e; }
	@$(PY) -m pytest $(RIG) -m "not slow"
	@$(PY) -m tests.chaos.campaign --seeds ci --together --minutes-max $(CAMPAIGN_MINUTES_MAX)

# Which branches of the domains and the chassis the fast part walks; counting them takes as long as the tests themselves.
coverage: $(STAMP)
	@$(PY) -m pytest $(TWO) --cov --cov-report= $(FAST)
	@echo "Branch coverage of the domains:"
	@$(PY) -m coverage report --include 'services/*/domain/*' --skip-covered --skip-empty
	@echo "Branch coverage of the chassis:"
	@$(PY) -m coverage report --include 'chassis/*' --skip-covered --skip-empty
.PHONY: coverage

# What takes too long for every change: whole campaigns, long histories, benchmarks of whole installations.
chaos: $(STAMP)
	@$(PY) -m pytest tests/chaos tests/bench -m slow

# The daily loop: lint, types, unit and architecture tests.
check: $(STAMP) lint types unit

lint: $(STAMP)
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/lint-imports --no-logo > .import_linter.out 2>&1 || { cat .import_linter.out; exit 1; }

types: $(STAMP)
	@$(VENV)/bin/mypy

unit: $(STAMP)
	@$(PY) -m pytest -q $(TWO) -m "not parts" tests/kit tests/contracts tests/architecture tests/golden tests/chassis/values \
	  tests/services/invoicing tests/services/counterparty tests/services/payments tests/services/notifier \
	  tests/services/ingest/test_domain.py tests/sverka/test_story.py

bench: $(STAMP)
	@$(PY) -m bench $(NAME)

# Pins every package with its hashes; needs uv.
lock:
	uv pip compile pyproject.toml --group dev --generate-hashes --universal --python-version 3.11 \
	  --no-strip-extras --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet -o requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .sverka
