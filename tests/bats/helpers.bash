# shellcheck shell=bash
# For the .bats files: `load helpers`, then setup() { common_setup; } and teardown() { common_teardown; }.
#
# T       the test's own directory, short enough for socket paths; it goes away with the test
# ROOT    T/root: acrun's state of this test
# BUNDLE  the bundle made last by make_bundle
# HV      the hypervisor that machines run on, by its table in the configuration: qemu, or acrn with ACRUN_TEST_HYPERVISOR=acrn:
#         the stand-in for ACRN's device model, of release ACRUN_TEST_RELEASE (tests/acrn-suite.sh)
bats_require_minimum_version 1.5.0

FIXTURES=$(cd "$(dirname "${BASH_SOURCE[0]}")/../fixtures" && pwd)
HV=${ACRUN_TEST_HYPERVISOR:-qemu}
: "${ACRUN:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/bin/acrun}"

common_setup() {
	T=$(mktemp -d /tmp/at.XXXXXX)
	ROOT=$T/root
	BUNDLE=$T/bundle
	LOG=$T/log
	[[ $HV != acrn ]] || use_acrn
}

# use_acrn: machines of this test are those of the stand-in, which T/acrn-dm.conf may tell more. Whatever configuration a test names,
# in T, gets the drop-in.
use_acrn() {
	local build
	build=$(cd "$(dirname "$ACRUN")/.." && pwd)
	ln -sf "$build/tests/acrn/acrn-dm" "$build/tests/acrn/acrnctl" "$T/"
	printf '%s\n' "profile = ${ACRUN_TEST_RELEASE:-3.4}" "faults = $T/faults" "kernel = $build/share/acrun/vmlinux" "uuids = any" \
		"append = noreplace-smp init_on_alloc=0" \
		>"$T/acrn-dm.conf"
	mkdir -p "$T/config.d"
	cat >"$T/config.d/00-acrn.toml" <<-END
		[runtime]
		hypervisor = "acrn"
		create_container_timeout = 180 # each boots anew, ten at once in some tests
		[hypervisor.acrn]
		path = "$T/acrn-dm"
		device = "/dev/null"
		vm_uuids = "$(printf '00000000-0000-4000-8000-%012d ' {1..60})"
		[storage]
		image_cache = "$T/cache"
	END
	: >"$T/default.toml"
	export ACRUN_CONF_FILE=$T/default.toml
}

# The device model did what it was asked for: nothing was cut, ignored or misread in silence. That an image is read-only is no
# news to the agent, and that consoles lose bytes is what the acknowledged link is for.
no_faults() {
	! grep -vE "is read-only, which the guest does not see|data is lost" "$T/faults" 2>/dev/null
}

# Deletes what the test left running; fails the test if anything outlives that.
common_teardown() {
	local status=0 id
	[[ -n ${T:-} && -d $T ]] || return 0
	if [[ -z ${BATS_TEST_COMPLETED:-} ]]; then
		show_traces
	fi
	if [[ -d $ROOT ]]; then
		for id in $(acrun list -q 2>/dev/null); do
			acrun delete --force "$id" >/dev/null 2>&1 </dev/null || true
		done
	fi
	assert_nothing_left || status=1
	if ! no_faults >&2; then
		echo "faults that the device model has let pass" >&2
		status=1
	fi
	kill_leftovers
	rm -rf --one-file-system "$T"
	return "$status"
}

# acrun ARGS...: the program under test with this test's state. Descriptor 3 is bats' own: a helper that kept it
# would make bats wait for ever.
acrun() {
	"$ACRUN" --root "$ROOT" ${ACRUN_TEST_DEBUG:+--debug --log "$LOG"} "$@" 3>&-
}

# make_bundle [--debian] [--terminal] [-- ARGS...]: a fresh bundle in $BUNDLE.
make_bundle() {
	"$FIXTURES/mkbundle.sh" "$BUNDLE" "$@"
}

# edit_config FILTER [JQ OPTIONS...]: changes $BUNDLE/config.json; --args or --arg may follow the filter.
edit_config() {
	local filter=$1
	shift
	jq "$filter" "$BUNDLE/config.json" "$@" >"$BUNDLE/config.json.new"
	mv "$BUNDLE/config.json.new" "$BUNDLE/config.json"
}

# set_args ARGS...: what the container runs.
set_args() {
	edit_config '.process.args = $ARGS.positional' --args -- "$@"
}

# create_container ID [OPTIONS...]: the container's output goes to T/ID.out and T/ID.err, for the shim keeps what it gets
# and `run` would wait for it. What acrun says on failure is printed.
create_container() {
	local id=$1 status=0
	shift
	acrun create --bundle "$BUNDLE" "$@" "$id" </dev/null >"$T/$id.out" 2>"$T/$id.err" || status=$?
	[[ $status -eq 0 ]] || cat "$T/$id.out" "$T/$id.err"
	return "$status"
}

