#!/usr/bin/env bats
# Debian's containerd as the caller: a private daemon, an image made by hand, `ctr run --runc-binary acrun`.
load helpers
load clients

setup_file() {
	local dir
	dir=$(mktemp -d /tmp/ct.XXXXXX)
	export CT=$dir
	mkdir -p "$dir/root" "$dir/state"
	printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' >"$dir/config.toml"
	# its own mounts: a /run/containerd of its own, and nothing of it stays on the host
	unshare --mount --propagation private sh -c 'mkdir -p /run/containerd && mount -t tmpfs tmpfs /run/containerd &&
		exec containerd --config "$1/config.toml" --root "$1/root" --state "$1/state" --address "$1/c.sock"' _ "$dir" \
		</dev/null >"$dir/log" 2>&1 3>&- &
	export CT_PID=$!
	local i
	for ((i = 0; i < 100; i++)); do
		ctr version >/dev/null 2>&1 && break
		sleep 0.1
	done
	make_image
	ctr images import "$CT/image.tar" >/dev/null
}

teardown_file() {
	local pid
	kill "$CT_PID" 2>/dev/null || true
	wait "$CT_PID" 2>/dev/null || true
	# shims outlive their daemon by design
	for pid in $(pgrep -f "containerd-shim-runc-v2 .*-address $CT/c.sock"); do kill -KILL "$pid" || true; done
	rm -rf "$CT"
}

setup() { common_setup; }
teardown() { common_teardown; }

ctr() {
	nsenter --mount --target "$CT_PID" /usr/bin/ctr --address "$CT/c.sock" "$@" 3>&-
}

# A docker-archive with one layer: busybox by hard links.
make_image() {
	local work=$CT/image digest
	mkdir -p "$work/bundle" "$work/tar/layer"
	"$FIXTURES/mkbundle.sh" "$work/bundle" -- sh
	tar -C "$work/bundle/rootfs" -cf "$work/tar/layer/layer.tar" .
	digest=$(sha256sum "$work/tar/layer/layer.tar" | cut -d ' ' -f 1)
	jq -n --arg digest "sha256:$digest" '{architecture: "amd64", os: "linux", config: {Env: ["PATH=/bin:/usr/bin"], Cmd: ["sh"]},
		rootfs: {type: "layers", diff_ids: [$digest]}}' >"$work/tar/config.json"
	jq -n '[{Config: "config.json", RepoTags: ["docker.io/library/acrun-test:latest"], Layers: ["layer/layer.tar"]}]' >"$work/tar/manifest.json"
	tar -C "$work/tar" -cf "$CT/image.tar" config.json manifest.json layer/layer.tar
}

# run_image CTR-OPTIONS... -- ID ARGS...
run_image() {
	local options=()
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift
	ctr run --runtime io.containerd.runc.v2 --runc-binary "${RUNTIME:-$ACRUN}" "${options[@]}" docker.io/library/acrun-test:latest "$@" </dev/null
}

no_task() {
	! ctr task ls -q | grep -qx "$1"
}

has_task() {
	[[ $(ctr task ls | awk -v id="$1" '$1 == id { print $3 }') == "$2" ]]
}

# tell_task RUNTIME: one container through what the other cases leave out.
tell_task() {
	local RUNTIME=$1 c=c-$1 data=$T/data-$1
	[[ $1 == runc ]] || RUNTIME=$ACRUN
	mkdir "$data"
	echo in >"$data/in"
	say 0 run run_image --detach --mount "type=bind,src=$data,dst=/data,options=rbind:rw" -- "$c" \
		sh -c 'cat /data/in >/data/out; trap "exit 6" TERM; while :; do sleep 0.1; done'
	say 0 volume wait_for 20 grep -x in "$data/out"
	say 0 pause ctr task pause "$c"
	say 0 paused has_task "$c" PAUSED
	say 0 resume ctr task resume "$c"
	say 0 resumed has_task "$c" RUNNING
	say 0 figures eval "ctr task metrics $c | grep -cE '^(memory.usage_in_bytes|memory.usage|pids.current) +[1-9]'"
	say 0 kill ctr task kill --signal SIGTERM "$c"
	say 0 stopped wait_for 20 has_task "$c" STOPPED
	say 0 'its exit code' eval "ctr task rm $c 2>&1 | grep -o 'exit code [0-9]*\|exited with .*\|status=[0-9]*'"
	rm "$data/out"
	say 0 'a second task' ctr task start --detach "$c"
	say 0 'which does the same' wait_for 20 grep -x in "$data/out"
	say 0 'kill it' ctr task kill --signal SIGKILL "$c"
	say 0 'it is killed' wait_for 20 has_task "$c" STOPPED
	say 0 'rm' eval "ctr task rm --force $c >/dev/null 2>&1; ctr container rm $c"
}

