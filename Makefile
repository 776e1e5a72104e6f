PYTHON ?= python3
PROFILE ?= mini
NOTEBOOK ?=
ARGS ?=
SUBMISSIONS ?= notebooks/assignments/submitted

PY := .venv/bin/python
MESSAGE := repro needs Python 3.11 or newer; name one, for example: make PYTHON=python3.12

.PHONY: help reproduce record reference plan submit release assignments kit collect grade totals similarity league test fuzz faults browser lint lab pretrain bench clean

help:  ## Show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo 'Variables: PROFILE=mini (or smoke, laptop, gpu, paper, a file)  NOTEBOOK=01_initial_study'
	@echo '           ARGS="-p tasks rte --data path/to/glue"  PYTHON=python3.12'
	@echo '           TORCH_INDEX=the index with the build of torch for your GPU, at installation'

reproduce: .venv/.installed  ## Run the notebooks; tables and figures go to figures/PROFILE
	$(PY) -m repro reproduce --profile $(PROFILE) $(NOTEBOOK:%=--notebook %) $(ARGS)

reference: .venv/.installed  ## Make the tables and pictures of the last run of mini the reference
	$(PY) -m repro reference

record: .venv/.installed  ## Train what data/recorded/mini lacks of its plan (hours; goes on where it stopped)
	$(PY) -m repro record $(ARGS)

plan: .venv/.installed  ## List what the notebooks of PROFILE would run, with steps, disk and hours
	$(PY) -m repro plan --profile $(PROFILE) $(NOTEBOOK:%=--notebook %) $(ARGS)

submit: .venv/.installed  ## Write a GLUE submission of what PROFILE has finished
	$(PY) -m repro submit --profile $(PROFILE) $(ARGS)

release: .venv/.installed  ## Write the seed study of PROFILE as one archive, dist/seeds.zip
	$(PY) -m repro release --profile $(PROFILE) $(ARGS)

assignments: .venv/.installed  ## Write the students' versions to notebooks/assignments/release
	$(PY) notebooks/assignments/course.py release $(ARGS)

kit: .venv/.installed  ## Write all that students need to notebooks/assignments/kit, without solutions
	$(PY) notebooks/assignments/course.py kit $(ARGS)

collect: .venv/.installed  ## Take the notebooks of ASSIGNMENT out of ZIP, of Moodle or Canvas
	$(PY) notebooks/assignments/course.py collect $(ZIP) --assignment $(ASSIGNMENT) $(ARGS)

grade: .venv/.installed  ## Grade SUBMISSIONS/student/assignment/ (runs the students' code)
	$(PY) notebooks/assignments/course.py grade $(SUBMISSIONS) $(ARGS)

totals: .venv/.installed  ## Add marks by hand and lateness to the grades
	$(PY) notebooks/assignments/course.py totals $(ARGS)

similarity: .venv/.installed  ## List pairs of SUBMISSIONS that are alike
	$(PY) notebooks/assignments/course.py similarity $(SUBMISSIONS) $(ARGS)

league: .venv/.installed  ## Play the tuners of FOLDER on recorded trials (runs the students' code)
	$(PY) notebooks/assignments/league.py $(FOLDER) $(ARGS)

test: .venv/.installed  ## Run the tests
	$(PY) -m pytest -n logical --maxprocesses 4 --dist loadscope --no-loadscope-reorder $(ARGS)

fuzz: .venv/.installed  ## Try all of the malformed input of which the tests try a sample
	REPRO_FUZZ=1 $(PY) -m pytest tests/test_malformed.py -n logical $(ARGS)

faults: .venv/.installed  ## Kill, starve and damage a tiny study 300 times, and compare its tables
	$(PY) tests/faults/faults.py $(ARGS)

browser: .venv/.browser  ## Test notebooks in JupyterLab with Chromium; name it: CHROMIUM=path
	REPRO_BROWSER=1 $(PY) -m pytest tests/test_browser.py $(ARGS)

lint: .venv/.installed  ## Check style and formatting
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

lab: .venv/.installed  ## Open JupyterLab on this machine, with its token
	$(PY) -m jupyterlab --ip=127.0.0.1 $(ARGS)

pretrain: .venv/.installed  ## Pretrain the embedded models again (an hour or more)
	PYTHONPATH=tools $(PY) -m pretrain.pretraining $(ARGS)

bench: .venv/.installed  ## Measure the speed; writes benchmarks/RESULTS.md
	$(PY) benchmarks/all.py $(ARGS)

clean:  ## Remove what runs and tools left, but no results, figures or .venv
	rm -rf build dist .pytest_cache .ruff_cache src/*.egg-info
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("$(MESSAGE)" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(if $(TORCH_INDEX),PIP_INDEX_URL=$(TORCH_INDEX) $(PY) -m pip install `grep ^torch== requirements.lock`)
	$(PY) -m pip install --disable-pip-version-check -r requirements.lock
	$(PY) -m pip install --disable-pip-version-check --no-deps -e .
	@touch $@

.venv/.browser: .venv/.installed requirements-browser.lock
	$(PY) -m pip install --disable-pip-version-check --no-deps -r requirements-browser.lock
	@touch $@
