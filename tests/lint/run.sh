#!/bin/bash
# run.sh [ROOT] [BUILD_DIR]: all quick checks; every one runs, the exit status tells whether all are clean.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=${1:-$(cd "$here/../.." && pwd)}
export BUILD_DIR=${2:-}
failed=()
for check in format floors banned size backends headers shell; do
	if output=$("$here/$check.sh" "$root" 2>&1); then
		echo "lint: $check: clean"
	else
		printf '%s\n' "$output" | sed "s/^/$check: /"
		failed+=("$check")
	fi
done
if [[ ${#failed[@]} -gt 0 ]]; then
	echo "lint: not clean: ${failed[*]}"
	exit 1
fi
