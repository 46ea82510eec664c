# make demo   edit the example video        make test        run the tests
# make lint   check style                   make test-slow   run the slow tests
#                                           make test-soak   memory over minutes of video
# VENV=folder and PYTHON=interpreter choose where things are installed and with what.

VENV   ?= .venv
# The first that runs and is of a version the dependencies are built for.
FITS    = import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))
PYTHON ?= $(shell for python in python3.11 python3.12 python3.10 python3; do \
            $$python -c '$(FITS)' 2>/dev/null && echo $$python && break; done)
BIN    := $(VENV)/bin
SOURCES = pyproject.toml $(shell find dvaedit weights -type f -not -path '*/__pycache__/*')

.PHONY: demo test test-slow test-soak lint clean print-python
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	mkdir -p demo
	$(BIN)/dvaedit edit examples/astronaut.mp4 --text "black hair" \
	  -o demo/astronaut.black_hair.mp4 --compare demo/side_by_side.mp4 --overwrite
	@echo "result:       $(CURDIR)/demo/astronaut.black_hair.mp4"
	@echo "side by side: $(CURDIR)/demo/side_by_side.mp4"

test: $(VENV)/.developed
	$(BIN)/python -m pytest -m "not slow and not soak and not gpu"

test-slow: $(VENV)/.developed
	$(BIN)/python -m pytest -m "slow and not gpu" || [ $$? -eq 5 ]  # 5: no test is marked slow

test-soak: $(VENV)/.developed
	$(BIN)/python -m pytest -m soak

lint: $(VENV)/.developed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf $(VENV) demo build dist .pytest_cache .ruff_cache

print-python:
	@echo $(PYTHON)

$(BIN)/python:
	@"$(PYTHON)" -c '$(FITS)' 2>/dev/null || \
	  { echo "dvaedit needs Python 3.10, 3.11 or 3.12: name one with PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# The stamps say what is installed: the package as a user has it, or in place with the tools that check it.
$(VENV)/.installed: $(SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet .
	@rm -f $(VENV)/.developed
	@touch $@

$(VENV)/.developed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	@rm -f $(VENV)/.installed
	@touch $@
