# All targets use .venv. `make` without a target lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

LOCK := .venv-uv/bin/uv pip compile --quiet --universal --python-version 3.11 --constraint constraints.txt --generate-hashes --no-header --no-annotate --no-emit-index-url

EMULATOR_TESTS := tests/system tests/contract

# A process that starts reads compiled modules; tests and the demo start many.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo smoke-aws test test-busy test-lowest test-containers test-emulators check bench bench-all bench-page bench-runner soak bench-bridge bench-rules bench-machines bench-machine-engine bench-replay bench-pipeline bench-capacity bench-hostile bench-sampling bench-tracing bench-views bench-console fuzz chaos chaos-bridge chaos-ai chaos-machines proof format constraints coverage clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/run.stamp ## Run the pipeline locally on sample media
	@$(BIN)/headrace demo $(ARGS)

smoke-aws: $(VENV)/run.stamp ## Process three small files on a real AWS account: make smoke-aws BUCKET=...
	@$(BIN)/headrace sandbox smoke-aws $(BUCKET) $(ARGS)

test: $(VENV)/dev.stamp ## Run all tests
	@$(BIN)/pytest --numprocesses 4 --dist loadfile $(ARGS)

test-busy: $(VENV)/dev.stamp ## Run all tests beside 8 processes that keep every core busy
	@$(BIN)/python -m tests.support.busy 8 $(BIN)/pytest --numprocesses 2 --dist loadfile $(ARGS)

test-lowest: .venv-uv/bin/uv ## Run tests with the lowest supported version of each dependency
	@$< venv --quiet --allow-existing --python $(PYTHON) .venv-lowest
	@$< pip install --quiet --python .venv-lowest/bin/python --resolution lowest-direct --editable '.[sandbox,dev]'
	@.venv-lowest/bin/pytest --numprocesses 3 --dist loadfile $(or $(ARGS),tests/unit tests/system/test_pipeline.py)

test-containers: $(VENV)/dev.stamp ## Build the images and run the tests that need a container engine
	@tests/containers/build-images.sh
	@HEADRACE_TEST_CONTAINERS=1 $(BIN)/pytest tests/containers $(ARGS)

test-emulators: $(VENV)/dev.stamp .venv-bench/stamp ## Run the tests of connectors, stores and the pipeline on the server of moto
	@HEADRACE_TEST_EMULATORS=1 $(BIN)/pytest -m moto $(or $(ARGS),$(EMULATOR_TESTS))

check: $(VENV)/dev.stamp ## Lint, format, spelling, types, import rules, schemas, names and words
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/headrace schemas check
	$(BIN)/pytest --quiet tests/project/test_names.py tests/project/test_language.py

bench: $(VENV)/dev.stamp ## Measure the codec and the demo
	@set -e; for each in bench/codec.py bench/demo.py; do echo "$$each"; $(BIN)/python -m bench.$$(basename $$each .py); done

bench-all: $(VENV)/dev.stamp .venv-bench/stamp ## Run the benchmarks that fit into 30 min, write docs/performance.md, fail below a target
	@$(BIN)/python -m bench.all

bench-page: $(VENV)/dev.stamp ## Write docs/performance.md from bench/results, fail below a target
	@$(BIN)/python -m bench.performance

bench-runner: $(VENV)/dev.stamp .venv-bench/stamp ## Measure the runner and its peers (15 min)
	@missed=0; $(BIN)/python -m bench.runner $(ARGS) || missed=1; $(BIN)/python -m bench.runner_limits || missed=1; exit $$missed

soak: $(VENV)/dev.stamp ## Measure the runner's memory for 30 min
	@$(BIN)/python -m bench.runner_limits --soak --minutes 30

bench-bridge: $(VENV)/dev.stamp ## Measure the bridge and a bare boto3 loop
	@$(BIN)/python -m bench.bridge $(ARGS)

bench-rules: $(VENV)/dev.stamp ## Measure the rule index and AWS's event-ruler, rules on past records, and a rule stage
	@$(BIN)/python -m bench.rules
	@$(BIN)/python -m bench.rules_history
	@$(BIN)/python -m bench.routing

bench-machines: $(VENV)/dev.stamp .venv-bench/stamp ## Measure state machines, and the interpreters of moto and MiniStack
	@$(BIN)/python -m bench.machines $(ARGS)

bench-machine-engine: $(VENV)/dev.stamp .venv-bench/stamp ## Measure executions on the log: transitions, first task, a Map, memory, rebalances
	@$(BIN)/python -m bench.machine_engine $(ARGS)

bench-replay: $(VENV)/dev.stamp ## Measure listing and redrive of dead letters, and their effect on other records
	@$(BIN)/python -m bench.replay $(ARGS)
	@$(BIN)/python -m bench.poison_records $(ARGS)

