# make demo      everything from nothing: an engine, the frontend, an image, a container
# make test      all tests, those against a real engine included
# make frontend  the frontend's image [IMAGE=imagespec:dev] [PUSH=1]
# make cli       the command line program, target/release/imagespec
# make bench      edits beside flytekit's builder, make benchmark the frontend itself, make bench-digest digests of
#                 files: each writes its section of docs/benchmarks.md
# make testbed   a Docker Engine with what the tests need, under a directory of its own

SHELL := /bin/bash
IMAGE ?= imagespec:dev
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
BINARY := target/$(HOST)/release/imagespec

.PHONY: demo test frontend binary cli bench benchmark bench-digest testbed testbed-down lint check-tools

check-tools:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust from https://rustup.rs" >&2; exit 1; }

# Static, so that an image needs nothing else. Setting the target keeps the flag off build scripts.
binary: check-tools
	RUSTFLAGS='-C target-feature=+crt-static' cargo build --release --locked --no-default-features --target $(HOST)

cli: check-tools
	cargo build --release --locked

frontend: binary
	tests/scripts/frontend-image $(BINARY) $(IMAGE) $(PUSH)

demo: binary
	tests/scripts/demo $(BINARY) $(IMAGE)

test: lint binary
	tests/scripts/test $(BINARY)

lint: check-tools
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings

testbed:
	@tests/bed/up

testbed-down:
	@tests/bed/down

benchmark: binary
	{ tests/scripts/benchmark $(BINARY) && echo && sed -n '/<!-- edits -->/,$$p' docs/benchmarks.md; } >docs/benchmarks.md.new
	mv docs/benchmarks.md.new docs/benchmarks.md

bench: binary
	{ sed '/<!-- edits -->/,$$d' docs/benchmarks.md && tests/scripts/bench $(BINARY) && sed -n '/<!-- digests -->/,$$p' docs/benchmarks.md; } >docs/benchmarks.md.new
	mv docs/benchmarks.md.new docs/benchmarks.md

bench-digest: cli
	{ sed '/<!-- digests -->/,$$d' docs/benchmarks.md && tests/scripts/bench-digest target/release/imagespec; } >docs/benchmarks.md.new
	mv docs/benchmarks.md.new docs/benchmarks.md
