# Two commands do everything on a machine with Python 3.11 or newer: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What the virtual environment was made from; a change of the lock file makes it anew.
STAMP := $(VENV)/.installed
# Any Chromium will do; playwright is told where it is and never fetches one.
BROWSERS := chromium chromium-browser google-chrome

.PHONY: install browser demo test test-browser test-fast check audit licences sbom dist screenshots scenarios soak hostile bench bench-plan fuzz docs site helm manifests release-check release-notes lock clean help

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

# The rules at the heart, in seconds; test-fast has the rest.
SMOKE := tests/core tests/ingest tests/delivery tests/test_layers.py tests/test_settings.py --ignore tests/core/lint

check: install  ## Formatting, lint, types, licences, known holes and the tests of the core: under a minute
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m requirements.licences
	$(BIN)/python -m requirements.audit --if-reachable
	$(BIN)/python -m pytest -q -n logical -m "not kafka and not wheel" $(SMOKE)

audit: install  ## Ask about known holes in every locked package; fails when nobody answers
	$(BIN)/python -m requirements.audit

licences: install  ## Look at the licence of every locked package
	$(BIN)/python -m requirements.licences

sbom: install   ## Write the list of parts of the image (CycloneDX) to build/sbom.json
	$(BIN)/python -m requirements.sbom build/sbom.json

dist: install   ## Build wheel and sdist, with list of parts and checksums, into dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/python -m requirements.sbom dist/sbom.json
	cd dist && sha256sum * > SHA256SUMS

screenshots: install browser  ## Write the pictures of the console in docs/images/console anew
	CONNECTOR_SCREENSHOTS=docs/images/console CONNECTOR_TESTS_BROWSER=required \
	  $(BIN)/python -m pytest tests/browser/test_replays.py tests/browser/test_pages.py -k "cancelled or looks"

scenarios: install  ## Run every scenario of docs/proof/scenarios.md REPEATS times (default 5): two to three hours
	$(BIN)/python -m tests.scenarios --repeat $${REPEATS:-5}

soak: install   ## Faults at random under load for SOAK (default 30m, e.g. 8h); SEED=N runs one again; report in build/soak
	$(BIN)/python -m tests.soak --for $${SOAK:-30m} $${SEED:+--seed $$SEED}

hostile: install  ## Bad input at volume: HOSTILE records (default 200,000), SEED, one worker and two; docs/proof/hostile.md
	$(BIN)/python -m tests.hostile --records $${HOSTILE:-200000} --seed $${SEED:-1}

bench: install  ## Throughput and CPU per event of one worker on an embedded Kafka
	$(BIN)/python -m tests.bench

bench-plan: install  ## Events a second from parsed event to request bytes
	$(BIN)/python -m tests.bench.plan

fuzz: install   ## Fuzz every target for FUZZ_SECONDS (default: 300), at least FUZZ_EXAMPLES (default: 10,000) each
	FUZZ_SECONDS=$${FUZZ_SECONDS:-300} $(BIN)/python -m pytest tests/fuzz

docs: install   ## Write the generated tables of README.md and docs/ anew
	$(BIN)/python docs/reference.py

site: install   ## Build the site of docs/ into build/site; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

helm:           ## Build Helm into the cache, for the tests of the chart that need it (needs Go; once, minutes of CPU)
	@$(PYTHON) deploy/helm/tool.py

manifests: install  ## Render the Helm chart anew: deploy/kubernetes, and what the tests of the chart look at
	$(BIN)/python deploy/kubernetes/render.py

release-check:  ## See whether everything agrees with TAG=v1.2.3
	@$(PYTHON) .ci/release.py check "$(TAG)"

release-notes:  ## What the changelog says of TAG=v1.2.3
	@$(PYTHON) .ci/release.py notes "$(TAG)"

lock: install   ## Resolve the dependencies anew into requirements/*.txt
	$(BIN)/python requirements/lock.py

clean:          ## Remove everything that make made here (the cache of Kafka's jars stays)
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
