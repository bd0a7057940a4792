# Thin aliases. `make drill` and `make test` do all the set-up they need.
PYTHON ?= python3
DRILL ?=
V := .venv/bin
export PATH := $(CURDIR)/$(V):$(PATH)

.PHONY: setup drill test check synth score bench lock clean
.DEFAULT_GOAL := drill

setup: .venv/ready  ## everything the other targets need, once per change of requirements.txt

.venv/ready: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv --clear .venv
	$(V)/python -m pip install --quiet --disable-pip-version-check "$$(sed -n 's/^\(uv==[0-9.]*\).*/\1/p' requirements.txt)"
	$(V)/uv pip install --quiet --require-hashes --python $(V)/python -r requirements.txt
	touch $@

drill: setup  ## a drill of each kind, end to end, on this machine: exit status 0 PASS, 1 FAIL, 2 INCONCLUSIVE, 3 could not run
	$(V)/python -m lab drill $(DRILL)

test: setup check  ## everything: format, lint, types, synth with validation, cdk-nag, cfn-lint, all tests
	$(V)/python -m pytest -n 3 --dist loadfile

check: setup
	$(V)/ruff format --check .
	$(V)/ruff check .
	$(V)/mypy

synth: setup  ## the CloudFormation template, in build/cdk.out
	$(V)/python app.py

score: setup  ## every known damage done to a restored copy, and what Verify finds of it
	$(V)/python -m lab score

bench: setup
	$(V)/python -m bench.overhead
	$(V)/python -m bench.rotation
	$(V)/python -m bench.s3_restore
	$(V)/python -m bench.watch

lock: setup  ## compile the .in files
	$(V)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -o requirements.txt requirements.in
	$(V)/uv pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-annotate --no-header -c requirements.txt -o functions/requirements.txt functions/requirements.in

clean:
	rm -rf .venv .lab build
