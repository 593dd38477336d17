# shellcheck shell=bash
# Virtual environments for tests and tools, kept outside of the checkout. Sourced, with the checkout as the directory.
# shellcheck source=tests/bed/versions.sh
. tests/bed/versions.sh

tools=${XDG_CACHE_HOME:-$HOME/.cache}/imagespec-tools
# The oldest flytekit that the builder is for, and one in between, whose specs have other fields and methods.
export OLDER_FLYTEKITS=(1.13.4 1.14.6)

# group NAME: the requirements of a dependency group of pyproject.toml, one a line. Python 3.10 has no reader of TOML.
group() {
    sed -n "/^\[dependency-groups\]/,/^\[tool/s/^$1 = \[\(.*\)\]/\1/p" pyproject.toml | tr ',' '\n' | tr -d ' "'
}

# environment NAME REQUIREMENT...: sets $found to an environment that has them.
environment() {
    local name=$1 key
    shift
    key=$(printf '%s\n' "$(python3 --version)" "$@" | sha256sum | cut -c1-12)
    found=$tools/$name-$key
    [ ! -e "$found/complete" ] || return 0
    rm -rf "$found"
    mkdir -p "$tools"
    if ! python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
        # As in CI: a machine that we may change gets what is missing.
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            { apt-get update -qq && apt-get install -y -qq python3 python3-venv; } >/dev/null
        else
            echo "Python 3.10 or later with venv is missing: install it (Debian's package is \`python3-venv\`)" >&2
            exit 1
        fi
    fi
    # uv takes seconds where pip takes a minute.
    local uv=$tools/uv-$UV_VERSION
    if [ ! -e "$uv/complete" ]; then
        rm -rf "$uv"
        python3 -m venv "$uv"
        "$uv/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION"
        touch "$uv/complete"
    fi
    "$uv/bin/uv" venv --quiet --python "$(command -v python3)" "$found"
    # git+… and the like are not among them: everything comes as a wheel from PyPI.
    "$uv/bin/uv" pip install --quiet --system-certs --compile-bytecode --python "$found/bin/python" "$@" || {
        echo "uv could not install $*" >&2
        rm -rf "$found"
        exit 1
    }
    touch "$found/complete"
}

# use_checkout ENVIRONMENT: lets it find the package in the checkout, with the entry points that the wheel would have.
use_checkout() {
    local packages
    packages=$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    echo "$PWD/python" >"$packages/imagespec_builder.pth"
    mkdir -p "$packages/imagespec_builder-0.dist-info"
    printf 'Metadata-Version: 2.1\nName: imagespec-builder\nVersion: 0\n' >"$packages/imagespec_builder-0.dist-info/METADATA"
    sed -n -e '/^\[project\.entry-points/,/^\[tool/s/^\([a-z]*\) = "\(imagespec_builder[^"]*\)"/\1 = \2/p' \
        -e 's/^\[project\.entry-points\."\(.*\)"\]$/[\1]/p' pyproject.toml >"$packages/imagespec_builder-0.dist-info/entry_points.txt"
}
