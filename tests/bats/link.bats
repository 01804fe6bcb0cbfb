#!/usr/bin/env bats
# Channels that lose bytes: of all pieces that pass, one in a hundred is dropped, one doubled, one cut, both ways
# (tests/standins/lossy_relay.c; on ACRN's stand-in it drops some by itself). Nobody notices.
load helpers

setup() {
	common_setup
	prefix=$(cd "$(dirname "$ACRUN")/.." && pwd)
	[[ -x $prefix/tests/lossy_relay ]]
	printf '#!/bin/sh\nexec "%s" 10 %s "%s" "$@"\n' "$prefix/tests/lossy_relay" "$BATS_TEST_NUMBER" \
		"$(command -v qemu-system-x86_64)" >"$T/qemu"
	chmod +x "$T/qemu"
	printf '[hypervisor.qemu]\npath = "%s"\naccelerator = "tcg"\n[proxy.cc]\nacknowledged_link = true\n' "$T/qemu" \
		>"$T/acrun.toml"
}

teardown() { common_teardown; }

lossy() {
	acrun --config "$T/acrun.toml" "$@"
}

# proxy_pid: of the proxy of c1 that was started last.
proxy_pid() {
	cut -d' ' -f1 "$ROOT/c1/proxy.pid" 2>/dev/null || jq .proxy.pid "$ROOT/c1/state.json"
}

# file_has FILE BYTES: it has grown to that.
file_has() {
	[[ $(stat -c %s "$1" 2>/dev/null || echo 0) -ge $2 ]]
}

# numbers BYTES: that many, no two pieces of which are alike.
numbers() {
	seq 1 400000 | head -c "$1"
}

@test "link: 1 MiB in, 2 MiB out and the exit code arrive as they were sent" {
	make_bundle -- sh -c 'sha256sum; seq 1 400000 | head -c 2097152; exit 7'
	numbers 1048576 >"$T/in"
	run -7 --separate-stderr lossy run --bundle "$BUNDLE" c1 <"$T/in"
	printf '%s\n' "$output" >"$T/out"
	assert_equal "$(head -n 1 "$T/out")" "$(sha256sum <"$T/in")"
	assert_equal "$(tail -n +2 "$T/out" | head -c 2097152 | sha256sum)" "$(numbers 2097152 | sha256sum)"
}

@test "link: exec and delete work; the proxy is killed while 2 MiB come, and no byte is lost" {
	local sum
	make_bundle -- sh -c 'seq 1 400000 | head -c 1048576; read line; seq 1 400000 | head -c 1048576; exit 5'
	mkfifo "$T/in"
	sleep 1000 >"$T/in" 3>&- &
	feeder=$!
	lossy create --bundle "$BUNDLE" c1 <"$T/in" >"$T/c1.out" 2>"$T/c1.err"
	[[ $(jq -c 'select(.op == "vm").link' "$ROOT/c1/proxy.sessions") == true ]]
	acrun start c1
	wait_for 120 file_has "$T/c1.out" 200000
	kill -KILL "$(proxy_pid)"
	run --separate-stderr acrun exec c1 sh -c 'echo hello; exit 3'
	assert_status 3
	assert_equal "$output" hello
	wait_for 120 file_has "$T/c1.out" 1048576
	kill -KILL "$(proxy_pid)"
	echo go >"$T/in"
	wait_status c1 stopped 120
	kill "$feeder"
	wait_for 20 file_has "$T/c1.out" 2097152
	sum=$( (numbers 1048576; numbers 1048576) | sha256sum)
	assert_equal "$(sha256sum <"$T/c1.out")" "$sum"
	acrun delete c1
}

@test "link: on ACRN, whose consoles lose what somebody is too slow for: a proxy is killed, and no byte is lost" {
	use_acrn
	printf '%s\n' 'loss = 15' 'loss_seed = 3' >>"$T/acrn-dm.conf"
	make_bundle -- sh -c 'sha256sum; seq 1 400000 | head -c 1048576'
	numbers 262144 >"$T/in"
	acrun create --bundle "$BUNDLE" c1 <"$T/in" >"$T/c1.out" 2>"$T/c1.err"
	acrun start c1
	wait_for 120 file_has "$T/c1.out" 100000
	kill -KILL "$(proxy_pid)"
	wait_status c1 stopped 120
	wait_for 20 file_has "$T/c1.out" 1048643
	assert_equal "$(head -n 1 "$T/c1.out")" "$(sha256sum <"$T/in")"
	assert_equal "$(tail -n +2 "$T/c1.out" | sha256sum)" "$(numbers 1048576 | sha256sum)"
	acrun delete c1
}
