# make run        everything for one machine, at http://127.0.0.1:8000 (or PORT=8001)
# make watch      the notices of USER=dina in the terminal, beside it
# make test       every check; make test-all adds the slow ones
# make clean      removes what can be made again; the data of `make run` stays in var

PYTHON ?= python3
python := .venv/bin/python

# What the checks read instead of `var/env`: enough for the settings to load, nothing to reach.
checking := env PARKMATE_ENV_FILE= PARKMATE_SECRET_KEY=only-for-checks DATABASE_URL=postgresql:// REDIS_URL=redis://

.PHONY: run watch test test-all checks clean

run: .venv/.stamp-run
	@exec $(python) manage.py up

# The shell has a USER as well: only one that is given here is meant.
watch: .venv/.stamp-run
	@exec $(checking) $(python) manage.py watch $(if $(filter command line,$(origin USER)),$(USER),dina)

test: checks
	@echo "== pytest, without the slow tests"
	@$(python) -m pytest -n 2 -m "not slow"

test-all: checks
	@echo "== pytest"
	@$(python) -m pytest -n 2

checks: .venv/.stamp-test
	@echo "== ruff check"
	@.venv/bin/ruff check
	@echo "== ruff format"
	@.venv/bin/ruff format --check
	@echo "== mypy"
	@$(checking) .venv/bin/mypy
	@echo "== import-linter"
	@$(checking) .venv/bin/lint-imports

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

install = $(python) -m pip install --quiet --disable-pip-version-check --requirement

.venv/.stamp-run: requirements.txt | .venv/bin/pip
	@echo "Installing what ParkMate needs (about a minute, once) …"
	@$(install) requirements.txt
	@touch $@

.venv/.stamp-test: requirements-dev.txt .venv/.stamp-run
	@echo "Installing what checks ParkMate (about a minute, once) …"
	@$(install) requirements-dev.txt
	@touch $@

.venv/bin/pip:
	@command -v $(PYTHON) >/dev/null || { \
		echo "There is no $(PYTHON) here: install Python 3.11 or newer, or name yours: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "ParkMate needs Python 3.11 or newer, and $(PYTHON) is older: name another one: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) cannot make a virtual environment (Debian, Ubuntu: apt install python3-venv)."; exit 1; }
