# Everything below makes its own environment: Python 3.11 to 3.13 (with venv) and make are all a machine needs.
# Another Python, in an environment of its own: make unit PYTHON=python3.12 VENV=.venv-3.12
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check

# A stamp per lock file: nothing is installed again until the lock changes.
RUN_READY := $(VENV)/.ready-$(shell cksum < requirements/run.txt | cut -d' ' -f1)
DEV_READY := $(VENV)/.ready-$(shell cat requirements/run.txt requirements/dev.txt | cksum | cut -d' ' -f1)
LOOP_READY := $(VENV)/.ready-$(shell cat requirements/run.txt requirements/loop.txt | cksum | cut -d' ' -f1)

CHECKOV_READY := $(VENV)/checkov/.ready-$(shell cksum < requirements/checkov.txt | cut -d' ' -f1)

ENGINE ?= docker
LOCK   = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
          --no-header --no-annotate

.DEFAULT_GOAL := help
.PHONY: image-push guides-test release-check screenshot site
# Also where the environment forbids Python's compiled files: the tests start hundreds of processes.
PARTS := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m tests.parts
# For tests that take longer than the time at which pytest ends a test that no signal can interrupt.
NO_LIMIT := -o faulthandler_timeout=0
.PHONY: emulator-mutants explore switches help demo unit mutants test test-processors test-slow check format bench lock zip zip-test image image-test clean

help:  ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' Makefile

$(RUN_READY): | requirements/run.txt
	@echo "setting up $(VENV) (once; about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "Python 3.11, 3.12 or 3.13 is needed; set PYTHON=python3.13")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes -r requirements/run.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_READY): $(RUN_READY) | requirements/dev.txt
	@echo "adding the test tools to $(VENV) (once)"
	@$(PIP) --require-hashes -r requirements/dev.txt
	@$(PIP) --no-deps --require-hashes -r requirements/runtime-emulator.txt
	@touch $@

$(LOOP_READY): $(RUN_READY) | requirements/loop.txt
	@echo "adding what judges a model and finds label errors to $(VENV) (once)"
	@$(PIP) --require-hashes -r requirements/loop.txt
	@touch $@

$(CHECKOV_READY): | $(RUN_READY) requirements/checkov.txt
	@echo "setting up $(VENV)/checkov (once)"
	@{ $(BIN)/python -m venv $(VENV)/checkov \
	  && $(VENV)/checkov/bin/python -m pip install --quiet --quiet --disable-pip-version-check --require-hashes \
	       -r requirements/checkov.txt && touch $@; } \
	  || { rm -rf $(VENV)/checkov; echo "SKIPPED: checkov, because it cannot be installed here"; }

demo: $(RUN_READY) $(if $(LOOP),$(LOOP_READY)) $(if $(filter lambda,$(MODE)),$(DEV_READY))  ## a production project routed and scored (DATA=PATH, IMAGES=N|all, CHAOS=1, LOOP=1, KEEP=1, MODE=container|lambda, REPORT=PAGE)
	@$(BIN)/python -m demo $(if $(DATA),--data "$(DATA)") $(if $(IMAGES),--images "$(IMAGES)") \
	  $(if $(CHAOS),--chaos) $(if $(LOOP),--loop) $(if $(KEEP),--keep) $(if $(MODE),--mode "$(MODE)") $(if $(REPORT),--report "$(REPORT)")

unit: $(DEV_READY)  ## the unit tests: no process, no socket (ROOM=tasks for one room, ARGS= goes to pytest)
	@$(PARTS) unit -q -p no:schemathesis $(if $(ROOM),tests/unit/$(ROOM)) $(ARGS)

test: $(DEV_READY) $(CHECKOV_READY)  ## every test but the slow ones, two at a time (ARGS= goes to pytest)
	@$(PARTS) default -q -m "not slow" -p no:schemathesis $(ARGS)

test-processors: $(DEV_READY) $(CHECKOV_READY)  ## make test as three processors compute: this one, Haswell, Nehalem
	@for core in "" Haswell Nehalem; do \
	   echo "OPENBLAS_CORETYPE=$$core"; \
	   env $${core:+OPENBLAS_CORETYPE=$$core} $(PARTS) default -q -m "not slow" -p no:schemathesis $(ARGS) || exit 1; \
	 done

mutants: $(DEV_READY)  ## which changes of the code that decides no unit test notices (ROOM=drain for one; 30 to 90 minutes)
	@nice -n 10 $(BIN)/python -m tests.mutants $(ROOM)

