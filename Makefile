# make book, make test: all that most people need. `make` alone lists the rest.
.DELETE_ON_ERROR:
.PHONY: FORCE help setup book check test lint-web bench notebooks lab serve weigh links repository clean

PYTHON ?= python3
PORT ?= 8000
RUN := .venv/bin/python -m

# After the installation nothing here uses the network, and nothing but the course's own progress is printed.
export HF_HUB_OFFLINE := 1
export HF_HUB_DISABLE_PROGRESS_BARS := 1
export HF_DATASETS_DISABLE_PROGRESS_BARS := 1
export TOKENIZERS_PARALLELISM := false
export OMP_WAIT_POLICY := PASSIVE

PACKAGE := $(wildcard rmkit/*.py rmkit/*/*.py)
DATA := $(wildcard rmkit/datasets/*.json*)
PAGES := _config.yml _toc.yml $(shell find book notebooks -type f -not -path '*/.*' -not -path '*/__pycache__/*')

help:
	@echo "make book        train the course's reward model and build the web book"
	@echo "make check       what a change needs at once: format, lint, types, and every test that needs no training, process or browser"
	@echo "make test        every check that CI runs"
	@echo "make bench       measure how fast it is, beside other ways: about 40 minutes on a quiet machine"
	@echo "make serve       show the book that was built, under the path that it will have when published"
	@echo "make weigh       bytes and first paint of the heaviest pages, in Chromium"
	@echo "make links       ask every outside link of the book whether it still leads somewhere"
	@echo "make lab         work on the notebooks in JupyterLab"
	@echo "make notebooks   run all notebooks again and save their outputs"
	@echo "make repository URL=https://github.com/OWNER/NAME   change the address everywhere"
	@echo "make clean       remove the environment and everything that was built"

# --- the environment

setup: .venv/installed _build/node.done

.venv/installed: requirements.txt .ci/constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "This needs Python 3.11 or newer, and $(PYTHON) is not that. Say which to use: make book PYTHON=python3.12"; exit 1; }
	@.venv/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@echo "Installing into .venv: about 2.3 GB, some minutes the first time."
	@$(RUN) pip install --disable-pip-version-check -r requirements.txt
	@$(RUN) pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

# What the playground and the accessibility checks run, by the lock file. Without Node the book is built without a playground.
_build/node.done: _build/node.version book/_playground/package.json book/_playground/package-lock.json book/_playground/.npmrc
	@rm -rf _build/node && mkdir _build/node && cp $(filter book/%,$^) _build/node
	@if [ ! -s $< ]; then \
	  echo "Node.js 18 or newer, with npm, is not here: the book gets no playground. Install it, and run make book again."; \
	elif ! npm ci --prefix _build/node >_build/node.log 2>&1; then cat _build/node.log; rm -rf _build/node/node_modules $<; \
	  echo "npm could not install the playground's packages: the book gets no playground. make book tries again."; fi
	@touch $@

# The versions of Node and npm, or nothing where they are missing or too old: the file changes when they do.
_build/node.version: FORCE
	@mkdir -p _build
	@new=$$( (node -e 'process.exit(+(parseInt(process.versions.node) < 18))' && node --version && npm --version) 2>/dev/null ) || new=; \
	  [ -e $@ ] && [ "$$new" = "$$(cat $@)" ] || printf '%s' "$$new" >$@

# --- the book

book: _build/book.done
	@echo
	@echo "The book:  _build/html/index.html   (make serve shows it)"
	@echo "The model: _build/model             (.venv/bin/rmkit score --model _build/model --prompt ... --response ...)"

_build/book.done: .venv/installed _build/rounding.done _build/playground.done $(PAGES) $(PACKAGE)
	@echo "Rendering the book ..."
	@rm -rf _build/html _build/.doctrees _build/measured
	@.venv/bin/jupyter-book build . -W --keep-going -n --quiet >_build/book.log 2>&1 || { cat _build/book.log; exit 1; }
	@touch $@

# A few minutes on two cores: train, round and export; _build/model, what the book measures and readers use, is the rounded
# model, _build/export what a browser loads.
_build/model.done: .venv/installed $(PACKAGE) $(DATA)
	@echo "Training the course's reward model on the course data, some minutes on two cores ..."
	@rm -rf _build/trained _build/export _build/model
	@$(RUN) rmkit train --data course --output _build/trained
	@rm -rf _build/trained/checkpoints
	@$(RUN) rmkit export --model _build/trained --output _build/export
	@cp -R _build/export/pytorch _build/model
	@cp _build/trained/history.json _build/model
	@$(RUN) rmkit evaluate --model _build/model --data course:test --calibration course:validation \
	  --card _build/model/README.md --json > _build/evaluation.json
	@touch $@

# What rounding did to the model: part of the page book/model.md.
_build/rounding.done: _build/model.done book/measured/model/measure.py
	@$(RUN) book.measured.model.measure
	@touch $@

# What the playground downloads, in _build/site.
_build/playground.done: _build/model.done _build/node.done $(wildcard book/_playground/*) book/measured/playground/gather.py
	@$(RUN) book.measured.playground.gather
	@touch $@

serve: .venv/installed
	@.venv/bin/python .ci/serve.py $(PORT)

weigh: .venv/installed
	@.venv/bin/python .ci/weigh.py

links: .venv/installed
	@.venv/bin/python .ci/links.py

# --- the checks

# Two workers with a thread each. A notebook stays whole in one of them.
WORKERS := -n 2 --dist worksteal
check test: export OMP_NUM_THREADS := 1
check test: export TQDM_DISABLE := 1

check: .venv/installed lint-web
	@$(RUN) ruff format --check --quiet .
	@$(RUN) ruff check --quiet .
	@$(RUN) mypy
	@$(RUN) nbstripout --verify $(STRIP) notebooks/*.ipynb
	@$(RUN) pytest --quiet $(WORKERS) --check
	@echo "What needs no trained model, no process of its own and no browser is right. make test checks the rest."

test: book lint-web
	@$(RUN) ruff format --check --quiet .
	@$(RUN) ruff check --quiet .
	@$(RUN) mypy
	@$(RUN) nbstripout --verify $(STRIP) notebooks/*.ipynb
	@$(RUN) pytest $(WORKERS)
	@$(RUN) pytest -n 2 --dist loadfile --nbval --nbval-current-env --nbval-cell-timeout=600 notebooks
	@echo "All checks passed."

# Scripts and styles of the book and of the moving figures, by Biome (biome.json).
lint-web: _build/node.done
	@if [ -x _build/node/node_modules/.bin/biome ]; then _build/node/node_modules/.bin/biome lint --error-on-warnings --log-level=warn; \
	else echo "Node.js is not here: scripts and styles are not linted."; fi

# --- the measurements

bench: .venv/installed
	@$(RUN) book.measured.how_fast.measure

# --- the notebooks

STRIP := --keep-output --keep-count --extra-keys "cell.metadata.execution metadata.widgets metadata.language_info"

notebooks: export TQDM_DISABLE := 1
notebooks: .venv/installed
	@$(RUN) jupyter execute --inplace notebooks/*.ipynb
	@$(RUN) nbstripout $(STRIP) notebooks/*.ipynb

lab: .venv/installed
	@$(RUN) pip install --disable-pip-version-check --quiet -c .ci/constraints.txt jupyterlab
	@HF_HUB_OFFLINE=0 $(RUN) jupyter lab notebooks

# --- the house

repository: .venv/installed
	@.venv/bin/python .ci/repository.py $(URL)

clean:
	rm -rf .venv _build *.egg-info