no_processes_of() {
	! pgrep -f "sandbox-$1(,|\$)" >/dev/null
}

@test "containerd: a container runs in a VM, its output and exit code arrive" {
	run --separate-stderr run_image --rm -- t1 sh -c 'uname -r; echo err >&2; exit 42'
	assert_status 42
	[[ ${lines[0]} != "$(uname -r)" ]]
	[[ $stderr == *err* ]]
	wait_for 10 no_processes_of t1
}

@test "containerd: 8 MiB of output arrive whole" {
	run_image --rm -- t2 head -c 8388608 /dev/zero >"$T/out"
	assert_equal "$(stat -c %s "$T/out")" 8388608
}

@test "containerd: task kill and rm of a detached container; nothing stays" {
	run_image --detach -- t3 sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done'
	assert_equal "$(ctr task ls | awk '$1 == "t3" { print $3 }')" RUNNING
	sleep 1
	ctr task kill --signal SIGTERM t3
	wait_for 20 eval '[[ $(ctr task ls | awk "\$1 == \"t3\" { print \$3 }") == STOPPED ]]'
	run ctr task rm t3
	assert_output_has "5"
	ctr container rm t3
	wait_for 10 no_processes_of t3
}

@test "containerd: SIGKILL gives 137" {
	run_image --detach -- t4 sleep 300
	ctr task kill --signal SIGKILL t4
	wait_for 20 eval '[[ $(ctr task ls | awk "\$1 == \"t4\" { print \$3 }") == STOPPED ]]'
	run ctr task rm t4
	assert_output_has "137"
	ctr container rm t4
}

@test "containerd: a program that does not exist: the message is the runtime's, nothing stays" {
	run run_image --rm -- t5 no-such-program
	[[ $status -ne 0 ]]
	assert_output_has 'executable file not found in $PATH'
	ctr container rm t5 2>/dev/null || true
	wait_for 10 no_processes_of t5
}

@test "containerd: a terminal through the console socket" {
	run script -qefc "nsenter --mount --target $CT_PID /usr/bin/ctr --address $CT/c.sock run --rm --tty \
		--runtime io.containerd.runc.v2 --runc-binary $ACRUN docker.io/library/acrun-test:latest t6 sh -c 'tty; stty size; exit 3'" /dev/null 3>&-
	assert_status 3
	assert_output_has /dev/pts/
}

@test "containerd: task exec: output, exit code, missing program, a terminal, killed with its container" {
	run_image --detach -- t7 sleep 300
	run --separate-stderr ctr task exec --exec-id e1 t7 sh -c 'echo out; echo err >&2; exit 12' </dev/null
	assert_status 12
	assert_equal "$output" out
	assert_equal "$stderr" err
	run ctr task exec --exec-id e2 t7 no-such-program </dev/null
	[[ $status -ne 0 ]]
	assert_output_has 'executable file not found in $PATH'
	run script -qefc "nsenter --mount --target $CT_PID /usr/bin/ctr --address $CT/c.sock task exec --tty --exec-id e3 t7 sh -c 'tty; exit 3'" \
		/dev/null 3>&-
	assert_status 3
	assert_output_has /dev/pts/
	local status=0
	ctr task exec --exec-id e4 t7 sh -c 'echo begun; sleep 300' </dev/null >"$T/e4.out" 2>&1 &
	local pid=$!
	wait_for 20 grep -q begun "$T/e4.out"
	ctr task kill --signal SIGKILL --exec-id e4 t7
	wait "$pid" || status=$?
	assert_equal "$status" 137
	assert_equal "$(ctr task ls | awk '$1 == "t7" { print $3 }')" RUNNING
	ctr task kill --signal SIGKILL t7
	wait_for 20 eval '[[ $(ctr task ls | awk "\$1 == \"t7\" { print \$3 }") == STOPPED ]]'
	ctr task rm t7 || true
	ctr container rm t7
	wait_for 10 no_processes_of t7
}

@test "containerd: a volume, pause, figures, a second task: as with runc" {
	alike tell_task
	wait_for 10 no_processes_of c-acrun
}

@test "containerd: ten containers at once" {
	local i pids=()
	for i in {0..9}; do
		run_image --rm -- "many$i" sh -c "echo out $i; exit $i" >"$T/many$i" 2>&1 &
		pids+=($!)
	done
	for i in {0..9}; do
		local status=0
		wait "${pids[$i]}" || status=$?
		assert_equal "$status: $(cat "$T/many$i")" "$i: out $i"
	done
	wait_for 10 no_processes_of 'many.'
}
