#!/bin/bash
# run.sh [BUILD-DIR] [ROUNDS]: all figures of one run, as ratios against a bare baseline measured in the same run.
# The JSON is kept in BUILD-DIR/bench.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$top/build}
rounds=${2:-7}
[[ -x $build/bench/cold-create ]] || {
	echo "$0: '$build/bench/cold-create' is not built: cmake --build $build" >&2
	exit 1
}
bundle=$(mktemp -d /tmp/acrun-bench.XXXXXX)
trap 'rm -rf "$bundle"' EXIT
"$top/tests/fixtures/mkbundle.sh" "$bundle" -- true
"$build/bench/cold-create" --acrun "$build/bin/acrun" --bundle "$bundle" --rounds "$rounds" --json "$build/bench/cold-create.json"
