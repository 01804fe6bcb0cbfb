# shellcheck shell=bash
# Sourced by the checks. Each is called with the root of the tree, prints "file:line: what" and fails if it printed anything.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${1:-$(cd "$here/../.." && pwd)}
cd "$root"

# Our sources, one a line. Arguments: name patterns.
sources() {
	local dir dirs=()
	for dir in base oci agent hypervisor runtime cmd tests; do
		[[ -d $dir ]] && dirs+=("$dir")
	done
	[[ ${#dirs[@]} -gt 0 ]] || return 0
	local args=() pattern
	for pattern in "$@"; do
		[[ ${#args[@]} -eq 0 ]] || args+=(-o)
		args+=(-name "$pattern")
	done
	find "${dirs[@]}" -type f \( "${args[@]}" \) -not -path '*/build*/*' | LC_ALL=C sort
}

bad=0
complain() {
	printf '%s\n' "$*"
	bad=1
}

finish() {
	exit "$bad"
}
