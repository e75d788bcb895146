# make demo: set everything up, do the main job on a twin of the regency.   make test: set everything up, run every check.
# make test-long: the same with the tests that take long, and with servers built by the fast gear (three quarters of an hour).
.PHONY: demo test test-long down fmt lock setup
export UV_SYSTEM_CERTS = 1

demo: setup
	.venv/bin/ops demo

test: setup
	.ci/test

test-long: setup
	OPS_LONG=1 OPS_TEST_FAST=1 .ci/test

# takes the twins down: namespaces, mounts, processes, nft tables. CACHE=1 removes the base images too.
down: setup
	.venv/bin/ops twin down --all $(if $(CACHE),--cache)

fmt: setup
	.venv/bin/ruff check --fix --quiet . ; .venv/bin/ruff format --quiet .

lock: setup
	.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --group pyproject.toml:dev pyproject.toml --output-file requirements.lock

setup:
	@.ci/setup