# run_container ID [OPTIONS...]: acrun run with the bundle, stdin empty.
run_container() {
	local id=$1
	shift
	acrun run --bundle "$BUNDLE" "$@" "$id" </dev/null
}

# container_status ID, container_pid ID
container_status() {
	acrun state "$1" | jq -r .status
}

container_pid() {
	acrun state "$1" | jq -r .pid
}

# in_container ID FILE: the file as the container has it. Machines without a shared directory keep what it writes to themselves, so
# the container must run.
in_container() {
	if [[ $HV == acrn ]]; then
		acrun exec "$1" cat "$2" </dev/null
	else
		cat "$BUNDLE/rootfs$2"
	fi
}

# only_on HYPERVISOR: for tests of what no other one has.
only_on() {
	[[ $HV == "$1" ]] || {
		echo "this is about $1" >&2
		return 1
	}
}

# shared_rootfs: for tests that look at a container's files from the host, which not all machines let be seen.
shared_rootfs() {
	[[ $HV != acrn ]] || {
		echo "the files of containers are in their machine alone" >&2
		return 1
	}
}

# has_file ID FILE: it is there, and not empty.
has_file() {
	[[ -n $(in_container "$1" "$2") ]]
}

# wait_status ID STATUS [SECONDS]
wait_status() {
	local id=$1 want=$2 deadline=$((SECONDS + ${3:-30})) got=
	while [[ $SECONDS -lt $deadline ]]; do
		got=$(container_status "$id" 2>/dev/null) || got=unknown
		[[ $got != "$want" ]] || return 0
		sleep 0.1
	done
	echo "'$id' is $got, not $want, after ${3:-30} s" >&2
	return 1
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
	local deadline=$((SECONDS + $1))
	shift
	while ! "$@" >/dev/null 2>&1; do
		if [[ $SECONDS -ge $deadline ]]; then
			echo "still failing: $*" >&2
			return 1
		fi
		sleep 0.1
	done
}

# leftover_pids: processes with this test's directory on their command line.
leftover_pids() {
	local file
	for file in /proc/[0-9]*/cmdline; do
		if tr '\0' ' ' 2>/dev/null <"$file" | grep -qF "$T/"; then
			file=${file#/proc/}
			echo "${file%/cmdline}"
		fi
	done
}

no_leftover_pids() {
	[[ -z $(leftover_pids) ]]
}

kill_leftovers() {
	local pid mount
	for pid in $(leftover_pids); do
		kill -KILL "$pid" 2>/dev/null || true
	done
	for mount in $(mounts_below "$T" | sort -r); do
		umount -l "$mount" 2>/dev/null || true
	done
}

mounts_below() {
	awk -v dir="$1/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo
}

# What may stay in ROOT without belonging to a container, as shell patterns.
KEPT_IN_ROOT=('.*' 'template*' 'factory*')

state_left() {
	local path pattern
	for path in "$ROOT"/*; do
		[[ -e $path ]] || continue
		for pattern in "${KEPT_IN_ROOT[@]}"; do
			# shellcheck disable=SC2053
			[[ ${path##*/} != $pattern ]] || continue 2
		done
		echo "$path"
	done
}

# No process, mount or state of this test is there any more. Processes get 5 s to end.
assert_nothing_left() {
	local status=0 pid
	if ! wait_for 5 no_leftover_pids 2>/dev/null; then
		echo "processes left:" >&2
		for pid in $(leftover_pids); do
			echo "  $pid $(tr '\0' ' ' <"/proc/$pid/cmdline")" >&2
		done
		status=1
	fi
	if [[ -n $(mounts_below "$T") ]]; then
		echo "mounts left: $(mounts_below "$T" | tr '\n' ' ')" >&2
		status=1
	fi
	if [[ -n $(state_left) ]]; then
		echo "state left: $(state_left | tr '\n' ' ')" >&2
		status=1
	fi
	return "$status"
}

# What a failed test has to tell.
show_traces() {
	local file
	for file in "$LOG" "$T"/*.out "$T"/*.err; do
		[[ -s $file ]] || continue
		echo "--- $file"
		tail -n 40 "$file"
	done >&2
	if [[ -d $ROOT ]]; then
		find "$ROOT" -name 'console*' -type f -size +0 -exec sh -c 'echo "--- $1"; tail -n 20 "$1"' _ {} \; >&2
	fi
}

# Assertions that say what they saw.
assert_equal() {
	[[ $1 == "$2" ]] || {
		echo "got '$1', not '$2'" >&2
		return 1
	}
}

assert_status() {
	[[ $status -eq $1 ]] || {
		echo "exit status $status, not $1; output:" >&2
		echo "${output:-}" >&2
		echo "${stderr:-}" >&2
		return 1
	}
}

assert_output_has() {
	[[ ${output:-}${stderr:-} == *"$1"* ]] || {
		echo "no '$1' in: ${output:-} ${stderr:-}" >&2
		return 1
	}
}
