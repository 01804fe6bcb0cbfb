#!/bin/bash
# run.sh [BUILD-DIR] [ROUNDS] [SECTION...]: the figures of docs/performance.md, each as a ratio against a bare baseline
# that is measured in turns with it. Prints tables; JSON and a picture of a create's phases are kept in BUILD-DIR/bench.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
build=$(realpath "${1:-$top/build}")
rounds=${2:-7}
sections=("${@:3}")

die() {
	echo "$0: $*" >&2
	exit 1
}

[[ $(id -u) -eq 0 ]] || die "needs root, as acrun does"
for program in acrun-bench empty-static empty-dynamic; do
	[[ -x $build/bench/$program ]] || die "'$build/bench/$program' is not built: cmake --build $build"
done

work=$(mktemp -d /tmp/acrun-bench.XXXXXX)
trap 'rm -rf "$work"' EXIT
"$top/tests/fixtures/mkbundle.sh" "$work/true" -- true
mkdir "$work/sleep"
jq '.process.args = ["sleep", "1000"] | .root.path = $root' --arg root "$work/true/rootfs" \
	"$work/true/config.json" >"$work/sleep/config.json"

# What differs from the configuration of the build, so that nothing but that differs.
mkdir "$work/cold"
printf '[factory]\nenable_template = false\n' >"$work/cold/configuration.toml"

arguments=(
	--acrun "$build/bin/acrun" --bundle "$work/true" --sleeper "$work/sleep" --cold-config "$work/cold/configuration.toml"
	--empty-static "$build/bench/empty-static" --empty-dynamic "$build/bench/empty-dynamic"
	--self "$build/bench/acrun-bench" --json "$build/bench" --rounds "$rounds"
)
for peer in runc crun; do
	path=$(command -v "$peer") || continue
	arguments+=("--$peer" "$path")
done

# Where a create spends its time, from its own trace. Each the middle one of three by its duration.
phases() {
	local kind=$1 i
	shift
	for i in 1 2 3; do
		"$build/bin/acrun" --root "$work/root" --trace "$work/trace-$kind.json" "$@" run --bundle "$work/true" "$kind$i"
	done
}

echo "$(nproc) CPUs, $(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo), Linux $(uname -r)," \
	"load $(cut -d' ' -f1 /proc/loadavg), guest $(cat "$build/share/acrun/kernel.release" 2>/dev/null || echo '?')," \
	"$(qemu-system-x86_64 --version | head -n 1)"
if [[ ${#sections[@]} -eq 0 ]]; then
	phases restored
	phases cold --config "$work/cold/configuration.toml"
	awk -f "$here/phases.awk" "$work/trace-cold.json" "$work/trace-restored.json" >"$build/bench/phases.svg"
	cp "$work/trace-cold.json" "$work/trace-restored.json" "$build/bench/"
fi
"$build/bench/acrun-bench" "${arguments[@]}" "${sections[@]}"
