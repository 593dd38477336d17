# The image that `# syntax=` names: one static program and the labels that BuildKit reads.
#
# The last stage also builds with `--build-context build=DIR`, where DIR holds the program `imagespec`;
# that is what `make frontend` does, with the toolchain that is there.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock build.rs rust-toolchain.toml ./
COPY proto proto
COPY src src
# Static and at a fixed address, for size; functions with equal code are kept once where the linker can do that.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    target="$(uname -m)-unknown-linux-musl" && rustup target add "$target" && \
    flags="-C target-feature=+crt-static -C relocation-model=static --remap-path-prefix=$CARGO_HOME/registry/src/= --remap-path-prefix=/src/=" && \
    case "$target" in x86_64-*) \
        lld="$(rustc --print sysroot)/lib/rustlib/x86_64-unknown-linux-gnu/bin/gcc-ld" && \
        flags="$flags -C link-arg=-B$lld -C link-arg=-fuse-ld=lld -C link-arg=-Wl,--icf=all -C link-arg=-Wl,-O2" ;; \
    esac && \
    RUSTFLAGS="$flags" cargo build --release --locked --no-default-features --target "$target" && \
    cp "target/$target/release/imagespec" /imagespec

FROM scratch
COPY --from=build /imagespec /imagespec
LABEL moby.buildkit.frontend.network.none="true" \
      moby.buildkit.frontend.caps="moby.buildkit.frontend.subrequests,moby.buildkit.frontend.contexts" \
      org.opencontainers.image.title="imagespec" \
      org.opencontainers.image.description="Builds container images from image specs" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
ENTRYPOINT ["/imagespec"]
