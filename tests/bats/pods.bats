#!/usr/bin/env bats
# Pods: several containers in one virtual machine, as containerd, CRI-O, podman and docker ask for them.
load helpers

setup() { common_setup; }
teardown() { common_teardown; }

# bundle ID FILTER [JQ OPTIONS...] -- ARGS...: a bundle of its own in T/ID, changed by the filter.
bundle() {
	local id=$1 filter=$2 options=()
	shift 2
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	BUNDLE=$T/$id
	make_bundle "$@"
	edit_config "$filter" "${options[@]}"
}

# sandbox ID FILTER: created and started; its container is what pause is.
sandbox() {
	bundle "$1" ".hostname = \"pod-host\" | $2" -- sleep 1000
	create_container "$1"
	acrun start "$1"
	PAUSE=$(container_pid "$1")
}

# What the members of the pod whose sandbox's process is PAUSE have of config.json.
# shellcheck disable=SC2016
SHARED='del(.hostname) | .linux.namespaces = [{type: "pid"}, {type: "mount"}, {type: "ipc", path: "/proc/\($pause)/ns/ipc"},
	{type: "uts", path: "/proc/\($pause)/ns/uts"}, {type: "network", path: "/proc/\($pause)/ns/net"}]'
CRI_SANDBOX='.annotations = {"io.kubernetes.cri.container-type": "sandbox", "io.kubernetes.cri.sandbox-id": "pod"}'
CRI_MEMBER='.annotations = {"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "pod"}'
CRIO_MEMBER='.annotations = {"io.kubernetes.cri-o.ContainerType": "container", "io.kubernetes.cri-o.SandboxID": "pod"}'

# member ID FILTER ARGS...: created; the filter comes after SHARED.
member() {
	local id=$1 filter=$2
	shift 2
	bundle "$id" "$SHARED | $filter" --arg pause "$PAUSE" -- "$@"
	create_container "$id"
}

# machines: how many there are of this test.
machines() {
	local pid n=0 vmm=' sandbox-[^ ]*'
	[[ $HV != acrn ]] || vmm='^[^ ]*/acrn-dm '
	for pid in $(leftover_pids); do
		if tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q "$vmm"; then
			n=$((n + 1))
		fi
	done
	echo "$n"
}

in_container() {
	acrun exec "$@" </dev/null
}

# namespaces ID: those of its first process, one a line.
namespaces() {
	in_container "$1" sh -c 'for n in ipc uts net pid mnt; do readlink /proc/self/ns/$n; done'
}

# vmm_mounts ID: what of a container's is mounted for the machine to share; without a share, whether it is a member.
vmm_mounts() {
	if [[ $HV == acrn ]]; then
		find "$ROOT/pod/pod" -name "$1" | wc -l
		return
	fi
	grep -c "/share/$1/" "/proc/$(jq .vmm.pid "$ROOT/pod/state.json")/mountinfo" || true
}

@test "pods: containerd's: one machine, network, ipc and hostname shared, everything else each its own" {
	sandbox pod "$CRI_SANDBOX"
	member a "$CRI_MEMBER" sh -c 'echo "from a"; echo "error of a" >&2; hostname; exec sleep 1000'
	member b "$CRI_MEMBER"' | .process.env += ["NAME=b"]' sh -c 'echo "from $NAME"; read -r line; exit 7'
	assert_equal "$(machines)" 1
	assert_equal "$(acrun state a | jq -r .status)" created
	acrun start a
	acrun start b
	wait_for 10 grep -q pod-host "$T/a.out"
	assert_equal "$(head -1 "$T/a.out")" "from a"
	assert_equal "$(cat "$T/a.err")" "error of a"
	# stdin of b is at its end
	wait_status b stopped
	assert_equal "$(cat "$T/b.out")" "from b"
	namespaces pod >"$T/ns.pod"
	namespaces a >"$T/ns.a"
	assert_equal "$(head -3 "$T/ns.a")" "$(head -3 "$T/ns.pod")"
	assert_equal "$(sort "$T/ns.a" "$T/ns.pod" | uniq -u | cut -d : -f 1 | sort | tr '\n' ' ')" "mnt mnt pid pid "
	run in_container a sh -c 'echo $$; ls /proc | grep -c "^[0-9]"'
	assert_equal "$(acrun list | awk 'NR > 1 { print $1, $3 }')" $'a running\nb stopped\npod running'
	# a port of one is a port of all
	in_container a sh -c 'echo served | nc -l -p 8099 >/dev/null &'
	wait_for 10 in_container pod sh -c 'grep -q ":1FA3 " /proc/net/tcp /proc/net/tcp6'
	assert_equal "$(in_container pod sh -c 'nc 127.0.0.1 8099 </dev/null')" served
}

