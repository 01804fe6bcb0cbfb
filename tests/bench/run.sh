#!/bin/bash
# run.sh [BUILD-DIR] [ROUNDS] [SECTION...]: the figures of docs/performance.md, each as a ratio against a bare baseline
# that is measured in turns with it. Prints tables; JSON and a picture of a create's phases are kept in BUILD-DIR/bench.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
build=$(realpath "${1:-$top/build}")
rounds=${2:-7}
sections=("${@:3}")
[[ ${#sections[@]} -gt 0 ]] || sections=(phases cold template seccomp steps exec commands stdio memory parallel cached)

wanted() {
	[[ " ${sections[*]} " == *" $1 "* ]]
}

die() {
	echo "$0: $*" >&2
	exit 1
}

[[ $(id -u) -eq 0 ]] || die "needs root, as acrun does"
for program in acrun-bench empty-static empty-dynamic pump; do
	[[ -x $build/bench/$program ]] || die "'$build/bench/$program' is not built: cmake --build $build"
done

work=$(mktemp -d /tmp/acrun-bench.XXXXXX)
templates=/dev/shm/${work##*/}
cache=''
end() {
	if [[ -n $cache ]]; then
		kill "$cache" 2>/dev/null || true
		wait "$cache" 2>/dev/null || true
	fi
	rm -rf "$work" "$templates"
}
trap end EXIT
"$top/tests/fixtures/mkbundle.sh" "$work/true" -- true
cp "$build/bench/pump" "$work/true/rootfs/bin/"
mkdir "$work/sleep"
jq '.process.args = ["sleep", "1000"] | .root.path = $root' --arg root "$work/true/rootfs" \
	"$work/true/config.json" >"$work/sleep/config.json"
mkdir "$work/filtered"
jq --slurpfile filter "$top/tests/fixtures/seccomp-default.json" --arg root "$work/true/rootfs" \
	'.linux.seccomp = $filter[0] | .root.path = $root' "$work/true/config.json" >"$work/filtered/config.json"

# What differs from the configuration of the build. Templates of our own: others may make theirs meanwhile.
configure() {
	mkdir "$work/$1"
	printf '[factory]\ntemplate_path = "%s"\n' "$templates" >"$work/$1/configuration.toml"
	cat >>"$work/$1/configuration.toml"
}
configure warm </dev/null
configure cold <<<'enable_template = false'
# The machines that are counted: as small as people run many of them.
configure small <<<'[hypervisor.qemu]
default_memory = 128'

arguments=(
	--acrun "$build/bin/acrun" --bundle "$work/true" --sleeper "$work/sleep" --filtered "$work/filtered"
	--cold-config "$work/cold/configuration.toml"
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
# The first one makes the template, which is no figure of anything else.
"$build/bin/acrun" --root "$work/root" --config "$work/warm/configuration.toml" run --bundle "$work/true" first
if wanted phases; then
	phases restored --config "$work/warm/configuration.toml"
	phases cold --config "$work/cold/configuration.toml"
	awk -f "$here/phases.awk" "$work/trace-cold.json" "$work/trace-restored.json" >"$build/bench/phases.svg"
	cp "$work/trace-cold.json" "$work/trace-restored.json" "$build/bench/"
fi
measured=()
for section in "${sections[@]}"; do
	[[ $section == phases || $section == memory || $section == cached ]] || measured+=("$section")
done
warm=(--config "$work/warm/configuration.toml")
[[ ${#measured[@]} -eq 0 ]] || "$build/bench/acrun-bench" "${arguments[@]}" "${warm[@]}" "${measured[@]}"
if wanted memory; then
	"$build/bench/acrun-bench" "${arguments[@]}" --config "$work/small/configuration.toml" memory
fi
# The cache is there for its own section only: its machines share memory with all clones.
if wanted cached && [[ -x $build/libexec/acrun/acrun-cached ]]; then
	configure cached <<<"vm_cache_number = 2
vm_cache_endpoint = \"$work/cache.sock\""
	"$build/libexec/acrun/acrun-cached" --config "$work/cached/configuration.toml" 2>"$work/cached.log" &
	cache=$!
	"$build/bench/acrun-bench" "${arguments[@]}" "${warm[@]}" --cached-config "$work/cached/configuration.toml" cached
fi
