#!/usr/bin/env bats
# What a kubelet asks for, by containerd's CRI: a pod with a network of CNI, several containers in its machine.
load helpers

setup_file() {
	CR=$(mktemp -d /tmp/cr.XXXXXX)
	export CR
	mkdir -p "$CR/root" "$CR/state" "$CR/cni" "$CR/log"
	write_config
	# its own mounts and its own network, where CNI's bridge goes
	# shellcheck disable=SC2016
	unshare --mount --net --propagation private sh -c 'ip link set lo up
		mkdir -p /run/containerd /run/netns && mount -t tmpfs tmpfs /run/containerd && mount -t tmpfs tmpfs /run/netns &&
		mount --make-shared /run/netns &&
		exec containerd --config "$1/config.toml" --root "$1/root" --state "$1/state" --address "$1/c.sock"' _ "$CR" \
		</dev/null >"$CR/containerd.log" 2>&1 3>&- &
	export CR_PID=$!
	wait_for 20 ctr version
	make_images
}

teardown_file() {
	local pid
	kill "$CR_PID" 2>/dev/null || true
	wait "$CR_PID" 2>/dev/null || true
	for pid in $(pgrep -f "containerd-shim-runc-v2 .*-address $CR/c.sock"); do kill -KILL "$pid" || true; done
	rm -rf --one-file-system "$CR"
}

setup() { common_setup; }

teardown() {
	local pod
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || tail -n 20 "$CR/containerd.log" >&2
	if [[ -s $T/pod ]]; then
		pod=$(cat "$T/pod")
		cri stop-pod "$pod" >/dev/null 2>&1 || true
		cri remove-pod "$pod" >/dev/null 2>&1 || true
	fi
	common_teardown
}

write_config() {
	cat >"$CR/config.toml" <<-END
		version = 2
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "docker.io/library/acrun-pause:latest"
		  restrict_oom_score_adj = true
		  disable_apparmor = true
		  tolerate_missing_hugetlb_controller = true
		  stream_server_address = "127.0.0.1"
		  [plugins."io.containerd.grpc.v1.cri".cni]
		    bin_dir = "/usr/lib/cni"
		    conf_dir = "$CR/cni"
		  [plugins."io.containerd.grpc.v1.cri".containerd]
		    default_runtime_name = "acrun"
		    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.acrun]
		      runtime_type = "io.containerd.runc.v2"
		      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.acrun.options]
		        BinaryName = "$ACRUN"
	END
	jq -n --arg data "$CR/ipam" '{cniVersion: "0.4.0", name: "test", plugins: [{type: "bridge", bridge: "acrun0", isGateway: true,
		ipam: {type: "host-local", dataDir: $data, ranges: [[{subnet: "10.88.77.0/24"}]], routes: [{dst: "0.0.0.0/0"}]}}]}' >"$CR/cni/10-test.conflist"
}

ctr() {
	nsenter --mount --target "$CR_PID" /usr/bin/ctr --address "$CR/c.sock" --namespace k8s.io "$@" 3>&-
}

cri() {
	/usr/bin/python3 "$FIXTURES/cri.py" "$CR/c.sock" "$@" 3>&-
}

# Two docker-archives of one layer: the pause image, and one with busybox.
make_images() {
	local work=$CR/image digest name cmd
	mkdir -p "$work/bundle" "$work/tar/layer"
	"$FIXTURES/mkbundle.sh" "$work/bundle" -- sh
	tar -C "$work/bundle/rootfs" -cf "$work/tar/layer/layer.tar" .
	digest=$(sha256sum "$work/tar/layer/layer.tar" | cut -d ' ' -f 1)
	for name in pause test; do
		cmd='["sh"]'
		[[ $name != pause ]] || cmd='["sleep", "100000"]'
		jq -n --arg digest "sha256:$digest" --argjson cmd "$cmd" '{architecture: "amd64", os: "linux",
			config: {Env: ["PATH=/bin:/usr/bin"], Cmd: $cmd}, rootfs: {type: "layers", diff_ids: [$digest]}}' >"$work/tar/config.json"
		jq -n --arg name "docker.io/library/acrun-$name:latest" \
			'[{Config: "config.json", RepoTags: [$name], Layers: ["layer/layer.tar"]}]' >"$work/tar/manifest.json"
		tar -C "$work/tar" -cf "$CR/$name.tar" config.json manifest.json layer/layer.tar
		ctr images import "$CR/$name.tar" >/dev/null
	done
}