@test "pods: each container has its own ps, figures, limits, signals and end" {
	sandbox pod "$CRI_SANDBOX"
	member a "$CRI_MEMBER" sh -c 'trap "exit 9" TERM; while :; do sleep 0.05; done'
	member b "$CRI_MEMBER" sleep 2000
	acrun start a
	acrun start b
	wait_for 10 eval 'acrun ps b | grep -q "sleep 2000\$"'
	[[ $(acrun ps a) != *2000* ]]
	acrun update --pids-limit 77 b
	assert_equal "$(acrun events --stats b | jq .data.pids.limit)" 77
	assert_equal "$(acrun events --stats a | jq .data.pids.limit)" null
	acrun pause b
	assert_equal "$(container_status b)" paused
	assert_equal "$(container_status a)" running
	acrun resume b
	acrun kill a TERM
	wait_status a stopped
	assert_equal "$(container_status b)" running
	run acrun kill a TERM
	assert_status 1
	assert_output_has 'container not running'
	run acrun exec a true </dev/null
	assert_status 255
	acrun delete a
	assert_equal "$(vmm_mounts a)" 0
	assert_equal "$(vmm_mounts b)" 1
	# the same id again, in the same machine
	member a "$CRI_MEMBER" sh -c 'echo anew'
	acrun start a
	wait_status a stopped
	assert_equal "$(cat "$T/a.out")" anew
	acrun kill --all b KILL
	wait_status b stopped
	in_container pod true
}

@test "pods: CRI-O's: the pid namespace of the pod, and that of another container" {
	sandbox pod '.annotations = {"io.kubernetes.cri-o.ContainerType": "sandbox", "io.kubernetes.cri-o.SandboxID": "pod"}'
	member a "$CRIO_MEMBER"' | .linux.namespaces[0].path = "/proc/\($pause)/ns/pid"' sleep 2000
	acrun start a
	run in_container a ps
	assert_output_has 'sleep 1000'
	member b "$CRIO_MEMBER" sleep 3000
	acrun start b
	member debug "$CRIO_MEMBER | .linux.namespaces[0].path = \"/proc/$(container_pid b)/ns/pid\"" sleep 4000
	acrun start debug
	run in_container debug ps
	assert_output_has 'sleep 3000'
	[[ $output != *'sleep 1000'* ]]
	assert_equal "$(machines)" 1
	# a pid namespace ends with its first process
	acrun kill b KILL
	wait_status debug stopped
	assert_equal "$(container_status a)" running
}

@test "pods: podman's: the sandbox says nothing of itself; by id, by the pod's name, and docker's container: without annotations" {
	sandbox infra '.annotations = {"io.container.manager": "libpod"}'
	member a '.annotations = {"io.kubernetes.cri-o.ContainerType": "container", "io.kubernetes.cri-o.SandboxID": "infra"}' sleep 1000
	member b '.annotations = {"io.kubernetes.cri-o.ContainerType": "container", "io.kubernetes.cri-o.SandboxID": "mypod"}' sleep 1000
	PAUSE=$(container_pid b)
	member c . sleep 1000
	assert_equal "$(machines)" 1
	assert_equal "$(jq -r .sandboxId "$ROOT"/{a,b,c}/state.json | sort -u)" infra
	acrun start c
	assert_equal "$(in_container c hostname)" pod-host
	# a member of a pod that shares nothing is on its own
	bundle alone '.annotations = {"io.kubernetes.cri-o.ContainerType": "container", "io.kubernetes.cri-o.SandboxID": "no-infra"}' -- true
	create_container alone
	assert_equal "$(machines)" 2
}

@test "pods: a sandbox that is not there, not clear, or has ended" {
	PAUSE=$$
	bundle a "$CRI_MEMBER" -- true
	run create_container a
	assert_status 1
	assert_output_has "annotation io.kubernetes.cri.sandbox-id: there is no sandbox 'pod' for this container to join"
	edit_config '.annotations = {"io.kubernetes.cri.container-type": "other"}'
	run create_container a
	assert_status 1
	assert_output_has "'other' is neither sandbox nor container"
	sandbox pod "$CRI_SANDBOX"
	kill -KILL "$(jq .vmm.pid "$ROOT/pod/state.json")"
	wait_status pod stopped
	bundle a "$CRI_MEMBER" -- true
	run create_container a
	assert_status 1
	assert_output_has "sandbox 'pod' is not running: its virtual machine is gone"
	run acrun state a
	assert_status 1
}

