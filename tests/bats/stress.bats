#!/usr/bin/env bats
# A sandbox under load, a little of what tests/stress/run.sh does in full; and one with nothing to do.
load helpers

setup() {
	common_setup
}
teardown() {
	common_teardown
}

@test "stress: clients, execs, output, containers in one pod: nothing swapped, nothing lost" {
	local build
	build=$(dirname "$ACRUN")/..
	make_bundle -- sleep 1000
	cp "$build/stress/stress-source" "$BUNDLE/rootfs/"
	run_container pod --detach >/dev/null
	run --separate-stderr "$build/stress/acrun-stress" "$ACRUN" "$ROOT" pod commands=100 execs=12 output=8 containers=12 3>&-
	assert_status 0
	assert_equal "${#lines[@]}" 4
}

# switches PID...: how often each process has been put to sleep or aside, and how long it ran.
switches() {
	local pid
	for pid in "$@"; do
		echo "$pid $(awk '/ctxt_switches/ { print $2 }' "/proc/$pid/status" | xargs) $(cut -d' ' -f14,15 "/proc/$pid/stat")"
	done
}

@test "stress: agent, proxy and shims do nothing while there is nothing to do" {
	local pids=() before
	# no PID namespace: process 1 is the agent
	make_bundle -- sleep 1000
	edit_config '.linux.namespaces |= map(select(.type != "pid"))'
	create_container c1
	acrun start c1
	# Both windows are open at the same time, and the result leaves after them.
	# shellcheck disable=SC2016
	acrun exec --detach --pid-file "$T/exec.pid" c1 sh -c '
		look() { grep ctxt_switches /proc/1/status; cut -d" " -f14,15 /proc/1/stat; }
		sleep 2; before=$(look); sleep 5; after=$(look)
		if [ "$before" = "$after" ]; then echo idle; else echo "$before" "->" "$after"; fi
		sleep 1000' </dev/null >"$T/exec.out" 2>&1
	pids+=("$(jq .proxy.pid "$ROOT/c1/state.json")" "$(container_pid c1)" "$(cat "$T/exec.pid")")
	wait_for 10 test -d "/proc/${pids[2]}"
	sleep 2
	before=$(switches "${pids[@]}")
	sleep 3
	assert_equal "$(switches "${pids[@]}")" "$before"
	wait_for 30 test -s "$T/exec.out"
	assert_equal "$(cat "$T/exec.out")" idle
}
