# Finds out which of many packages cannot be installed, after one could not. Installs nothing and always fails.
# shellcheck shell=sh
# "$@": the packages
# shellcheck source=src/plan/script/prelude.sh
. "${_scripts:?}/prelude.sh"
# shellcheck source=src/plan/script/apt_get.sh
. "$_scripts/apt_get.sh"

for _one; do
  {
    apt apt-get install -y -s --no-install-recommends -- "$_one" > /dev/null || true
    tell_versions "$_one"
  } 2>&1 | while IFS= read -r _line; do
    # All that is said of one entry stands behind its name.
    case $_line in 'E: '*) printf '%s\t%s\n' "$_one" "${_line#E: }" >&2 ;; esac
  done
done
exit 100