@test "pods: deleted in any order; the machine goes with the last of them, or by force" {
	sandbox pod "$CRI_SANDBOX"
	member a "$CRI_MEMBER" sleep 1000
	member b "$CRI_MEMBER" sleep 1000
	member c "$CRI_MEMBER" sleep 1000
	acrun start a
	acrun start c
	acrun delete b
	acrun delete --force a
	assert_equal "$(acrun list -q | tr '\n' ' ')" "c pod "
	acrun kill pod KILL
	wait_status pod stopped
	# what the pod's first process was is over; the others go on, also when it is deleted
	assert_equal "$(in_container c hostname)" pod-host
	acrun delete pod
	assert_equal "$(acrun list -q)" c
	run acrun delete pod
	assert_status 1
	assert_output_has "container does not exist: pod"
	acrun delete --force pod
	acrun gc
	assert_equal "$(in_container c hostname)" pod-host
	acrun update --pids-limit 50 c
	acrun kill c KILL
	wait_status c stopped
	acrun delete c
	assert_equal "$(machines)" 0
	[[ ! -e $ROOT/pod ]]
	# the last delete is killed: what it has left is found
	sandbox pod "$CRI_SANDBOX"
	member c "$CRI_MEMBER" sleep 1000
	acrun start c
	acrun kill pod KILL
	wait_status pod stopped
	acrun delete pod
	rm -r "${ROOT:?}/c"
	run acrun gc
	assert_output_has "the last container in its machine is gone"
	assert_equal "$(machines)" 0
	[[ ! -e $ROOT/pod ]]
	# by force
	sandbox pod "$CRI_SANDBOX"
	member c "$CRI_MEMBER" sleep 1000
	acrun start c
	acrun delete --force pod
	wait_status c stopped
	assert_equal "$(machines)" 0
	run acrun exec c true </dev/null
	assert_status 255
	acrun kill --all c KILL
	assert_equal "$(acrun ps --format json c)" '[]'
	acrun delete c
	sandbox pod "$CRI_SANDBOX"
	member a "$CRI_MEMBER" sh -c 'exit 3'
	acrun start a
	wait_status a stopped
	acrun kill pod KILL
	wait_status pod stopped
	acrun delete pod
	acrun delete a
}

@test "pods: whatever is killed, nothing stays" {
	sandbox pod "$CRI_SANDBOX"
	member a "$CRI_MEMBER" sleep 1000
	acrun start a
	# its shim: the process goes with it
	kill -KILL "$(container_pid a)"
	wait_status a stopped
	wait_for 10 eval '! in_container pod sh -c "cat /sys/fs/cgroup/containers/a/cgroup.procs 2>/dev/null" | grep .'
	acrun delete a
	# the proxy: nobody notices
	member a "$CRI_MEMBER" sh -c 'read -r line; exit 5'
	local proxy
	proxy=$(cut -d' ' -f1 "$ROOT/pod/proxy.pid")
	# the container's shim starts another, which outlives the container, and its cgroup
	kill -STOP "$(container_pid pod)"
	kill -KILL "$proxy"
	wait_for 20 eval "[[ \$(cut -d' ' -f1 '$ROOT/pod/proxy.pid') -ne $proxy ]]"
	kill -CONT "$(container_pid pod)"
	acrun start a
	wait_status a stopped
	run acrun delete a
	assert_status 0
	assert_equal "$output" ""
	# a create of a container, wherever it is
	bundle a "$SHARED | $CRI_MEMBER" --arg pause "$PAUSE" -- sleep 1000
	local ms
	for ms in 0.005 0.02 0.04 0.06 0.08 0.1; do
		timeout -s KILL "$ms" "$ACRUN" --root "$ROOT" create --bundle "$BUNDLE" a </dev/null >/dev/null 2>&1 3>&- || true
		acrun delete --force a
	done
	assert_equal "$(vmm_mounts a)" 0
	[[ ! -e $ROOT/pod/pod/a && ! -e $ROOT/pod/share/a ]]
	create_container a
	acrun start a
	# the machine: all of them end
	kill -KILL "$(jq .vmm.pid "$ROOT/pod/state.json")"
	wait_status a stopped
	wait_status pod stopped
	acrun delete pod
	acrun delete --force a
}

@test "pods: /dev/shm and binds of the sandbox are one for all; roots are not" {
	mkdir -p "$T/shm" "$T/data"
	echo from-host >"$T/data/file"
	local binds='.mounts += [{destination: "/data", type: "bind", source: $data, options: ["rbind", "rw"]}]
		| .mounts |= map(if .destination == "/dev/shm" then {destination: "/dev/shm", type: "bind", source: $shm, options: ["rbind"]} else . end)'
	sandbox pod "$CRI_SANDBOX"
	bundle a "$SHARED | $CRI_MEMBER | $binds" --arg pause "$PAUSE" --arg data "$T/data" --arg shm "$T/shm" -- sleep 1000
	create_container a
	bundle b "$SHARED | $CRI_MEMBER | $binds | .root.readonly = true" --arg pause "$PAUSE" --arg data "$T/data" --arg shm "$T/shm" -- sleep 1000
	create_container b
	acrun start a
	acrun start b
	in_container a sh -c 'cat /data/file; echo from-a >/data/file; echo shared >/dev/shm/x; echo a >/own'
	assert_equal "$(cat "$T/data/file")" from-a
	assert_equal "$(in_container b cat /data/file /dev/shm/x)" $'from-a\nshared'
	run in_container b sh -c 'cat /own; echo b >/own'
	assert_output_has 'No such file'
	assert_output_has 'Read-only file system'
	assert_equal "$(cat "$T/a/rootfs/own")" a
	# what the container writes stays when it goes
	acrun delete --force a
	assert_equal "$(cat "$T/data/file")" from-a
	assert_equal "$(cat "$T/a/rootfs/own")" a
}

