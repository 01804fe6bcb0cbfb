#!/usr/bin/env bats
# Crash-only: whatever of ours is killed, the state tells the truth and delete --force cleans up.
load helpers

setup() { common_setup; }
teardown() { common_teardown; }

# field NAME: a process of container c1 by its name in state.json.
field() {
	jq -r ".$1.pid" "$ROOT/c1/state.json"
}

@test "crash: the VM dies: the shim ends with 255, the state is stopped, delete works" {
	make_bundle -- sleep 300
	local status=0
	acrun run --keep --bundle "$BUNDLE" c1 </dev/null >"$T/c1.out" 2>&1 &
	local pid=$!
	wait_for 60 eval '[[ $(container_status c1) == running ]]'
	kill -KILL "$(field vmm)"
	wait "$pid" || status=$?
	assert_equal "$status" 255
	assert_equal "$(container_status c1)" stopped
	acrun delete c1
	assert_nothing_left
}

@test "crash: the shim is killed: its process in the guest goes with it, the container is stopped" {
	shared_rootfs
	make_bundle -- sh -c 'while :; do date >/beat; sleep 0.2; done'
	create_container c1
	acrun start c1
	wait_for 30 test -s "$BUNDLE/rootfs/beat"
	kill -KILL "$(field shim)"
	wait_status c1 stopped 10
	sleep 1
	local before
	before=$(stat -c %Y.%y "$BUNDLE/rootfs/beat")
	sleep 1.5
	assert_equal "$(stat -c %Y.%y "$BUNDLE/rootfs/beat")" "$before"
	acrun delete c1
	assert_nothing_left
}

@test "crash: the proxy is killed: delete --force still leaves nothing" {
	make_bundle -- sleep 300
	create_container c1
	acrun start c1
	kill -KILL "$(field proxy)"
	acrun delete --force c1
	assert_nothing_left
}

@test "crash: a create killed at any moment leaves nothing that delete --force does not remove" {
	make_bundle -- sleep 300
	local delay
	for delay in 0.01 0.03 0.06 0.1 0.2 0.5 1 2; do
		acrun create --bundle "$BUNDLE" c1 </dev/null >"$T/c1.out" 2>&1 &
		local pid=$!
		sleep "$delay"
		pkill -KILL -f "^$ACRUN --root $ROOT .*create" || true
		wait "$pid" || true
		if [[ -e $ROOT/c1 ]]; then
			run acrun state c1
			[[ $status -ne 0 || $(jq -r .status <<<"$output") =~ ^(stopped|created)$ ]]
		fi
		acrun delete --force c1
		assert_nothing_left
	done
}

@test "crash: a damaged state.json is named, and delete --force removes it" {
	make_bundle -- true
	create_container c1
	local pids
	pids="$(field vmm) $(field proxy) $(field shim)"
	cp "$ROOT/c1/state.json" "$T/saved"
	head -c 40 "$T/saved" >"$ROOT/c1/state.json"
	run acrun state c1
	assert_status 1
	assert_output_has "state.json"
	run acrun list
	assert_status 0
	cp "$T/saved" "$ROOT/c1/state.json"
	acrun delete --force c1
	local pid
	for pid in $pids; do
		wait_for 5 eval "! kill -0 $pid"
	done
}

@test "crash: a create interrupted by SIGTERM undoes what it has made" {
	make_bundle -- sleep 300
	local status=0
	# a guest that never gets ready, so that there is something to interrupt
	printf '[factory]\nenable_template = false\n[hypervisor.%s]\nkernel_params = "rdinit=/nowhere init=/nowhere panic=0"\n' "$HV" >"$T/acrun.toml"
	acrun --config "$T/acrun.toml" create --bundle "$BUNDLE" c1 </dev/null >"$T/c1.out" 2>&1 &
	local pid=$!
	wait_for 20 eval '[[ $(jq -r .vmm.pid "$ROOT/c1/state.json") -gt 0 ]]'
	sleep 0.3
	pkill -TERM -f "^$ACRUN --root $ROOT .*create"
	wait "$pid" || status=$?
	assert_equal "$status" 1
	grep -q "interrupted by a signal" "$T/c1.out"
	assert_nothing_left
}

@test "crash: delete --force does not wait for a create that hangs" {
	make_bundle -- true
	printf '#!/bin/sh\nexec sleep 300\n' >"$T/hang"
	chmod 755 "$T/hang"
	edit_config '.hooks.prestart = [{path: $path}]' --arg path "$T/hang"
	acrun create --bundle "$BUNDLE" c1 </dev/null >"$T/c1.out" 2>&1 &
	local pid=$!
	wait_for 60 eval 'pgrep -f "^sleep 300" >/dev/null && [[ -n $(jq -r ".shim.pid | select(. > 0)" "$ROOT/c1/state.json") ]]'
	sleep 0.5
	local begun=$SECONDS
	acrun delete --force c1
	[[ $((SECONDS - begun)) -lt 10 ]]
	wait "$pid" || true
	pkill -KILL -f "^sleep 300" || true
	assert_nothing_left
}

@test "crash: a state that cannot be read any more: delete --force finds the processes all the same" {
	make_bundle -- sleep 300
	create_container c1
	head -c 40 "$ROOT/c1/state.json" >"$T/cut"
	cp "$T/cut" "$ROOT/c1/state.json"
	acrun delete --force c1
	assert_nothing_left
}
