PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PLUGINS := $(sort $(wildcard plugins/*/pyproject.toml))
# Tests of one file share a process, and a process has one thread: two of them fill two cores.
WORKERS ?= 2
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

.PHONY: setup demo page browser test packages mixes lint types shapes docs bench papers clean

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml $(PLUGINS)
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "crowdkit needs Python 3.11 or newer, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -e ".[dev]" $(foreach plugin,$(PLUGINS),-e $(dir $(plugin)))
	$(BIN)/python -m compileall -q crowdkit_core plugins  # what pip leaves out where it is editable
	touch $@

demo: setup
	$(BIN)/crowdkit demo

# Count, correct and train in the browser, with a rendered scene to begin with.
page: setup
	$(BIN)/crowdkit page docs/pictures/scene.jpg

# The page's tests in Chromium, which is installed where that is allowed.
browser: setup
	command -v chromium || command -v chromium-browser || { test "$$(id -u)" = 0 \
		&& command -v apt-get && apt-get update -qq && apt-get install -y -qq chromium; } \
		|| { echo "There is no Chromium here, and it cannot be installed: apt-get install chromium"; exit 1; }
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest plugins/page -m browser -rs

test: setup
	$(PYTEST)

# Every plugin and a third party's in an environment of its own, with nothing but what it declares.
packages: setup
	$(BIN)/python -m pytest tests/packaging -m "not gpu and not realdata"

# Every counter with every density generator and every loss.
mixes: setup
	$(BIN)/python -m pytest tests/mixing -m "not gpu and not realdata"

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

# The annotated shapes and dtypes of every call, in the plugins that annotate any. Tests of bad input
# are left out: there the type checker would raise before the code under test does; so are those of
# exports, as torch traces sizes that are no whole numbers.
shapes: setup
	$(PYTEST) plugins tests/testing tests/interfaces tests/density -k "not bad_input" \
		--ignore=plugins/onnx/tests \
		--jaxtyping-packages="$$(printf 'crowdkit_core.%s,' density losses localization networks; \
		grep -rl --include='*.py' jaxtyping plugins/*/src | cut -d/ -f4 | sort -u | tr '\n' ',')beartype.beartype"

docs: setup
	$(BIN)/python -m sphinx -W -b html docs docs/_build

bench: setup
	$(BIN)/python -m pytest benchmarks -m "not gpu" --benchmark-columns=min,median,rounds -s

# The main claims of the papers within BUDGET minutes; goes on where it stopped.
papers: setup
	$(BIN)/python benchmarks/papers.py --data "$(DATA)" --vgg16 "$(VGG16)" --budget $(BUDGET)

clean:
	rm -rf $(VENV) docs/_build
