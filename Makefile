# Everything a contributor runs. PYTHON picks the interpreter of the environment that is made in VENV:
#     make test PYTHON=python3.12
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
ARGS   ?=

# compat: a path in a .pth file; the default import hook costs every start of the interpreter 10 ms.
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check --config-settings editable_mode=compat

GENERATED := COVERAGE.md runtime/cpu/routines_code.py aot/rewrite/assembled.py

.PHONY: help demo test check format conformance yardstick corpus bench gen gostd fuzz survey clean
.DEFAULT_GOAL := help

help:
	@echo "make demo         build a Windows program, translate it, run it"
	@echo "make test         every test (ARGS= goes to pytest)"
	@echo "make check        lint, format, types, import rules, generated files up to date"
	@echo "make format       bring the tree into the form that check asks for"
	@echo "make conformance  the conformance matrix alone: every program, both modes, all personalities"
	@echo "make yardstick    Python's own test suite and stress-ng, as guests and on the host (Debian; installs them as root)"
	@echo "make survey       every program and library here and hundreds of foreign ones against two disassemblers; SURVEY.md"
	@echo "make gostd        Go's own tests of its standard library, as guests of both architectures and on the host"
	@echo "make fuzz         random instruction windows, original against patched: a million cases (ARGS='--cases N --seed N --jobs N')"
	@echo "make corpus       build every program of corpus/src into corpus/build"
	@echo "make bench        measure crossings, calls, start-up and translation; qiling is installed beside, in build/"
	@echo "make gen          write $(GENERATED)"
	@echo "make clean        remove what the targets above made (not the environment)"

# One environment, three stages; a stage is redone when pyproject.toml changes.
$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.corpus: $(VENV)/.made pyproject.toml
	$(PIP) -e '.[corpus]'
	$(BIN)/python -m compileall -q aot runtime
	@touch $@

$(VENV)/.dev: $(VENV)/.corpus pyproject.toml
	$(PIP) -e '.[corpus,dev]'
	@touch $@

demo: $(VENV)/.corpus
	$(BIN)/python -m corpus.demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest $(ARGS)

conformance: $(VENV)/.dev
	$(BIN)/python -m pytest -m conformance $(ARGS)

# The suites come from the distribution, with its own Python.
yardstick: $(VENV)/.dev
	test "$$(id -u)" != 0 || { apt-get -q install -y --no-install-recommends python3 stress-ng && apt-get -q install -y \
	    --no-install-recommends libpython$$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')-testsuite; }
	$(BIN)/python -m tests.yardstick $(ARGS)

# An hour; ARGS are groups of files (go, wheels, ...), without which SURVEY.md is written.
survey: $(VENV)/.dev
	$(BIN)/python -m tests.survey $(ARGS)

gostd: $(VENV)/.corpus
	$(BIN)/python -m tests.conformance.gostd $(ARGS)

fuzz: $(VENV)/.dev
	$(BIN)/python -m tests.aot.rewrite.windows $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory gen
	git diff --exit-code -- $(GENERATED)

format: $(VENV)/.dev
	$(BIN)/ruff check -q --fix-only .
	$(BIN)/ruff format -q .

corpus: $(VENV)/.corpus
	$(BIN)/python -m corpus.build $(ARGS)

bench: $(VENV)/.corpus
	$(BIN)/python -m benchmarks.run $(ARGS)
	$(BIN)/python -m benchmarks.beside $(ARGS)
	$(BIN)/python -m benchmarks.translation $(ARGS)

gen: $(VENV)/.corpus
	@mkdir -p build
	$(BIN)/python -m aot.cli calls --md > build/COVERAGE.md
	mv build/COVERAGE.md COVERAGE.md
	$(BIN)/python -m corpus.routines
	$(BIN)/python -m corpus.templates

clean:
	rm -rf build corpus/build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
