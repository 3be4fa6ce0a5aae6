# Everything here runs from a bare clone: setup.sh installs what is missing and is silent otherwise.
# It needs root, as do the BPF programs that the tests and the demo load.

SECONDS ?=
BROKER ?=
QUICK ?=
PYTEST_ARGS ?=
PYTHON := .venv/bin/python

.PHONY: help setup kafka test lint docs bench fuzz demo clean

help:
	@echo "make demo [SECONDS=n] [BROKER=kafka]  the whole system over a demo cluster on this machine"
	@echo "make test [PYTEST_ARGS=...]           every test"
	@echo "make lint                             ruff, mypy, import-linter, tsc"
	@echo "make docs                             write docs/metrics.md anew from the code"
	@echo "make bench [QUICK=1]                  the benchmarks"
	@echo "make fuzz [SECONDS=n]                 fuzz what reads others' bytes, n seconds each (60)"
	@echo "make setup | kafka | clean            install what is missing | Kafka's jars | remove both"

setup:
	@deploy/local/setup.sh

kafka:
	@deploy/local/setup.sh kafka

test:
	@deploy/local/setup.sh test
	@$(PYTHON) -m pytest $(PYTEST_ARGS)

lint: setup
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports
	@npm run --silent --prefix sql/console/web check

docs: setup
	@$(PYTHON) -m deploy.local.metrics_catalogue

bench:
	@deploy/local/setup.sh bench
	@$(PYTHON) -m benchmarks $(if $(QUICK),--quick)

fuzz: setup
	@for target in ring answer batch; do \
		mkdir -p .cache/fuzz/$$target && \
		$(PYTHON) -m tests.fuzz $$target $(or $(SECONDS),60) .cache/fuzz/$$target || exit 1; \
	done

demo: $(if $(filter kafka,$(BROKER)),kafka,setup)
	@.venv/bin/flowatlas demo $(if $(filter kafka,$(BROKER)),--kafka apache) $(if $(SECONDS),--seconds $(SECONDS))

clean:
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info