bench-pipeline: $(VENV)/dev.stamp ## Measure eight AI stages against their rate limits
	@$(BIN)/python -m bench.pipeline $(ARGS)

bench-capacity: $(VENV)/dev.stamp ## Measure what stages use for a file, and write the coefficients of capacity forecasts
	@$(BIN)/python -m bench.capacity $(ARGS)
	@$(BIN)/python -m bench.capacity_data

bench-hostile: $(VENV)/dev.stamp ## Measure hostile input: the redaction of 1 MB, and the inspection of media
	@missed=0; $(BIN)/python -m bench.redaction || missed=1; $(BIN)/python -m bench.hostile || missed=1; exit $$missed

bench-sampling: $(VENV)/dev.stamp ## Measure the sampling of an hour of video: time, calls, price and quality
	@$(BIN)/python -m bench.sampling $(ARGS)

bench-tracing: $(VENV)/dev.stamp ## Measure what traces cost, with and without them in the same run
	@$(BIN)/python -m bench.tracing $(ARGS)

bench-views: $(VENV)/dev.stamp ## Measure the projection into views, and queries at two sizes
	@$(BIN)/python -m bench.views $(ARGS)

bench-console: $(VENV)/dev.stamp ## Measure the web console with 200,000 assets: pages, a browser and live viewers
	@$(BIN)/python -m bench.console $(ARGS)

fuzz: $(VENV)/dev.stamp ## Fuzz the bridge's decoder (a million messages), every parser, the rules and state machines (100,000 values each)
	@$(BIN)/python -m tests.fuzz.bridge $(ARGS)
	@$(BIN)/python -m tests.fuzz.parsers
	@$(BIN)/python -m tests.fuzz.rules
	@$(BIN)/python -m tests.fuzz.machines

chaos: $(VENV)/dev.stamp ## Kill workers and brokers for 15 min and check the topics
	@$(BIN)/python -m tests.chaos.run $(ARGS)

chaos-bridge: $(VENV)/dev.stamp ## Stop each dependency of the bridge in turn and count the records
	@$(BIN)/python -m tests.chaos.run_bridge $(ARGS)

chaos-ai: $(VENV)/dev.stamp ## Inject every failure into every AI service and count jobs and outcomes
	@$(BIN)/python -m tests.chaos.run_ai $(ARGS)

chaos-machines: $(VENV)/dev.stamp ## Run generated state machines on real brokers, kill workers and brokers, and compare each with the interpreter
	@$(BIN)/python -m tests.chaos.run_machines $(ARGS)

proof: $(VENV)/dev.stamp ## Run a million records through the pipeline under 1,000 faults (2.5 h); ARGS=--short for 10 min
	@$(BIN)/python -m tests.chaos.run_proof $(ARGS)

format: $(VENV)/dev.stamp ## Format the code and rewrite generated files
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .
	$(BIN)/python -m headrace.schemas.evolution.codegen
	$(BIN)/python -m tests.docs.generate

constraints: $(VENV)/dev.stamp .venv-uv/bin/uv ## Write the versions in .venv to constraints.txt, and hashed ones for the images
	$(BIN)/pip freeze --all --exclude pip --exclude-editable | LC_ALL=C sort --ignore-case | sed "s/^uvloop.*/&; sys_platform != 'win32'/" > constraints.txt
	$(LOCK) --output-file deploy/requirements.txt pyproject.toml
	$(LOCK) --extra cloud --output-file deploy/requirements-cloud.txt pyproject.toml

coverage: $(VENV)/dev.stamp ## Run all tests and report uncovered lines and branches
	@$(BIN)/pytest --numprocesses 3 --dist loadfile --cov --cov-report=term --cov-report=html $(ARGS)

clean: ## Remove .venv and every cache
	rm -rf $(VENV) .venv-bench .venv-lowest .venv-uv .coverage* htmlcov .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

# `dev` includes `run`: neither stamp repeats an installation of the other.
$(VENV)/run.stamp: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing into $(VENV) ..."
	@$(PIP) --no-compile --editable '.[sandbox]'
	@touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing into $(VENV) with development tools ..."
	@$(PIP) --no-compile --editable '.[sandbox,dev]'
	@touch $@ $(VENV)/run.stamp

.venv-uv/bin/uv:
	@$(PYTHON) -m venv .venv-uv
	@.venv-uv/bin/pip install --quiet --disable-pip-version-check uv

.venv-bench/stamp: bench/peers/requirements.txt
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "No $(PYTHON) here. Install Python 3.11 or newer, or run: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, $(PYTHON) is " + sys.version.split()[0] + ". Run: make PYTHON=python3.12")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot create a virtual environment. On Debian, run: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