test-slow: $(DEV_READY)  ## the tests that take minutes: 50 kills, 100,000 fuzzed requests, two minutes without Encord
	@$(BIN)/python -m pytest -m slow $(NO_LIMIT) $(ARGS)

explore: $(DEV_READY)  ## the property tests with new random examples (ARGS= goes to pytest)
	@$(PARTS) default -q -m "hypothesis and not slow" --hypothesis-profile exploring $(ARGS)

emulator-mutants: $(DEV_READY)  ## two mutants of every handler of the emulator, one of every member of the SDK (WRITE=1 writes the README's table)
	@WRITE=$(WRITE) $(BIN)/python -m pytest -q tests/integration/emulator/test_mutants.py $(NO_LIMIT) $(ARGS)

switches: $(DEV_READY)  ## the tests marked encord under the other reading of every guess about Encord (ONLY="branch_author ...")
	@$(BIN)/python -m tests.switches $(ONLY)

check: $(DEV_READY)  ## lint, format, types, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache --no-logo

format: $(DEV_READY)  ## format and fix what can be fixed
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

bench: $(DEV_READY)  ## speed, as ratios against named baselines in one run
	@$(BIN)/python -m benchmarks $(ARGS)

screenshot: $(DEV_READY)  ## the picture of the report in README.md, from the demo (needs chromium)
	@mkdir -p build && $(BIN)/python -m demo --report build/report.html
	@$(BIN)/python -m demo.screenshot build/report.html docs/report.png

site: $(DEV_READY)  ## the documentation as a site in build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "open build/site/index.html, or with search: $(BIN)/python -m http.server --directory build/site --bind 127.0.0.1"

lock: $(DEV_READY)  ## write requirements/*.txt anew from pyproject.toml
	@$(PIP) uv
	@$(LOCK) --extra sandbox --group build --output-file requirements/run.txt pyproject.toml
	@$(LOCK) --constraint requirements/run.txt --extra sandbox --extra findings --group build --output-file requirements/loop.txt pyproject.toml
	@$(LOCK) --constraint requirements/loop.txt --all-extras --group dev --output-file requirements/dev.txt pyproject.toml
	@$(LOCK) --constraint requirements/dev.txt --extra image --output-file requirements/image.txt pyproject.toml
	@$(LOCK) --constraint requirements/dev.txt --extra lambda --extra postgres --output-file requirements/lambda.txt pyproject.toml
	@$(LOCK) --no-deps --group runtime-emulator --output-file requirements/runtime-emulator.txt
	@$(LOCK) --group checkov --output-file requirements/checkov.txt

zip: $(RUN_READY)  ## the zip for Lambda, its size printed (ARGS=--architecture=arm64)
	@$(BIN)/python infra/packaging/lambda_zip.py $(ARGS)

image:  ## the container image (ENGINE=podman|buildah; BASE=, ARGS=)
	@$(ENGINE) build $(if $(BASE),--build-arg BASE=$(BASE)) --build-arg REVISION=$$(git rev-parse HEAD) --tag benchmark-qa $(ARGS) .

ARCHITECTURE ?= x86_64
IMAGE        ?= benchmark-qa:latest

# One platform, and no attestations: with them the image becomes an index, which Lambda refuses.
image-push:  ## the image built for ARCHITECTURE=x86_64|arm64 and pushed as IMAGE=REPOSITORY:TAG
	@$(ENGINE) buildx build --platform linux/$(if $(filter arm64,$(ARCHITECTURE)),arm64,amd64) --provenance=false --sbom=false \
	  $(if $(BASE),--build-arg BASE=$(BASE)) --build-arg REVISION=$$(git rev-parse HEAD) --tag $(IMAGE) --push $(ARGS) .

guides-test: $(DEV_READY)  ## the deployment guides' own commands, in order, against stand-ins for the clouds (15 minutes)
	@$(BIN)/python -m pytest tests/infra/guides_check.py $(NO_LIMIT) -s $(ARGS)

release-check: $(DEV_READY)  ## wheel and sdist built, installed into an empty environment, every command asked for help
	@$(BIN)/python -m pytest tests/infra/release_check.py $(NO_LIMIT) -s $(ARGS)

zip-test: $(DEV_READY)  ## the zip built, unpacked and run under the runtime emulator (a minute)
	@$(BIN)/python -m pytest tests/infra/zip_check.py -s

image-test: $(DEV_READY)  ## the image built with buildah from a base made with debootstrap, and run (root; 5 minutes)
	@$(BIN)/python -m pytest tests/infra/image_check.py $(NO_LIMIT) -s

clean:  ## remove the environment and everything generated
	@rm -rf $(VENV) .venv-* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
