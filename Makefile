# Two commands do everything on a machine with Python 3.11 or newer: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What the virtual environment was made from; a change of the lock file makes it anew.
STAMP := $(VENV)/.installed
# Any Chromium will do; playwright is told where it is and never fetches one.
BROWSERS := chromium chromium-browser google-chrome

.PHONY: install browser demo test test-browser test-fast check screenshots scenarios soak bench bench-plan fuzz docs lock clean help

help:           ## List the targets
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:  *##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: $(STAMP)  ## Make .venv with everything that the demo and the tests need

$(STAMP): requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

browser:        ## See to a Chromium for the tests of the console: as root with apt-get it is installed
	@for name in $(BROWSERS); do command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing Chromium, in which the console is tested"; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null && exit 0; \
	fi; \
	echo "no Chromium here ($(BROWSERS)): install one to run the tests of the console in a browser"

demo: install   ## Run the whole connector on an embedded Kafka, kill a worker on the way, judge the result
	$(BIN)/encharge-connector demo

test: install browser  ## Run all tests: first those that need no Kafka, on all cores, then those on a real Kafka, two at a time
	$(BIN)/python -m pytest -n logical -m "not kafka and not wheel"
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "kafka or wheel"

test-browser: install browser  ## Run the tests of the console in a browser alone
	$(BIN)/python -m pytest tests/browser

test-fast: install  ## Run the tests that need neither Kafka nor a built wheel
	$(BIN)/python -m pytest -n logical -m "not kafka and not wheel"

check: install  ## Formatting, lint, types and fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n logical -m "not kafka and not wheel"

screenshots: install browser  ## Write the pictures of the console in docs/images/console anew
	CONNECTOR_SCREENSHOTS=docs/images/console CONNECTOR_TESTS_BROWSER=required \
	  $(BIN)/python -m pytest tests/browser/test_replays.py tests/browser/test_pages.py -k "cancelled or looks"

scenarios: install  ## Run every scenario of docs/proof/scenarios.md REPEATS times (default 5): two to three hours
	$(BIN)/python -m tests.scenarios --repeat $${REPEATS:-5}

soak: install   ## Faults at random under load for SOAK (default 30m, e.g. 8h); SEED=N runs one again; report in build/soak
	$(BIN)/python -m tests.soak --for $${SOAK:-30m} $${SEED:+--seed $$SEED}

bench: install  ## Throughput and CPU per event of one worker on an embedded Kafka
	$(BIN)/python -m tests.bench

bench-plan: install  ## Events a second from parsed event to request bytes
	$(BIN)/python -m tests.bench.plan

fuzz: install   ## Fuzz every target for FUZZ_SECONDS (default: 300), at least FUZZ_EXAMPLES (default: 10,000) each
	FUZZ_SECONDS=$${FUZZ_SECONDS:-300} $(BIN)/python -m pytest tests/fuzz

docs: install   ## Write the generated tables of README.md and docs/ anew
	$(BIN)/python docs/reference.py

lock: install   ## Resolve the dependencies anew into requirements/*.txt
	$(BIN)/python requirements/lock.py

clean:          ## Remove everything that make made here (the cache of Kafka's jars stays)
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
