#!/usr/bin/env bats
# acrun exec: further processes in a container, as clients and people start them.
load helpers

setup() { common_setup; }
teardown() {
	tmux -L "$(basename "$T")" kill-server 2>/dev/null || true
	common_teardown
}

# started_container [ARGS...]: c1, running; by default it only waits.
started_container() {
	[[ $# -gt 0 ]] || set -- sleep 1000
	make_bundle -- "$@"
	create_container c1
	acrun start c1
}

# write_process FILTER [JQ OPTIONS...]: the bundle's process, changed, as $T/process.json.
write_process() {
	local filter=$1
	shift
	jq ".process | .terminal = false | $filter" "$BUNDLE/config.json" "$@" >"$T/process.json"
}

# shims_of_c1: how many processes stand for one of c1.
shims_of_c1() {
	pgrep -c -f "acrun-shim -c c1 .*$ROOT" || true
}

# assert_exit PID CODE: a child of this shell ends with that code.
assert_exit() {
	local code=0
	wait "$1" || code=$?
	assert_equal "$code" "$2"
}

@test "exec: output on the right streams, the exit code is ours" {
	started_container
	run --separate-stderr acrun exec c1 sh -c 'echo to-out; echo to-err >&2; exit 42'
	assert_status 42
	assert_equal "$output" to-out
	assert_equal "$stderr" to-err
	run acrun exec c1 true
	assert_status 0
	run acrun exec c1 sh -c 'kill -SEGV $$'
	assert_status 139
}

@test "exec: stdin arrives whole and ends, options behind the id are the program's" {
	started_container
	head -c 4194304 /dev/urandom >"$T/in"
	acrun exec c1 cat <"$T/in" >"$T/out"
	cmp "$T/in" "$T/out"
	run acrun exec c1 sh -c 'cat; echo end' </dev/null
	assert_equal "$output" end
	run acrun exec c1 ls -d -- /proc
	assert_status 0
	assert_equal "$output" /proc
}

@test "exec: it is in the container: its processes, its files" {
	started_container
	run acrun exec c1 sh -c 'cat /proc/1/cmdline | tr "\0" " "; echo; echo written >/home/file'
	assert_equal "$output" "sleep 1000 "
	assert_equal "$(in_container c1 /home/file)" written
}

@test "exec: env, cwd, user, groups and capabilities by options" {
	started_container
	run acrun exec --env A=one -e "B=two words" --cwd /home --user 1000:1001 -g 5 -g 2000 c1 \
		sh -c 'echo "$A,$B"; pwd; id -u; id -g; id -G'
	assert_status 0
	assert_equal "${lines[0]}" "one,two words"
	assert_equal "${lines[1]}" /home
	assert_equal "${lines[2]}" 1000
	assert_equal "${lines[3]}" 1001
	assert_equal "${lines[4]}" "1001 5 2000"
	local before
	before=$((0x$(acrun exec c1 awk '/^CapEff/ { print $2 }' /proc/self/status)))
	run acrun exec --cap CAP_SYS_TIME --no-new-privs c1 sh -c 'grep -E "^(CapEff|NoNewPrivs)" /proc/self/status | cut -f 2'
	assert_status 0
	assert_equal "$((0x${lines[0]}))" "$((before | 1 << 25))"
	assert_equal "$((before >> 25 & 1))" 0
	assert_equal "${lines[1]}" 1
}

@test "exec --process: all of it comes from the file" {
	started_container
	write_process '.args = ["sh", "-c", "echo $ONLY; pwd; id -u; exit 9"] | .env = ["ONLY=this", "PATH=/bin"] | .cwd = "/tmp" | .user = {uid: 1, gid: 1}'
	run acrun exec --process "$T/process.json" c1
	assert_status 9
	assert_equal "$output" $'this\n/tmp\n1'
	echo '{"args": []}' >"$T/process.json"
	run acrun exec --process "$T/process.json" c1
	assert_status 255
	assert_output_has "exec failed: "
}

@test "exec: what cannot be run gives 255 and says why" {
	started_container
	run acrun exec c1 no-such-program
	assert_status 255
	assert_output_has 'exec failed: unable to start container process: exec: "no-such-program": executable file not found in $PATH'
	run acrun exec c1 /etc/passwd
	assert_status 255
	assert_output_has "permission denied"
	run acrun exec c1
	assert_status 255
	assert_output_has "exec failed: process args cannot be empty"
	run acrun exec --user nobody c1 true
	assert_status 255
	assert_output_has "parsing nobody as int for uid failed"
	run acrun exec --preserve-fds 1 c1 true
	assert_status 255
	assert_output_has "descriptors of the host do not reach into a virtual machine"
	run acrun exec --tty --detach c1 true
	assert_status 255
	assert_output_has "cannot allocate tty if acrun will detach without setting console socket"
	run acrun exec unknown true
	assert_status 255
	assert_output_has "container does not exist"
	# none of these leaves a process
	wait_for 10 eval '[[ $(shims_of_c1) -eq 1 ]]'
}

@test "exec: a created container can be entered, a stopped one cannot" {
	make_bundle -- sleep 0.1
	create_container c1
	run acrun exec c1 echo early
	assert_status 0
	assert_equal "$output" early
	acrun start c1
	wait_status c1 stopped
	run acrun exec c1 true
	assert_status 255
	assert_output_has "cannot exec in a stopped container"
}

@test "exec --detach: returns at once, the pid is a process that ends with the exit code" {
	started_container
	write_process '.args = ["sh", "-c", "echo detached; while [ ! -e /go ]; do sleep 0.1; done; exit 5"]'
	# bash is no subreaper: run as its child's child, the shim would be lost to it
	run python3 - "$ACRUN" "$ROOT" "$T" <<'EOF' 3>&-
import ctypes, os, subprocess, sys
acrun, root, t = sys.argv[1:]
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
with open(t + "/exec.out", "w") as out:
    subprocess.run([acrun, "--root", root, "exec", "--process", t + "/process.json", "--detach", "--pid-file", t + "/pid", "c1"],
                   stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=True)
pid = int(open(t + "/pid").read())
os.kill(pid, 0)
subprocess.run([acrun, "--root", root, "exec", "c1", "touch", "/go"], stdin=subprocess.DEVNULL, check=True)
print("exit", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
EOF
	assert_status 0
	assert_equal "$output" "exit 5"
	assert_equal "$(cat "$T/exec.out")" detached
	[[ $(tail -c 1 "$T/pid") != $'\n' ]]
}

@test "exec --detach: kill(2) on the pid reaches the process: TERM by its handler, KILL ends it" {
	started_container
	acrun exec --detach --pid-file "$T/pid" c1 sh -c 'trap "echo got-term; exit 3" TERM; echo ready; while :; do sleep 0.1; done' \
		</dev/null >"$T/term.out" 2>&1
	wait_for 20 grep -q ready "$T/term.out"
	kill -TERM "$(cat "$T/pid")"
	wait_for 20 eval '! kill -0 "$(cat "$T/pid")"'
	grep -q got-term "$T/term.out"
	acrun exec --detach --pid-file "$T/pid" c1 sh -c 'while :; do date +%s.%N >/beat; sleep 0.2; done' </dev/null >/dev/null 2>&1
	wait_for 20 has_file c1 /beat
	kill -KILL "$(cat "$T/pid")"
	sleep 1
	local before
	before=$(in_container c1 /beat)
	sleep 1.5
	assert_equal "$(in_container c1 /beat)" "$before"
	assert_equal "$(container_status c1)" running
}

@test "exec: a signal to acrun in the foreground reaches the process" {
	started_container
	acrun exec c1 sh -c 'trap "echo got-usr1; exit 9" USR1; echo ready; while :; do sleep 0.1; done' </dev/null >"$T/sig.out" 2>&1 &
	local pid=$!
	wait_for 20 grep -q ready "$T/sig.out"
	pkill -USR1 -f "^$ACRUN --root $ROOT .*exec c1"
	assert_exit "$pid" 9
	grep -q got-usr1 "$T/sig.out"
}

@test "exec --tty: a terminal in tmux: echo, size, resize, Ctrl-C, exit code; sane afterwards" {
	started_container
	local tm=(tmux -L "$(basename "$T")")
	screen_has() { "${tm[@]}" capture-pane -p -t s 3>&- | grep -qF -- "$1"; }
	"${tm[@]}" -f /dev/null new-session -d -s s -x 100 -y 30 bash --norc 3>&-
	"${tm[@]}" send-keys -t s "PS1='host> '; $ACRUN --root $ROOT exec -t c1 sh; echo code=\$?" Enter
	wait_for 20 screen_has "/ #"
	"${tm[@]}" send-keys -t s 'tty; stty size; echo in-$((40+2))' Enter
	wait_for 20 screen_has "in-42"
	screen_has /dev/pts/
	screen_has "30 100"
	"${tm[@]}" resize-window -t s -x 80 -y 24
	sleep 0.5
	"${tm[@]}" send-keys -t s 'stty size' Enter
	wait_for 20 screen_has "24 80"
	"${tm[@]}" send-keys -t s 'sleep 300' Enter
	sleep 0.5
	"${tm[@]}" send-keys -t s C-c
	"${tm[@]}" send-keys -t s 'echo still-$((1+1))' Enter
	wait_for 20 screen_has "still-2"
	"${tm[@]}" send-keys -t s 'exit 7' Enter
	wait_for 30 screen_has "code=7"
	"${tm[@]}" send-keys -t s "clear; $ACRUN --root $ROOT exec -t c1 nope; echo code=\$?" Enter
	wait_for 20 screen_has "code=255"
	"${tm[@]}" send-keys -t s 'clear; stty -a | tr " ;" "\n" | grep -cE "^(icanon|echo)$"; echo sa""ne' Enter
	wait_for 10 screen_has "sane"
	"${tm[@]}" capture-pane -p -t s 3>&- | grep -qx 2
}

@test "exec --console-socket: the socket gets the master" {
	started_container
	write_process '.terminal = true | .consoleSize = {height: 33, width: 99} | .args = ["sh", "-c", "tty; stty size; read line; echo \"got $line\""]'
	"$(dirname "$ACRUN")/../tests/recvtty" "$T/console.sock" "$T/tty.out" "some words" </dev/null >/dev/null 2>&1 3>&- &
	local receiver=$!
	wait_for 10 test -S "$T/console.sock"
	acrun exec --process "$T/process.json" --console-socket "$T/console.sock" --detach --pid-file "$T/pid" c1 </dev/null
	wait_for 20 eval '! kill -0 "$(cat "$T/pid")"'
	wait "$receiver"
	grep -q /dev/pts/ "$T/tty.out"
	grep -q "33 99" "$T/tty.out"
	grep -q "got some words" "$T/tty.out"
}

@test "exec: 20 at once, each gets its own output and exit code" {
	started_container
	local i pids=()
	for ((i = 0; i < 20; i++)); do
		acrun exec c1 sh -c "head -c 100000 /dev/zero | tr '\\0' $((i % 10)); exit $i" </dev/null >"$T/out.$i" 2>"$T/err.$i" &
		pids+=($!)
	done
	for ((i = 0; i < 20; i++)); do
		assert_exit "${pids[i]}" "$i"
		assert_equal "$(stat -c %s "$T/out.$i")" 100000
		assert_equal "$(tr -d $((i % 10)) <"$T/out.$i")" ""
	done
	# ended ones are forgotten by the next
	acrun exec c1 true
	assert_equal "$(find "$ROOT/c1/execs" -type f | wc -l)" 1
}

@test "exec: delete --force at once after a long one leaves nothing" {
	started_container
	acrun exec --detach --pid-file "$T/pid" c1 sleep 1000 </dev/null >/dev/null 2>&1
	acrun delete --force c1
	wait_for 5 eval '! kill -0 "$(cat "$T/pid")"' # until its parent has seen it
	assert_nothing_left
	# and in the middle of starting one
	local delay
	for delay in 0.01 0.02 0.05 0.1; do
		create_container c1
		acrun start c1
		acrun exec c1 sleep 1000 </dev/null >"$T/long.out" 2>&1 &
		local pid=$!
		sleep "$delay"
		acrun delete --force c1
		wait "$pid" && return 1
		assert_nothing_left
	done
}

@test "exec: killed at any moment, it leaves no process that waits for ever" {
	started_container
	local delay
	for delay in 0.002 0.005 0.01 0.02 0.03 0.05; do
		acrun exec c1 true </dev/null >"$T/killed.out" 2>&1 &
		local pid=$!
		sleep "$delay"
		pkill -KILL -f "^$ACRUN --root $ROOT exec" || true
		wait "$pid" || true
	done
	wait_for 15 eval '[[ $(shims_of_c1) -eq 1 ]]'
	run acrun exec c1 echo fine
	assert_equal "$output" fine
}

@test "exec: when the container ends, the exec ends with 137; with a killed proxy delete still finds it" {
	started_container
	acrun exec c1 sleep 1000 </dev/null >"$T/long.out" 2>&1 &
	local pid=$!
	wait_for 20 eval '[[ $(acrun exec c1 pidof sleep | wc -w) -eq 2 ]]'
	acrun kill c1 KILL
	assert_exit "$pid" 137
	acrun delete c1
	create_container c1
	acrun start c1
	acrun exec --detach --pid-file "$T/pid" c1 sleep 1000 </dev/null >/dev/null 2>&1
	kill -KILL "$(jq -r .proxy.pid "$ROOT/c1/state.json")"
	acrun delete --force c1
	wait_for 5 eval '! kill -0 "$(cat "$T/pid")"' # until its parent has seen it
	assert_nothing_left
}
