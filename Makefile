# A fresh machine needs python3 (3.11 or newer) and make; everything else goes into .venv.
# Each stamp file says that one set of requirements is installed, and is made again when
# pyproject.toml changes.

VENV := .venv
BENCH_VENV := .venv-bench
RIVALS_VENV := .venv-bench-litellm
BIN := $(VENV)/bin

# PYTHON=… is taken at its word; without it the first that is new enough is used.
ifeq ($(origin PYTHON),undefined)
PYTHONS := python3 python3.13 python3.12 python3.11 python3.14
else
PYTHONS := $(PYTHON)
endif

# pip reads dependency groups (--group) since 25.1.
define make_venv
@for python in $(PYTHONS); do \
	if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		echo "making $(1) with $$python"; \
		exec "$$python" -m venv $(1); \
	fi; \
done; \
echo "gemstream needs Python 3.11 or newer, and none of these is: $(PYTHONS)." \
	"Install one, or name it: make PYTHON=/path/to/python" >&2; \
exit 1
$(1)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
endef

.DEFAULT_GOAL := help
.PHONY: help demo test test-real check bench bench-rivals soak clean
.DELETE_ON_ERROR:

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.all ## Watch answers stream from the local emulator; needs no key
	$(BIN)/gemstream demo

# In two halves side by side, for most tests wait for sockets and processes. What the second half
# says is shown when the first has ended.
HALF := tests/relay tests/cli tests/chaos
test: $(VENV)/.test ## Run the tests, all but those of soak and test-real
	@said=$$(mktemp); \
	$(BIN)/python -m pytest -p no:cacheprovider $(HALF) > "$$said" 2>&1 & half=$$!; \
	$(BIN)/python -m pytest $(addprefix --ignore=,$(HALF)); first=$$?; \
	wait $$half; second=$$?; cat "$$said"; rm -f "$$said"; \
	exit $$(( first > second ? first : second ))

# The key is looked for before anything is installed or run.
test-real: ## Ask the real Gemini, at most 20 times; needs GEMINI_API_KEY
	@[ -n "$$GEMINI_API_KEY$$GOOGLE_API_KEY" ] || { \
		echo "make test-real asks the real Gemini: set GEMINI_API_KEY (or GOOGLE_API_KEY)" \
			"to a key of your own; make test needs none" >&2; \
		exit 1; \
	}
	@$(MAKE) --no-print-directory $(VENV)/.test
	$(BIN)/python -m pytest -m real

check: $(VENV)/.check ## Lint, formatting, strict types, layers and style
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layers.py tests/test_style.py

bench: $(BENCH_VENV)/.bench ## Measure gemstream beside its rivals, at most ten minutes
	$(BENCH_VENV)/bin/python -m benchmarks

bench-rivals: ## Install the relay's rivals beside which it is measured; nginx comes from the system
	$(call make_venv,$(RIVALS_VENV))
	$(RIVALS_VENV)/bin/python -m pip install --quiet 'litellm[proxy]'
	npm install --no-fund --no-audit --prefix .bench-portkey @portkey-ai/gateway

soak: $(VENV)/.soak ## Run the tests that take minutes
	$(BIN)/python -m pytest -m soak

clean: ## Remove everything these targets made
	rm -rf $(VENV) $(BENCH_VENV) $(RIVALS_VENV) .bench-portkey build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(VENV)/.all: pyproject.toml
	$(call make_venv,$(VENV))
	$(BIN)/python -m pip install --quiet -e '.[all]'
	@touch $@

$(VENV)/.test: $(VENV)/.all
	$(BIN)/python -m pip install --quiet --group test
	@touch $@

$(VENV)/.soak: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --group soak
	@touch $@

$(VENV)/.check: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --group check
	@touch $@

$(BENCH_VENV)/.bench: pyproject.toml
	$(call make_venv,$(BENCH_VENV))
	$(BENCH_VENV)/bin/python -m pip install --quiet -e '.[all]' --group bench
	@touch $@