# run_pod NAME: its id is in POD.
run_pod() {
	jq -n --arg name "$1" --arg log "$CR/log" '{metadata: {name: $name, uid: $name, namespace: "default"}, hostname: "pod-host", log_directory: $log,
		linux: {cgroup_parent: "/acrunpods", security_context: {namespace_options: {network: 0, pid: 1, ipc: 0}}}}' >"$T/pod.json"
	POD=$(cri run-pod "$T/pod.json")
	echo "$POD" >"$T/pod"
}

# container NAME FILTER ARGS...: started; its id is in ID.
container() {
	local name=$1 filter=$2
	shift 2
	jq -n "{metadata: {name: \$name}, image: {image: \"docker.io/library/acrun-test:latest\"}, command: \$ARGS.positional, log_path: \"\(\$name).log\",
		linux: {resources: {memory_limit_in_bytes: 134217728}, security_context: {namespace_options: {network: 0, pid: 1, ipc: 0}}}} | $filter" \
		--arg name "$name" --args -- "$@" >"$T/$name.json"
	ID=$(cri create "$POD" "$T/$name.json" "$T/pod.json")
	cri start "$ID"
}

machines_of() {
	pgrep -fc "sandbox-$1(,|\$| )" || true
}

@test "CRI: a pod of two containers: one machine, one network, logs, exec, figures, stop, remove" {
	run_pod p1
	container c1 . sh -c 'echo log-out; echo log-err >&2; trap "exit 4" TERM; while :; do sleep 0.1; done'
	local first=$ID nanoseconds working_set
	mkdir "$T/volume"
	container c2 ".mounts = [{container_path: \"/volume\", host_path: \"$T/volume\"}]" \
		sh -c 'echo kept >/volume/file; nc -l -p 8099 -e echo served; exec sleep 1000'
	local second=$ID
	assert_equal "$(machines_of "$POD")" 1
	assert_equal "$(cri status "$first")" "running 0"
	run cri exec "$first" sh -c 'hostname; ip -o addr show eth0; exit 12'
	assert_status 12
	assert_output_has pod-host
	assert_output_has 'inet 10.88.77.'
	wait_for 20 cri exec "$first" grep -q ':1FA3 ' /proc/net/tcp /proc/net/tcp6
	assert_equal "$(cri exec "$first" sh -c 'nc 127.0.0.1 8099 </dev/null')" served
	wait_for 20 grep -q 'stderr F log-err' "$CR/log/c1.log"
	grep -q 'stdout F log-out' "$CR/log/c1.log"
	assert_equal "$(cat "$T/volume/file")" kept
	read -r nanoseconds working_set < <(cri stats "$second")
	[[ $nanoseconds -gt 0 && $working_set -gt 0 ]]
	cri stop "$first"
	assert_equal "$(cri status "$first")" "exited 4"
	cri remove "$first"
	assert_equal "$(cri status "$second")" "running 0"
	# as a kubelet restarts what has ended
	container c1 '.metadata.attempt = 1' sh -c 'exit 3'
	wait_for 20 eval "[[ \$(cri status $ID) == 'exited 3' ]]"
	cri stop-pod "$POD"
	assert_equal "$(cri status "$second")" "exited 137"
	assert_equal "$(cri pod-status "$POD")" notready
	assert_equal "$(machines_of "$POD")" 0
	cri remove-pod "$POD"
	rm "$T/pod"
}

@test "CRI: errors are the runtime's; a container can see another's processes; a pod goes with all in it" {
	run_pod p2
	run container c1 . no-such-program
	[[ $status -ne 0 ]]
	assert_output_has 'executable file not found in $PATH'
	container target . sleep 2000
	local target=$ID
	container debug ".linux.security_context.namespace_options = {network: 0, pid: 3, ipc: 0, target_id: \"$target\"}" sleep 3000
	run cri exec "$ID" ps
	assert_output_has 'sleep 2000'
	container shared '.linux.security_context.namespace_options.pid = 1' sleep 4000
	run cri exec "$ID" ps
	[[ $output != *'sleep 2000'* ]]
	cri stop-pod "$POD"
	cri remove-pod "$POD"
	assert_equal "$(machines_of "$POD")" 0
	assert_equal "$(nsenter --mount --target "$CR_PID" ls /run/containerd/runc/k8s.io)" ""
	rm "$T/pod"
}
