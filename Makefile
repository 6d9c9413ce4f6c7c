# Verbatim: `make run` starts it, `make test` checks it. Needs Python 3.11+ and a package index, nothing else.
.DEFAULT_GOAL := help
.PHONY: help install install-dev run test lint bench clean

PYTHON3 ?= python3
PY := .venv/bin/python

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install:
	@$(PYTHON3) scripts/install.py

install-dev:
	@$(PYTHON3) scripts/install.py --dev

run: install  ## start Verbatim on this machine; Ctrl-C stops it
	@exec $(PY) manage.py quickstart

test: install-dev  ## the whole suite, on its own PostgreSQL and Redis
	@$(PY) -m pytest $(ARGS)

lint: install-dev  ## ruff, formatting, types, Dockerfile
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/hadolint Dockerfile

bench: install-dev  ## the benchmarks; results go to bench/results/
	@for name in ingest corpora retrieval languages citations tables token_estimate first_token streams first_answer; do echo "== $$name"; $(PY) bench/$$name.py || exit 1; done

clean:  ## forget the environment and everything stored (asks first)
	@printf 'Delete .venv and .data, all documents and chats included? [y/N] '; read answer; \
	  [ "$$answer" = y ] && rm -rf .venv .data || echo 'Nothing was deleted.'
