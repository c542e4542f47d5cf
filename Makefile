# Everything a newcomer needs: `make demo`, `make test`. The virtual environment is made when it is missing.

VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev
JOBS := 2

.PHONY: help demo up test fuzz check format bench docs lock clean

help:  ## Show this
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/'

demo: $(RUN)  ## Run an order workflow, kill the server in the middle, watch it go on
	@$(BIN)/python -m examples.order.demo

up: $(RUN)  ## Start the server on 127.0.0.1:8083, data in ./.stepwell
	@$(BIN)/stepwell up

test: $(DEV)  ## Run the tests, JOBS=2 files at a time; ARGS="tests/unit -k retry" chooses
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

fuzz: $(DEV)  ## Run the properties for long: 10,000 examples each, 100,000 hostile requests
	@STEPWELL_EXAMPLES=10000 $(BIN)/python -m pytest -n $(JOBS) tests/properties
	@STEPWELL_HOSTILE_REQUESTS=100000 $(BIN)/python -m pytest tests/e2e/api/test_fuzz.py

check: $(DEV)  ## ruff, mypy --strict, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; exit 1; }

format: $(DEV)  ## Format the code
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

bench: $(DEV)  ## Measure; ARGS="W1 --seconds 30" chooses
	@$(BIN)/python -m loadtest.bench $(ARGS)

docs: $(DEV)  ## Write the generated pages under docs/reference
	@$(BIN)/python -m docs.generate

lock: $(DEV)  ## Write constraints.txt from what is installed
	@$(BIN)/python -m pip --disable-pip-version-check --quiet install 'hatchling>=1.25,<2'
	@$(BIN)/python .ci/lock.py > $(VENV)/constraints.txt && cp $(VENV)/constraints.txt constraints.txt

clean:  ## Remove the virtual environment and the local data
	rm -rf $(VENV) .stepwell .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(RUN): pyproject.toml constraints.txt
	@.ci/venv $(VENV) run
	@touch $@

$(DEV): pyproject.toml constraints.txt
	@.ci/venv $(VENV) dev
	@touch $(RUN) $@
