# shellcheck shell=bash
# The versions that the bed's images and packages carry, and how a wheel of one is fetched. Sourced.

# The tags that the frontend names by default (ghcr.io/astral-sh/uv and mambaorg/micromamba).
export UV_VERSION=0.13.8
export MICROMAMBA_TAG=2.0.3-debian12-slim

# What the bed's images are called in its engines.
export BED_DEBIAN_IMAGE=imagespec-bed/debian:bookworm-slim
export BED_UV_IMAGE=imagespec-bed/uv:$UV_VERSION
export BED_MICROMAMBA_IMAGE=imagespec-bed/micromamba:$MICROMAMBA_TAG

# Where the parts of a relocatable CPython come from; see python-tree.py.
export FREEZE_CORE_VERSION=0.8.1
export COMPONENTIZE_VERSION=0.17.2

# What the conda channel has beside Python.
export PIP_VERSION=25.3 SETUPTOOLS_VERSION=80.9.0 HUMANIZE_VERSION=4.13.0 TOMLI_VERSION=2.2.1
# The solver and installer behind the bed's micromamba.
export PY_RATTLER_VERSION=0.28.0 CERTIFI_VERSION=2025.11.12

# The suite of Debian whose podman and buildah are tested beside those of the engines' own suite (forky: podman 5.8, buildah
# 1.43): trixie has podman 5.4 and buildah 1.39. And what both take of it.
export PODMAN_OTHER_SUITE=trixie
export PODMAN_PACKAGES=podman,buildah,runc,conmon,netavark,aardvark-dns,catatonit,nftables

# What the benchmarks measure beside.
export FLYTEKIT_VERSION=1.16.31
# Lists what a release is made of.
export CYCLONEDX_VERSION=0.5.9

# fetch_wheel DIR REQUIREMENT [PIP OPTION...]: with this machine's own pip, so that its index and certificates apply.
fetch_wheel() {
    local dir=$1 requirement=$2
    shift 2
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --dest "$dir" "$@" "$requirement"
}

# fetch_linux_wheel DIR PYTHON REQUIREMENT: for that Python on linux-64, whatever this machine's own is.
fetch_linux_wheel() {
    fetch_wheel "$1" "$3" --python-version "$2" --platform manylinux2014_x86_64 --platform manylinux_2_28_x86_64
}
