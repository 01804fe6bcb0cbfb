#!/usr/bin/env bats
# acrun run: the exit code, the three streams, the terminal, signals in the foreground.
load helpers

setup() { common_setup; }
teardown() { common_teardown; }

@test "run: the process' exit code is ours, its output on the right streams" {
	make_bundle -- sh -c 'echo to-out; echo to-err >&2; exit 42'
	run --separate-stderr run_container c1
	assert_status 42
	assert_equal "$output" to-out
	assert_equal "$stderr" to-err
}

@test "run: it is another kernel than the host's, with the agent's own process 1 out of sight" {
	make_bundle -- sh -c 'uname -r; echo $$; ls /proc | grep -c "^[0-9]"'
	run run_container c1
	assert_status 0
	[[ ${lines[0]} != "$(uname -r)" ]]
	assert_equal "${lines[1]}" 1
	[[ ${lines[2]} -le 4 ]]
}

@test "run: env, cwd, hostname, user, groups and umask are those of config.json" {
	make_bundle -- sh -c 'echo $GREETING; pwd; hostname; id -u; id -g; id -G; umask'
	edit_config '.process.env += ["GREETING=hello there"] | .process.cwd = "/home" | .hostname = "guest-name"
		| .process.user = {uid: 1000, gid: 1000, additionalGids: [5, 2000], umask: 63}'
	run run_container c1
	assert_status 0
	assert_equal "${lines[0]}" "hello there"
	assert_equal "${lines[1]}" /home
	assert_equal "${lines[2]}" guest-name
	assert_equal "${lines[3]}" 1000
	assert_equal "${lines[4]}" 1000
	assert_equal "${lines[5]}" "1000 5 2000"
	assert_equal "${lines[6]}" 0077
}

@test "run: a process killed by a signal gives 128 + its number" {
	make_bundle -- sh -c 'sh -c "kill -SEGV \$\$"; exit $?'
	run run_container c1
	assert_status 139
}

@test "run: 64 MiB through cat come back byte for byte" {
	make_bundle -- cat
	head -c 67108864 /dev/urandom >"$T/in"
	acrun run --bundle "$BUNDLE" c1 <"$T/in" >"$T/out"
	cmp "$T/in" "$T/out"
}

@test "run: 8 MiB on stdout and stderr at once with the exit right behind lose nothing" {
	make_bundle -- sh -c 'head -c 8388608 /dev/zero >&2 & head -c 8388608 /dev/zero; wait; exit 7'
	local status=0
	acrun run --bundle "$BUNDLE" c1 </dev/null >"$T/out" 2>"$T/errors" || status=$?
	assert_equal "$status" 7
	assert_equal "$(stat -c %s "$T/out")" 8388608
	assert_equal "$(stat -c %s "$T/errors")" 8388608
}

@test "run: stdin's end reaches the process, an empty stdin at once" {
	make_bundle -- sh -c 'cat; echo end'
	run bash -c 'printf "one\ntwo\n" | "$1" --root "$2" run --bundle "$3" c1 3>&-' _ "$ACRUN" "$ROOT" "$BUNDLE"
	assert_status 0
	assert_equal "$output" $'one\ntwo\nend'
	run run_container c2
	assert_status 0
	assert_equal "$output" end
}

@test "run: a process that never reads its stdin ends as it likes" {
	make_bundle -- sh -c 'exit 3'
	local status=0
	head -c 4194304 /dev/zero | acrun run --bundle "$BUNDLE" c1 || status=$?
	assert_equal "$status" 3
}

@test "run: a background process that keeps stdout does not hold up the end" {
	make_bundle -- sh -c 'sleep 300 & exit 4'
	local begun=$SECONDS
	run run_container c1
	assert_status 4
	[[ $((SECONDS - begun)) -lt 60 ]]
}

@test "run: a signal to acrun reaches the process" {
	make_bundle -- sh -c 'trap "echo got-usr1; exit 9" USR1; echo ready; while :; do sleep 0.1; done'
	acrun run --bundle "$BUNDLE" c1 </dev/null >"$T/c1.out" 2>&1 &
	local pid=$! status=0
	wait_for 60 grep -q ready "$T/c1.out"
	# the shell function runs acrun as a child of a subshell
	pkill -USR1 -f "run --bundle $BUNDLE c1"
	wait "$pid" || status=$?
	grep -q got-usr1 "$T/c1.out"
	assert_equal "$status" 9
}

@test "run --detach: returns at once, the container runs on, its pid is in the pid file" {
	make_bundle -- sleep 300
	acrun run --detach --pid-file "$T/pid" --bundle "$BUNDLE" c1 </dev/null >"$T/c1.out" 2>&1
	assert_equal "$(container_status c1)" running
	assert_equal "$(cat "$T/pid")" "$(container_pid c1)"
	[[ $(tail -c 1 "$T/pid") != $'\n' ]]
	acrun delete --force c1
}

@test "run --keep: the state stays until delete" {
	make_bundle -- true
	run run_container c1 --keep
	assert_status 0
	assert_equal "$(container_status c1)" stopped
	acrun delete c1
}

@test "run: a Debian root file system by its dynamic linker" {
	make_bundle --debian -- bash -c 'set -e; . /etc/os-release; echo $ID; dpkg -l | grep -c ^ii >/dev/null; ldd /bin/ls >/dev/null; exit 42'
	run run_container c1
	assert_status 42
	assert_equal "$output" debian
}

@test "run: what the container writes is in the bundle's rootfs, with its owner and mode" {
	make_bundle -- sh -c 'echo data >/home/file; chown 1000:2000 /home/file; chmod 4755 /home/file; mkdir /home/dir; ln -s file /home/link'
	run run_container c1
	assert_status 0
	assert_equal "$(cat "$BUNDLE/rootfs/home/file")" data
	assert_equal "$(stat -c '%u:%g %a' "$BUNDLE/rootfs/home/file")" "1000:2000 4755"
	assert_equal "$(readlink "$BUNDLE/rootfs/home/link")" file
}
