#!/bin/bash
# From a fresh clone to a container in its own virtual machine: installs what is missing, builds, runs busybox.
# Root is needed (packages, network devices, mounts). The first run takes minutes, the next ones seconds.
set -euo pipefail
cd "$(dirname "$0")"

say() { printf '\n== %s\n' "$*"; }

if [[ $(id -u) -ne 0 ]]; then
	echo "demo.sh needs root, for packages, network devices and mounts. Run: sudo ./demo.sh" >&2
	exit 1
fi

say "packages"
scripts/install-deps.sh build run demo

say "build"
# A build directory that is there is used as it is configured.
if [[ ! -f build/CMakeCache.txt ]]; then
	cmake --preset release -B build >/dev/null
fi
cmake --build build

acrun=$PWD/build/bin/acrun
work=$(mktemp -d /tmp/acrun-demo.XXXXXX)
id=demo
clean() {
	"$acrun" delete --force "$id" >/dev/null 2>&1 || true
	rm -rf --one-file-system "$work"
}
trap clean EXIT
"$acrun" delete --force "$id" >/dev/null 2>&1 || true

say "a bundle: busybox and a config.json"
tests/fixtures/mkbundle.sh "$work/bundle" -- sh -c \
	'echo "hello from $(hostname), I am process $$"; echo "GUEST $(uname -r)"; echo "memory: $(grep MemTotal /proc/meminfo)"'
echo "$work/bundle"

say "acrun run --bundle $work/bundle $id"
started=$(date +%s%N)
"$acrun" run --bundle "$work/bundle" "$id" </dev/null | tee "$work/output"
ended=$(date +%s%N)

guest=$(sed -n 's/^GUEST //p' "$work/output" | tr -d '\r')
say "result"
printf 'kernel of this host:      %s\n' "$(uname -r)"
printf 'kernel of the container:  %s\n' "$guest"
printf 'from command to exit:     %d ms\n' $(((ended - started) / 1000000))
[[ -n $guest ]] || {
	echo "the container did not report its kernel" >&2
	exit 1
}
