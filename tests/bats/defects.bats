#!/usr/bin/env bats
# What the original shim, proxy and agent got wrong and what only a whole sandbox shows. The numbers are those of
# docs/heritage.md, "Defects".

load helpers

setup() {
	common_setup
}

teardown() {
	common_teardown
}

@test "defect 15: what a container says is not in the guest's console" {
	make_bundle -- sh -c 'echo secret words; exec sleep 1000'
	create_container c1
	acrun start c1
	wait_for 30 grep -q "secret words" "$T/c1.out"
	run ! grep -q "secret words" "$ROOT/c1/console.log" "$ROOT/c1/proxy.log"
}

# counted WORD: the container has written it.
counted() {
	in_container c1 /count | grep -q "$1"
}

@test "defect 20: each signal once, QUIT too; output that nobody reads kills nothing" {
	local pid

	make_bundle -- sh -c 'trap "echo usr1 >>/count" USR1; trap "echo quit >>/count" QUIT; trap "exit 6" TERM
		echo ready >>/count; while :; do echo output; sleep 0.1; done'
	mkfifo "$T/fifo"
	# The only reader leaves after a line.
	head -n 1 "$T/fifo" >/dev/null 3>&- &
	acrun create --bundle "$BUNDLE" c1 </dev/null >"$T/fifo" 2>"$T/err"
	acrun start c1
	wait_for 30 counted ready
	pid=$(container_pid c1)
	kill -QUIT "$pid"
	wait_for 30 counted quit
	kill -USR1 "$pid"
	wait_for 30 counted usr1
	[ "$(container_status c1)" = running ]
	in_container c1 /count >"$T/count"
	kill -TERM "$pid"
	wait_status c1 stopped
	[ "$(grep -c usr1 "$T/count")" -eq 1 ]
	[ "$(grep -c quit "$T/count")" -eq 1 ]
}

@test "defect 27: no token on a command line or in an environment" {
	local pid found

	make_bundle -- sleep 1000
	create_container c1
	acrun start c1
	for pid in $(jq -r '.shim.pid, .proxy.pid, .vmm.pid' "$ROOT/c1/state.json"); do
		found=$(tr '\0' '\n' <"/proc/$pid/cmdline" | grep -Ec '^[A-Za-z0-9_-]{43}=$') || true
		[ "$found" -eq 0 ]
		found=$(tr '\0' '\n' <"/proc/$pid/environ" | grep -Ec '=[A-Za-z0-9_-]{43}=$') || true
		[ "$found" -eq 0 ]
	done
}
