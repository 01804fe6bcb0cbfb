#!/bin/bash
# run.sh [BUILD-DIR] [LOAD=COUNT...]: one sandbox under load: clients with commands, execs at once, output in MiB, containers in one
# pod. Ends with an error when an answer, a byte or an exit code is not what it must be. The figures are no verdict.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
build=$(realpath "${1:-$top/build}")
loads=("${@:2}")
[[ ${#loads[@]} -gt 0 ]] || loads=(commands=2000 execs=50 output=1024 containers=200)

die() {
	echo "$0: $*" >&2
	exit 1
}

[[ $(id -u) -eq 0 ]] || die "needs root, as acrun does"
[[ -x $build/stress/acrun-stress ]] || die "'$build/stress/acrun-stress' is not built: cmake --build $build"

work=$(mktemp -d /tmp/acrun-stress.XXXXXX)
end() {
	"$build/bin/acrun" --root "$work/root" delete --force pod </dev/null >/dev/null 2>&1 || true
	rm -rf "$work"
}
trap end EXIT
"$top/tests/fixtures/mkbundle.sh" "$work/bundle" -- sleep 100000
cp "$build/stress/stress-source" "$work/bundle/rootfs/"
"$build/bin/acrun" --root "$work/root" run --detach --bundle "$work/bundle" pod </dev/null
"$build/stress/acrun-stress" "$build/bin/acrun" "$work/root" pod "${loads[@]}"
