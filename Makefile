# `make` prints this menu. Everything runs from .venv, which `make venv` makes once.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DEMO   ?= demo

.DEFAULT_GOAL := menu
.DELETE_ON_ERROR:
.PHONY: menu venv demo test check docs bench clean

menu:                ## print this menu
	@sed -n 's/^\([a-z][a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

venv:                ## make .venv with scartools and its test tools (again only when the requirements change)
	@PYTHON='$(PYTHON)' VENV='$(VENV)' sh tools/make_venv.sh

demo: venv           ## 24 simulated patients, from paper ECG and LGE stack to scar maps, in three arms (into demo/)
	@$(MAKE) --no-print-directory -j"$$(nproc 2>/dev/null || echo 1)" -C examples/quickstart BIN='$(abspath $(BIN))' OUT='$(abspath $(DEMO))'

test: venv           ## run all tests
	@$(BIN)/python -m pytest -n 2 --dist worksteal -q

check: venv          ## ruff, mypy, man pages fresh and clean
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python tools/manpages.py --check
	@$(BIN)/python tools/check_troff.py

docs: venv           ## make the man pages from the commands' declarations
	@$(BIN)/python tools/manpages.py

bench: venv          ## start-up and speed, printed
	@for file in tests/bench/bench_*.py; do $(BIN)/python $$file || exit 1; done

clean:               ## remove the demo and caches (not .venv)
	rm -rf '$(DEMO)' .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
