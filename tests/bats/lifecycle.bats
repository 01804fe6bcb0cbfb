#!/usr/bin/env bats
# create, start, state, kill, delete, list: the contract of runc's command line.
load helpers

setup() { common_setup; }
teardown() { common_teardown; }

is_alive() { kill -0 "$1"; }

@test "lifecycle: created with the shim's pid, started, stopped, deleted; nothing is left" {
	make_bundle -- sh -c 'echo started; exit 5'
	create_container c1 --pid-file "$T/pid"
	run acrun state c1
	assert_status 0
	assert_equal "$(jq -r .status <<<"$output")" created
	assert_equal "$(jq -r .id <<<"$output")" c1
	assert_equal "$(jq -r .bundle <<<"$output")" "$BUNDLE"
	assert_equal "$(jq -r .rootfs <<<"$output")" "$BUNDLE/rootfs"
	assert_equal "$(jq -r .pid <<<"$output")" "$(cat "$T/pid")"
	assert_equal "$(basename "$(readlink "/proc/$(cat "$T/pid")/exe")")" acrun-shim
	[[ ! -s $T/c1.out ]]
	acrun start c1
	wait_status c1 stopped
	assert_equal "$(cat "$T/c1.out")" started
	assert_equal "$(container_pid c1)" 0
	acrun delete c1
	run acrun state c1
	assert_status 1
	assert_output_has "does not exist"
	assert_nothing_left
}

@test "lifecycle: a stopped container cannot be started, a running one not twice" {
	make_bundle -- sleep 300
	create_container c1
	acrun start c1
	run acrun start c1
	assert_status 1
	assert_output_has "cannot start an already running container"
	run acrun delete c1
	assert_status 1
	assert_output_has "cannot delete container c1 that is not stopped: running"
	acrun kill c1 KILL
	wait_status c1 stopped
	run acrun kill c1 0
	assert_status 1
	assert_output_has "container not running"
	acrun kill --all c1 0
	run acrun start c1
	assert_status 1
	assert_output_has "cannot start a container that has stopped"
	run acrun kill c1 TERM
	assert_status 1
	assert_output_has "container not running"
	acrun kill --all c1 9
	acrun delete c1
}

# exit_code_after SIGNAL: what `run` gives for a sleep killed that way.
exit_code_after() {
	local status=0
	acrun run --bundle "$BUNDLE" "c-$1" </dev/null >"$T/c.out" 2>&1 &
	local pid=$!
	wait_for 60 eval "[[ \$(container_status 'c-$1') == running ]]"
	acrun kill "c-$1" "$1"
	wait "$pid" || status=$?
	echo "$status"
}

@test "kill: TERM gives 143, KILL 137, a number works, a trap decides for itself" {
	make_bundle -- sleep 300
	assert_equal "$(exit_code_after TERM)" 143
	assert_equal "$(exit_code_after KILL)" 137
	assert_equal "$(exit_code_after 9)" 137
	assert_equal "$(exit_code_after SIGINT)" 130
}

@test "kill: a trapped signal runs the trap; signal names that do not exist are refused" {
	make_bundle -- sh -c 'trap "exit 21" TERM; echo ready; while :; do sleep 0.1; done'
	acrun run --bundle "$BUNDLE" c1 </dev/null >"$T/c1.out" 2>&1 &
	local pid=$! status=0
	wait_for 60 grep -q ready "$T/c1.out"
	run acrun kill c1 NOSUCH
	assert_status 1
	assert_output_has 'unknown signal "NOSUCH"'
	# 0 only asks
	acrun kill c1 0
	acrun kill c1
	wait "$pid" || status=$?
	assert_equal "$status" 21
}

@test "kill: a created container can be killed; its shim then ends with 137 and start says it has stopped" {
	make_bundle -- sleep 300
	create_container c1
	acrun kill c1 KILL
	wait_status c1 stopped
	run acrun start c1
	assert_status 1
	assert_output_has "cannot start a container that has stopped"
	acrun delete c1
}

@test "delete: a created container goes without force, a running one with it, an unknown one is fine with it" {
	make_bundle -- sleep 300
	create_container c1
	acrun delete c1
	assert_nothing_left
	create_container c2
	acrun start c2
	acrun delete --force c2
	assert_nothing_left
	acrun delete --force c2
	run acrun delete c2
	assert_status 1
	assert_output_has "does not exist"
}

@test "list: the table, the ids, JSON; null when there is none" {
	make_bundle -- sleep 300
	create_container c1
	run acrun list
	assert_status 0
	[[ ${lines[0]} =~ ^ID\ +PID\ +STATUS\ +BUNDLE\ +CREATED\ +OWNER$ ]]
	[[ ${lines[1]} =~ ^c1\ +[0-9]+\ +created\ +$BUNDLE\ +.*\ +root$ ]]
	run acrun list -q
	assert_equal "$output" c1
	run acrun list --format json
	assert_equal "$(jq -r '.[0].id + " " + .[0].status' <<<"$output")" "c1 created"
	acrun delete c1
	run acrun list --format json
	assert_equal "$output" null
	run acrun list
	assert_equal "${#lines[@]}" 1
}

@test "list: a root that does not exist is an error when it was asked for" {
	run "$ACRUN" --root "$T/nowhere" list
	assert_status 1
	assert_output_has "$T/nowhere"
}

@test "sandboxes: ten at once, each its own" {
	make_bundle -- sh -c 'cat /proc/sys/kernel/random/boot_id; sleep 300'
	local i pids=()
	for i in 0 1 2 3 4 5 6 7 8 9; do
		acrun run --detach --bundle "$BUNDLE" "c$i" </dev/null >"$T/c$i.out" 2>"$T/c$i.err" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	assert_equal "$(acrun list -q | wc -l)" 10
	for i in 0 1 2 3 4 5 6 7 8 9; do
		assert_equal "$(container_status "c$i")" running
		wait_for 30 test -s "$T/c$i.out"
	done
	assert_equal "$(cat "$T"/c?.out | sort -u | wc -l)" 10
	for i in 0 1 2 3 4 5 6 7 8 9; do
		acrun delete --force "c$i"
	done
	assert_nothing_left
}

@test "sandboxes: of several creates of one id at once exactly one wins" {
	make_bundle -- sleep 300
	local i won=0 pids=()
	for i in 1 2 3; do
		acrun create --bundle "$BUNDLE" same </dev/null >"$T/$i.out" 2>"$T/$i.err" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		if wait "$i"; then won=$((won + 1)); fi
	done
	assert_equal "$won" 1
	assert_equal "$(cat "$T"/[123].err | grep -c 'already exists')" 2
	acrun delete --force same
}
