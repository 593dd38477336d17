# make demo             everything from nothing: an engine, the frontend, an image, a container
# make test             lint, and all tests once, those against a real engine included (10 to 20 minutes on two cores)
# make test-all         the same with all engine tests, and those of `make test` once more [ROUNDS=2]
# make lint             formatting, clippy, shellcheck over every shell script, versions that have to agree
# make frontend         the frontend's image [IMAGE=imagespec:dev] [PUSH=1]
# make cli              the command line program with the frontend in it, target/release/imagespec
# make wheel            the wheel of imagespec-builder with the same in it, for any Linux of this architecture, in target/wheels
# make release VERSION=…  what a release has, in target/release-VERSION: wheel, program, frontend, SBOM, checksums
# make bench-edits      an hour: builds after edits of a spec, beside flytekit's own builder
# make bench-flyte      ten minutes: `pyflyte build` with our builder and with flytekit's own (`make bench` is these two and bench-apt)
# make bench-apt        minutes: one more Debian package, beside a Dockerfile as experts write it
# make bench-frontend   minutes: the frontend's own time, and a rebuild beside a Dockerfile's (also: make benchmark)
# make bench-podman     minutes: builds after edits of a spec with podman, beside a Containerfile written by hand
# make bench-digests    minutes: digests of 100,000 files, beside flytekit's own (also: make bench-digest)
# make bench-start      seconds: how long the command line takes to start, and to name an image beside flytekit
#                       each writes its own file below docs/benchmarks, after a whole run
# make testbed          a Docker Engine with what the tests need, under a directory of its own
# make testbed-down     stops it

SHELL := /bin/bash
IMAGE ?= imagespec:dev
ROUNDS ?= 2
# What becomes the frontend's image. musl, since a static program of it is a tenth smaller than one of glibc.
BINARY := target/frontend/imagespec
FRONTEND_TARGET := $(shell uname -m)-unknown-linux-musl
# Static, so that an image needs nothing else, and at a fixed address, for size. On x86_64 the linker is the toolchain's lld,
# which keeps functions with equal code once. Without paths of this machine. `frontend.Dockerfile` has the same.
FRONTEND_FLAGS := -C target-feature=+crt-static -C relocation-model=static
FRONTEND_FLAGS += --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)/registry/src/= --remap-path-prefix=$(CURDIR)/=
ifneq ($(filter x86_64-%,$(FRONTEND_TARGET)),)
LLD_DIRECTORY = $(shell rustc --print sysroot)/lib/rustlib/x86_64-unknown-linux-gnu/bin/gcc-ld
FRONTEND_FLAGS += -C link-arg=-B$(LLD_DIRECTORY) -C link-arg=-fuse-ld=lld -C link-arg=-Wl,--icf=all -C link-arg=-Wl,-O2
endif

.PHONY: help demo test test-all lint-and-binary frontend binary cli wheel release lint check-tools testbed testbed-down
.PHONY: bench-apt bench-edits bench-podman bench-flyte bench-frontend bench-digests bench-start bench benchmark bench-digest

# First, so that `make` alone says what there is.
help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

check-tools:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust from https://rustup.rs" >&2; exit 1; }

# rust-toolchain.toml names the target, but rustup does not always add it by itself. Setting the target keeps the flags off
# build scripts.
binary: check-tools
	@[ -d "$$(rustc --print sysroot)/lib/rustlib/$(FRONTEND_TARGET)" ] || rustup target add $(FRONTEND_TARGET) || \
	    { echo "Rust's $(FRONTEND_TARGET) is missing; FRONTEND_TARGET=… builds for another" >&2; exit 1; }
	RUSTFLAGS='$(FRONTEND_FLAGS)' cargo build --release --locked --no-default-features --target $(FRONTEND_TARGET)
	@mkdir -p $(dir $(BINARY))
	@cp target/$(FRONTEND_TARGET)/release/imagespec $(BINARY)

# With the frontend in it.
cli: export IMAGESPEC_FRONTEND_PROGRAM = $(abspath $(BINARY))
cli: binary
	cargo build --release --locked --features carried-frontend

# With the flags of `binary`, so that what both are made of is compiled once.
wheel: export WHEEL_FLAGS = $(FRONTEND_FLAGS)
wheel: binary
	tests/scripts/wheel $(BINARY)

frontend: binary
	tests/scripts/frontend-image $(BINARY) $(IMAGE) $(PUSH)

demo: cli
	tests/scripts/demo target/release/imagespec $(BINARY) $(IMAGE)

# The last minute of `binary` is one linker on one core.
lint-and-binary:
	$(MAKE) --jobs=2 lint binary

test: lint-and-binary
	tests/scripts/test $(BINARY)

test-all: lint-and-binary
	tests/scripts/test $(BINARY) $(ROUNDS)

# The same commit gives the same bytes.
release: export WHEEL_FLAGS = $(FRONTEND_FLAGS)
release: binary
	tests/scripts/release "$(VERSION)" $(BINARY)

lint: check-tools
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
	tests/scripts/lint

testbed:
	@tests/bed/up

testbed-down:
	@tests/bed/down

bench-edits: binary
	tests/scripts/bench-page edits tests/scripts/bench-edits $(BINARY)

bench-apt: binary
	tests/scripts/bench-page apt tests/scripts/bench-apt $(BINARY)

bench-frontend: binary
	tests/scripts/bench-page frontend tests/scripts/bench-frontend $(BINARY)

bench-flyte: cli
	tests/scripts/bench-page flyte tests/scripts/bench-flyte target/release/imagespec

bench-podman: cli
	tests/scripts/bench-page podman tests/scripts/bench-podman target/release/imagespec

bench-digests: cli
	tests/scripts/bench-page digests tests/scripts/bench-digests target/release/imagespec

bench-start: cli
	tests/scripts/bench-page start tests/scripts/bench-start target/release/imagespec

# The names of before.
bench: bench-edits bench-flyte bench-apt
benchmark: bench-frontend
bench-digest: bench-digests
