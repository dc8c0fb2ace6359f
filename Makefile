# Every command a person or CI runs. Bare `make` prints them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

# The Python that .venv is made from: 3.11 or newer.
PYTHON ?= python3
PY := .venv/bin/python
PROTOS := $(shell find protos -name '*.proto') protos/generate.py

export TIER PORT REGION PARENT PACKED

.PHONY: help run child retire links reconcile rotate verify backup restore diagnose monitoring monitoring-files stop status clean \
	test test-long test-containers check ci bench snapshots mutants demo acceptance proto page lint format images engine \
	static type arch unit integration e2e packages venv

help: ## Print this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: packages venv proto page ## Start a whole instance here; TIER=district, PORT=8080; Ctrl-C or `make stop` ends it
	@exec $(PY) deploy/local.py run

child: ## Let CHILD=321181 link to this instance: prints what it needs as PARENT
	@$(PY) deploy/local.py child $(CHILD)

retire: ## Close the way in of CHILD=321181; its copies stay
	@$(PY) deploy/local.py retire $(CHILD)

links: ## How the links to the parent and the children stand
	@$(PY) deploy/local.py links

reconcile: ## Compare with the children, name every difference and have it sent again
	@$(PY) deploy/local.py reconcile $(if $(CHILD),--child $(CHILD))

backup: ## Copy the running instance to KAIGONG_BACKUP
	@$(PY) deploy/local.py backup

restore: ## Lay out an empty instance from KAIGONG_BACKUP; UNTIL=2026-11-27T10:15 for a minute
	@$(PY) deploy/local.py restore $(UNTIL)

rotate: ## Make secrets anew while people work: SECRET=all, or database broker redis signing-key key-secret seal links
	@$(PY) deploy/local.py rotate $(SECRET)

verify: ## Check every audit line of the running instance, and what other instances witnessed
	@$(PY) deploy/local.py verify

monitoring: ## Write what Prometheus and Alertmanager need for this instance and say how to start them
	@$(PY) deploy/local.py monitoring

monitoring-files: venv ## Rules and dashboards from deploy/monitoring/slo
	@PYTHONPATH=deploy $(PY) -m monitoring.generate

stop: ## Stop the instance that `make run` started
	@$(PY) deploy/local.py stop

diagnose: ## Collect what an engineer asks for first in a .zip without secrets
	@$(PY) deploy/local.py diagnose

status: ## Processes of the running instance and the memory they take
	@$(PY) deploy/local.py status

clean: ## Remove the instance's data, logs and what is built
	@if [ -x $(PY) ]; then $(PY) deploy/local.py clean; fi
	@rm -rf build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

demo: venv proto ## Play the main job on the running instance, told step by step
	@$(PY) tests/demo/play.py

acceptance: venv proto ## Prove the articles on the running instance and print the ledger
	@$(PY) tests/acceptance/ledger.py

test: packages static page ## Everything the README promises: check, integration, e2e
	@$(PY) tests/levels.py unit contract integration e2e

test-long: packages venv proto page engine ## Every fault on every process, and an instance in containers
	@$(PY) tests/levels.py --long

test-containers: venv proto page engine ## An instance in containers: the demonstration, and the death of each
	@$(PY) tests/levels.py --containers

images: venv proto page engine ## Build the images; TAG=dev
	@$(PY) deploy/images/build.py --tag $(or $(TAG),dev)

engine: venv ## Install what building images needs: Docker where there is none, the SBOM's tool
	@docker version >/dev/null 2>&1 || sh deploy/packages.sh deploy/images/packages.txt
	@$(PY) -m venv build/images/venv
	@build/images/venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
		--require-hashes --no-deps -r deploy/images/requirements.lock

check: static unit ## Before each commit: protos, lint, types, import rules, unit
static: venv proto lint type arch

ci: test ## What .ci/run runs

bench: packages venv proto ## Rates against a baseline of the same minute; WRITE=1 keeps them in tests/bench
	@$(PY) tests/bench/measure.py

snapshots: venv ## Write anew what the Helm chart renders, to be read in the diff
	@PYTHONPATH=tests $(PY) -m support.chart

mutants: venv proto ## Change the clock, the calendar and the plan a little: a test must see it
	@.venv/bin/pip install -q --require-hashes -r tests/mutants/requirements.lock
	@$(PY) tests/mutants/run.py $(MODULES)

proto: build/.proto-stamp ## Build Python and the descriptor set from the protos
build/.proto-stamp: $(PROTOS) .venv/.stamp
	@$(PY) protos/generate.py
	@touch $@

page: build/.page-stamp ## Fetch what the API reference page is made of
build/.page-stamp: $(wildcard gateway/edge/reference/*) .venv/.stamp
	@$(PY) -m edge page >/dev/null
	@touch $@

lint: venv proto ## ruff, buf lint, buf breaking against the last release
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@.venv/bin/buf lint protos
	@$(PY) protos/breaking.py

format: venv ## Let ruff lay out the code
	@$(PY) -m ruff check --fix --select I .
	@$(PY) -m ruff format .

type: venv proto ## mypy, strict
	@$(PY) -m mypy services gateway deploy tests

arch: venv proto ## The wall: imports point one way
	@PYTHONPATH=services:gateway .venv/bin/lint-imports

unit: packages venv proto ## Rules, contracts and the shape of the house; needs nothing running
	@$(PY) tests/levels.py unit contract

integration: packages venv proto ## Each service on real PostgreSQL, RabbitMQ and Redis
	@$(PY) tests/levels.py integration

e2e: packages venv proto page ## A whole instance through the gateway
	@$(PY) tests/levels.py e2e

packages: ## Install what deploy/packages.txt lists and this machine lacks
	@sh deploy/packages.sh

venv: .venv/.stamp ## Make .venv from requirements.lock
.venv/.stamp: requirements.lock deploy/venv.sh
	@PYTHON="$(PYTHON)" sh deploy/venv.sh
