# shellcheck shell=bash
# For the .bats files: `load helpers`, then setup() { common_setup; } and teardown() { common_teardown; }.
#
# T       the test's own directory, short enough for socket paths; it goes away with the test
# ROOT    T/root: acrun's state of this test
# BUNDLE  the bundle made last by make_bundle
bats_require_minimum_version 1.5.0

FIXTURES=$(cd "$(dirname "${BASH_SOURCE[0]}")/../fixtures" && pwd)
: "${ACRUN:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/bin/acrun}"

common_setup() {
	T=$(mktemp -d /tmp/at.XXXXXX)
	ROOT=$T/root
	BUNDLE=$T/bundle
	LOG=$T/log
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
