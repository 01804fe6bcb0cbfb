#!/usr/bin/env bats
# A proxy that is killed: another takes its place, and nobody loses a byte, a signal or an exit code.
load helpers

setup() {
	common_setup
	KILLER=
}
teardown() {
	[[ -z $KILLER ]] || kill "$KILLER" 2>/dev/null || true
	tmux -L "$(basename "$T")" kill-server 2>/dev/null || true
	common_teardown
}

# proxy_pid: of the proxy of c1 that was started last.
proxy_pid() {
	cut -d' ' -f1 "$ROOT/c1/proxy.pid" 2>/dev/null || jq .proxy.pid "$ROOT/c1/state.json"
}

kill_proxy() {
	kill -KILL "$(proxy_pid)"
}

# file_has FILE BYTES: it has grown to that.
file_has() {
	[[ $(stat -c %s "$1" 2>/dev/null || echo 0) -ge $2 ]]
}

@test "proxy: killed while idle: exec, kill, exit code and delete work" {
	make_bundle -- sh -c 'trap "exit 9" TERM; echo up; while :; do sleep 0.1; done'
	create_container c1
	acrun start c1
	wait_for 20 grep -q up "$T/c1.out"
	kill_proxy
	run --separate-stderr acrun exec c1 echo hello
	assert_status 0
	assert_equal "$output" hello
	kill_proxy
	acrun kill c1 TERM
	wait_status c1 stopped
	acrun delete c1
}

@test "proxy: killed five times during 64 MiB of output: every byte comes once, and the exit code" {
	local i sum
	make_bundle -- sh -c 'seq 1 200000 | head -c 1048576 >/f; for i in $(seq 64); do echo $i; cat /f; done; exit 5'
	mkfifo "$T/pipe"
	sha256sum <"$T/pipe" >"$T/sum" 3>&- &
	acrun create --bundle "$BUNDLE" c1 </dev/null 2>"$T/c1.err" > >(tee "$T/c1.out" >"$T/pipe") 3>&-
	acrun start c1
	for i in 1 2 3 4 5; do
		wait_for 60 file_has "$T/c1.out" $((i * 10000000))
		kill_proxy
	done
	wait_status c1 stopped 120
	wait_for 20 file_has "$T/c1.out" 67109047
	wait_for 20 test -s "$T/sum"
	seq 1 200000 | head -c 1048576 >"$T/f"
	sum=$(for i in $(seq 64); do echo "$i"; cat "$T/f"; done | sha256sum)
	assert_equal "$(cat "$T/sum")" "$sum"
	acrun delete c1
}

@test "proxy: killed three times during 16 MiB of input: the sum that the guest sees is right" {
	local i
	make_bundle -- sh -c 'sha256sum; exit 6'
	seq 1 2222222 | head -c 16777216 >"$T/in"
	acrun run --bundle "$BUNDLE" c1 < <(
		head -c 4000000 "$T/in"
		for i in 1 2 3; do
			touch "$T/at.$i"
			wait_for 20 test -e "$T/done.$i"
			tail -c +$((i * 4000000 + 1)) "$T/in" | head -c $((i < 3 ? 4000000 : 99999999))
		done
	) >"$T/c1.out" 2>"$T/c1.err" 3>&- &
	local run=$! code=0
	for i in 1 2 3; do
		wait_for 60 test -e "$T/at.$i"
		kill_proxy
		touch "$T/done.$i"
	done
	wait "$run" || code=$?
	assert_equal "$code" 6
	assert_equal "$(cat "$T/c1.out")" "$(sha256sum <"$T/in")"
}

@test "proxy: killed while a process of exec runs: its output and its exit code come" {
	local code=0 exec
	make_bundle -- sleep 300
	create_container c1
	acrun start c1
	acrun exec c1 sh -c 'echo one; read x; echo "two $x"; exit 43' < <(
		wait_for 20 grep -q one "$T/exec.out"
		kill_proxy
		echo go
	) >"$T/exec.out" 2>"$T/exec.err" 3>&- &
	exec=$!
	wait "$exec" || code=$?
	assert_equal "$code" 43
	assert_equal "$(cat "$T/exec.out")" "$(printf 'one\ntwo go')"
	acrun delete --force c1
}

@test "proxy: killed while a process ends: the exit code is reported all the same" {
	local code=0 i
	make_bundle -- sh -c 'echo up; read x; exit 17'
	for i in 1 2; do
		acrun run --bundle "$BUNDLE" c1 < <(
			wait_for 20 grep -q up "$T/c1.out"
			echo end
		) >"$T/c1.out" 2>"$T/c1.err" 3>&- &
		local run=$!
		wait_for 60 grep -q up "$T/c1.out"
		[[ $i -eq 1 ]] || sleep 0.2
		kill_proxy || true
		code=0
		wait "$run" || code=$?
		assert_equal "$code" 17
		rm -f "$T/c1.out"
	done
}

