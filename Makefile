# make run    ingest articles/ and serve the API and the page
# make check  format, lint, types
# make test   the whole test suite
# make fix    put format and lint right
# make client write the HTTP client's types anew, from the service's OpenAPI
PYTHON ?= python3
ARTICLES ?= articles
WORKERS ?= $(shell echo $$(($$(nproc 2>/dev/null || echo 2) + 1)))
VENV := .venv
BIN := $(VENV)/bin
export GRADIO_ANALYTICS_ENABLED := False
export HF_HUB_OFFLINE := 1

.PHONY: run check test fix client browser ocr
.DELETE_ON_ERROR:

run: $(VENV)/.run
	@$(BIN)/dalil ingest $(ARTICLES) || test $$? -eq 1  # a file that cannot be read is no reason not to serve the others
	@$(BIN)/dalil serve

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Dalil needs Python 3.11 or newer; this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -r requirements-dev.txt  # what is used of it is compiled then
	@touch $@

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fix: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

client: $(VENV)/.dev
	PYTHONPATH=. $(BIN)/python clients/python/generate.py

# The browser tests drive the system's Chromium. Where it cannot be installed they are skipped and say so.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium fonts-noto-core >/dev/null; } || \
	echo "No Chromium here: the browser tests will be skipped."

# The tests of OCR call Tesseract, and draw their scans with the help of FriBidi.
ocr:
	@command -v tesseract >/dev/null || \
	{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
	    tesseract-ocr tesseract-ocr-ara tesseract-ocr-script-arab libfribidi0 >/dev/null; } || \
	echo "No Tesseract here: the tests of OCR will be skipped."

# Where memory has 8 GB to spare, what tests write lies there: an index waits for the disk at each flush, which takes 44
# of the 53 seconds of tests/test_snapshots.py.
IN_MEMORY := $(shell [ "$$(df -Pk /dev/shm 2>/dev/null | awk 'END { print $$4 }')" -gt 8000000 ] 2>/dev/null && echo /dev/shm)

# Three workers on two cores: each waits for a browser or another process half of its time. A file's tests stay in one worker, which shares models and sites.
# The order is that of tests/conftest.py, in which what takes long comes first.
test: $(VENV)/.dev browser ocr
	@$(if $(IN_MEMORY),TMPDIR="$$(mktemp -d $(IN_MEMORY)/dalil-XXXX)" && chmod 755 "$$TMPDIR" && export TMPDIR && trap 'rm -rf "$$TMPDIR"' EXIT INT TERM;) \
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder
