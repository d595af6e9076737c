# `make` lists the targets. Each sets up what it needs in .venv, out of the interpreter that
# PYTHON names: `make test PYTHON=python3.13`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Arguments for the program that a target runs: make test ARGS="tests/core -k leb"
ARGS ?=

# An environment of another Python version counts as missing.
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>&1)
READY := $(VENV)/ready-$(VERSION)
DEMO := corpus/built/routes-O0.wasm

.DEFAULT_GOAL := help
.PHONY: help venv demo test lint format bench bench-check bench-run bench-size bench-pairs bench-verify mutants fuzz fuzz-decoder corpus passes mine docs constraints clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(READY) ## set up .venv with everything in the versions of constraints.txt

ifeq ($(words $(VERSION)),1)
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is Python $(VERSION), 3.11 is needed: make PYTHON=..." >&2; exit 1; }
	@echo "setting up $(VENV) with Python $(VERSION)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt setuptools
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt \
		--no-build-isolation -e '.[dev]'
	@touch $@
else
$(READY):
	@echo "$(PYTHON) cannot be run, Python 3.11 or later is needed: make PYTHON=..." >&2; exit 1
endif

demo: $(READY) ## optimize a Rust program and show what was done; then all of corpus/built
	@mkdir -p build/demo
	$(BIN)/wasmopt -O --metrics --no-cache $(DEMO) -o build/demo/$(notdir $(DEMO))
	@wc -c $(DEMO) build/demo/$(notdir $(DEMO)) | head -2
	@echo "every module of corpus/built, and the calls of corpus/runs.toml on what came out:"
	@for module in corpus/built/*.wasm; do \
		$(BIN)/wasmopt -O -q "$$module" -o "build/demo/$${module##*/}" || exit 1; \
	done
	@$(BIN)/python corpus/runs.py build/demo

test: $(READY) ## run the tests; ARGS go to pytest
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal $(ARGS)

lint: $(READY) ## check style, types and who imports whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy corpus tests
	$(BIN)/lint-imports --no-logo

format: $(READY) ## put the code into its one style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(READY) ## measure sql.js against wasm-opt (needs `make corpus` and Debian's binaryen)
	@$(BIN)/python corpus/bench.py $(ARGS)

bench-check: $(READY) ## fail if the same work costs 10 % more than the reference; ARGS=--update moves it
	@$(BIN)/python corpus/bench_check.py $(ARGS)

bench-verify: $(READY) ## ask the validator about another optimizer's passes (needs npm, `make corpus`)
	@$(BIN)/python corpus/bench_verify.py --keep build/bench-verify $(ARGS) \
		$(or $(MODULES),$(filter-out %/esbuild.wasm,$(wildcard corpus/public/*.wasm)))

bench-size: $(READY) ## compare sizes with npm's wasm-opt -Oz, alone and on top of it (needs npm, `make corpus`)
	@$(BIN)/python corpus/bench_size.py --keep build/bench-size $(ARGS) \
		$(or $(MODULES),$(filter-out %/esbuild.wasm,$(wildcard corpus/public/*.wasm)))

bench-pairs: $(READY) ## ask wasmopt verify about what wasm-opt -Oz made (needs `make bench-size`)
	@$(BIN)/python corpus/bench_pairs.py $(ARGS) $(or $(FOLDERS),$(wildcard build/bench-size/*))

bench-run: $(READY) ## have public modules do real work in node before and after (needs npm)
	@$(BIN)/python corpus/bench_run.py $(ARGS)

mutants: $(READY) ## ask the validator about thousands of faulty functions; none may pass
	@$(BIN)/python -m tests.verify.mutation_run --most 100 $(ARGS) corpus/built/*.wasm

fuzz: $(READY) ## optimize 20,000 random modules and run them before and after; ARGS="--count 500"
	@$(BIN)/python -m tests.fuzz.campaign $(ARGS)

fuzz-decoder: $(READY) ## decode bytes that atheris makes up; ARGS="-max_total_time=60", else until Ctrl-C
	@$(BIN)/python -m pip install -q --disable-pip-version-check 'atheris>=2.3'
	@$(BIN)/python -m tests.fuzz.decoder $(ARGS)

corpus: $(READY) ## download the public modules (needs npm), optimize and check every module
	@$(BIN)/python corpus/fetch.py
	@$(BIN)/python corpus/table.py $(ARGS)

passes: $(READY) ## what each pass does to the corpus (and to public modules after `make corpus`)
	@$(BIN)/python corpus/passes.py $(ARGS)

mine: $(READY) ## search frequent code for shorter forms; ARGS="--rules" says what each peephole saves
	@$(BIN)/python corpus/mine.py $(ARGS)

docs: $(READY) ## put today's output into the pages of docs/
	@$(BIN)/python docs/update.py $(ARGS)

constraints: ## write constraints.txt anew with today's versions
	@$(PYTHON) -m venv --clear build/constraints
	@build/constraints/bin/python -m pip install -q --upgrade 'setuptools>=77'
	@build/constraints/bin/python -m pip install -q --no-build-isolation -e '.[dev]'
	@sed '/^[^#]/d' constraints.txt > build/constraints.txt
	@build/constraints/bin/python -m pip freeze --all --exclude-editable --exclude pip \
		>> build/constraints.txt
	@mv build/constraints.txt constraints.txt

clean: ## remove everything that make made
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	rm -rf wasmopt.egg-info