@test "pods: the machine grows for the containers that come" {
	sandbox pod "$CRI_SANDBOX"
	local before after
	before=$(in_container pod awk '/MemTotal/ { print $2 }' /proc/meminfo)
	member a "$CRI_MEMBER | .linux.resources.memory.limit = 402653184" sleep 1000
	member b "$CRI_MEMBER | .linux.resources.memory.limit = 402653184" sleep 1000
	after=$(in_container pod awk '/MemTotal/ { print $2 }' /proc/meminfo)
	[[ $after -gt $((before + 256 * 1024)) ]]
	assert_equal "$(in_container b cat /sys/fs/cgroup/memory.max 2>/dev/null || acrun events --stats b | jq .data.memory.usage.limit)" 402653184
	# what has gone makes room for what comes
	local total
	total=$(jq .memoryMib "$ROOT/pod/state.json")
	acrun delete b
	member b "$CRI_MEMBER | .linux.resources.memory.limit = 402653184" sleep 1000
	assert_equal "$(jq .memoryMib "$ROOT/pod/state.json")" "$total"
	acrun update --memory 536870912 a
	[[ $(jq .memoryMib "$ROOT/pod/state.json") -gt $total ]]
}

@test "pods: five containers created at once in one machine" {
	sandbox pod "$CRI_SANDBOX"
	local i pids=()
	for i in 1 2 3 4 5; do
		bundle "m$i" "$SHARED | $CRI_MEMBER" --arg pause "$PAUSE" -- sh -c "echo m$i; exit $i"
	done
	for i in 1 2 3 4 5; do
		BUNDLE=$T/m$i create_container "m$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	for i in 1 2 3 4 5; do acrun start "m$i"; done
	for i in 1 2 3 4 5; do
		wait_status "m$i" stopped
		assert_equal "$(cat "$T/m$i.out")" "m$i"
	done
	assert_equal "$(machines)" 1
}

@test "pods: who takes the mounts of a container's processes for its own gets its files, and none of the host's" {
	mkdir "$T/volume"
	make_bundle -- sleep 1000
	edit_config '.mounts += [{destination: "/data/rw", type: "bind", source: $v, options: ["rbind"]},
		{destination: "/dev/ro", type: "bind", source: $v, options: ["rbind", "ro"]},
		{destination: "/link/v", type: "bind", source: $v, options: ["rbind"]}]' --arg v "$T/volume"
	ln -s /etc "$BUNDLE/rootfs/link"
	create_container c1
	acrun start c1
	acrun exec --detach --pid-file "$T/exec.pid" c1 sleep 1000 </dev/null >"$T/exec.out" 2>&1
	local pid
	for pid in "$(container_pid c1)" "$(cat "$T/exec.pid")"; do
		assert_equal "$(ls "/proc/$pid/root/proc" "/proc/$pid/cwd/sys")" $'/proc/'"$pid"$'/cwd/sys:\n\n/proc/'"$pid"'/root/proc:'
		[[ ! -e /proc/$pid/root$T ]]
		nsenter --mount --target "$pid" sh -c 'echo "$1" >/data/rw/a && echo "$1" >/etc/v/b && echo "$1" >/root-file && mkdir -p /tmp/d && cat /dev/ro/b' _ "$pid"
		assert_equal "$(in_container c1 cat /data/rw/a /etc/v/b /root-file)" $"$pid"$'\n'"$pid"$'\n'"$pid"
		# what is the guest's alone takes nothing that nobody would see
		run nsenter --mount --target "$pid" sh -c 'echo x >/dev/ro/a || echo x >/dev/shm/a || echo x >/proc/a || echo x >/dev/null'
		[[ $status -ne 0 ]]
	done
	acrun delete --force c1
	rm -rf "$BUNDLE"
	make_bundle -- sleep 1000
	edit_config '.root.readonly = true'
	create_container c2
	run nsenter --mount --target "$(container_pid c2)" sh -c 'echo x >/written'
	[[ $status -ne 0 ]]
	[[ ! -e $BUNDLE/rootfs/written ]]
}
