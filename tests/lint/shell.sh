#!/bin/bash
# The scripts and the bats files, seen by shellcheck.
. "$(dirname "$0")/common.sh"
command -v shellcheck >/dev/null || { echo "shellcheck is missing: scripts/install-deps.sh test"; exit 1; }
mapfile -t scripts < <(
	find . \( -path './build*' -o -path ./.git -o -path ./.cache \) -prune -o -type f \
		\( -name '*.sh' -o -name '*.bash' -o -name '*.bats' \) -print
	for file in scripts/* .ci/*; do
		if [[ -f $file ]] && head -1 "$file" | grep -qE '^#!.*\b(ba)?sh\b'; then echo "./$file"; fi
	done
)
[[ ${#scripts[@]} -gt 0 ]] || finish
mapfile -t scripts < <(printf '%s\n' "${scripts[@]}" | LC_ALL=C sort -u)
# SC1091: sourced files are checked by themselves. SC2030/SC2031/SC2034/SC2154: bats' own variables and subshells.
shellcheck -S warning -e SC1091,SC2030,SC2031,SC2034,SC2154 -f gcc "${scripts[@]}" || bad=1
finish
