#!/bin/bash
# install-deps.sh build|run|demo|kernel|test...: installs what scripts/packages lists for these uses and is not there yet.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

usage() {
	echo "usage: $0 build|run|demo|kernel|test..." >&2
	exit 2
}

[[ $# -gt 0 ]] || usage
wanted=()
for use in "$@"; do
	[[ $use == build || $use == run || $use == demo || $use == kernel || $use == test ]] || usage
	mapfile -t -O "${#wanted[@]}" wanted < <(awk -v use="$use" '$1 == use { print $2 }' "$here/packages")
done

command -v dpkg-query >/dev/null || {
	echo "$0: this is no Debian system. Install the counterparts of these packages by hand:" >&2
	printf '  %s\n' "${wanted[@]}" | sort -u >&2
	exit 1
}

missing=()
while read -r package; do
	[[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done < <(printf '%s\n' "${wanted[@]}" | sort -u)
[[ ${#missing[@]} -gt 0 ]] || exit 0

echo "missing packages: ${missing[*]}"
if [[ $(id -u) -ne 0 ]]; then
	echo "$0: installing them needs root. Run: sudo $0 $*" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
get() {
	apt-get -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@"
}
# The package lists may be absent or old: refresh them only if the first attempt shows that.
if ! get install -y -q --no-install-recommends "${missing[@]}" >/dev/null 2>&1; then
	if ! get update -q || ! get install -y -q --no-install-recommends "${missing[@]}"; then
		echo "$0: could not install: ${missing[*]}" >&2
		echo "Is there a network, and a Debian mirror in /etc/apt? With the packages installed by hand nothing is downloaded." >&2
		exit 1
	fi
fi
echo "installed: ${missing[*]}"