@test "proxy: a signal sent while there is none arrives, once" {
	make_bundle -- sh -c 'trap "echo usr1" USR1; trap "exit 7" TERM; echo up; while :; do sleep 0.1; done'
	create_container c1
	acrun start c1
	wait_for 20 grep -q up "$T/c1.out"
	kill_proxy
	kill -USR1 "$(container_pid c1)"
	wait_for 20 grep -q usr1 "$T/c1.out"
	kill -TERM "$(container_pid c1)"
	wait_status c1 stopped
	assert_equal "$(grep -c usr1 "$T/c1.out")" 1
	acrun delete c1
}

@test "proxy: a terminal session outlives it" {
	make_bundle --terminal -- sh
	tmux -L "$(basename "$T")" -f /dev/null new-session -d -s s -x 100 -y 30 bash --norc 3>&-
	tmux -L "$(basename "$T")" send-keys -t s \
		"PS1='host> '; $ACRUN --root $ROOT run --bundle $BUNDLE c1; echo code=\$?" Enter
	screen_has() { tmux -L "$(basename "$T")" capture-pane -p -t s | grep -qF -- "$1"; }
	wait_for 60 screen_has "/ #"
	kill_proxy
	tmux -L "$(basename "$T")" send-keys -t s 'echo in-$((40+2)); stty size' Enter
	wait_for 20 screen_has "in-42"
	wait_for 20 screen_has "30 100"
	kill_proxy
	tmux -L "$(basename "$T")" send-keys -t s 'exit 8' Enter
	wait_for 20 screen_has "code=8"
}

@test "proxy: killed together with the machine: the shim ends at once with 255" {
	local code=0 begun
	make_bundle -- sleep 300
	acrun run --bundle "$BUNDLE" c1 </dev/null >"$T/c1.out" 2>"$T/c1.err" 3>&- &
	local run=$!
	wait_status c1 running
	begun=$SECONDS
	kill -KILL "$(jq .vmm.pid "$ROOT/c1/state.json")" "$(jq .proxy.pid "$ROOT/c1/state.json")"
	wait "$run" || code=$?
	assert_equal "$code" 255
	[[ $((SECONDS - begun)) -le 5 ]]
	acrun delete --force c1
}

@test "proxy: a shim that died with it takes its process along" {
	make_bundle -- sleep 300
	create_container c1
	acrun start c1
	acrun exec --detach --pid-file "$T/pid" c1 sleep 299 </dev/null >/dev/null 2>&1
	kill -STOP "$(cat "$T/pid")"
	kill_proxy
	kill -KILL "$(cat "$T/pid")"
	run acrun exec c1 sh -c 'ps | grep -c "[s]leep 299"'
	assert_equal "${lines[0]}" 1
	wait_for 45 sh -c "! $ACRUN --root $ROOT exec c1 ps | grep -q '[s]leep 299'"
	acrun delete --force c1
}

# killer: kills whichever proxy there is, again and again.
killer() {
	while :; do
		kill_proxy 2>/dev/null || true
		sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
	done
}

@test "proxy: killed again and again while commands run: each is carried out once" {
	local round
	make_bundle -- sh -c 'n=0; trap "n=\$((n + 1)); echo \$n" USR1; while :; do sleep 0.01; done'
	create_container c1
	acrun start c1
	killer >/dev/null 2>&1 3>&- &
	KILLER=$!
	for round in $(seq 8); do
		run --separate-stderr acrun exec c1 sh -c "echo $round >>/log; echo out-$round; exit $round"
		assert_status "$round"
		assert_equal "$output" "out-$round"
		acrun kill c1 USR1
		wait_for 20 grep -qx "$round" "$T/c1.out"
		acrun pause c1
		acrun resume c1
		acrun ps c1 >/dev/null
	done
	kill "$KILLER"
	wait "$KILLER" || true
	run --separate-stderr acrun exec c1 cat /log
	assert_equal "$output" "$(seq 8)"
	acrun kill c1 KILL
	wait_status c1 stopped
	assert_equal "$(tail -n 1 "$T/c1.out")" 8
	acrun delete c1
}

@test "proxy: killed while a container is created and started" {
	local i
	for i in 1 2 3 4; do
		make_bundle -- sh -c 'echo up; exit 3'
		acrun create --bundle "$BUNDLE" "c$i" </dev/null >"$T/c$i.out" 2>"$T/c$i.err" 3>&-
		kill -KILL "$(jq .proxy.pid "$ROOT/c$i/state.json")"
		acrun start "c$i"
		wait_status "c$i" stopped
		wait_for 10 grep -qx up "$T/c$i.out"
		acrun delete "c$i"
	done
}
