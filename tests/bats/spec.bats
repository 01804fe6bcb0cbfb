#!/usr/bin/env bats
# A container sees what its config.json says: looked at from inside, and where runc can run the same bundle, compared.
load helpers

setup() { common_setup; }
teardown() { common_teardown; }

# make_payload_bundle [-- ARGS...]: the container runs our payload, which checks what it sees against its config.json.
make_payload_bundle() {
	make_bundle "$@"
	cp "$(dirname "$ACRUN")/../tests/payload" "$BUNDLE/rootfs/payload"
	[[ $# -gt 0 ]] || set_args /payload
	edit_config '.mounts += [{destination: "/config.json", type: "bind", source: $file, options: ["bind", "ro"]}]' \
		--arg file "$BUNDLE/config.json"
}

# user_namespace [FIRST]: the container's ids are FIRST (100000) and following on the host; so are the files of its rootfs.
user_namespace() {
	local first=${1:-100000}
	edit_config '.linux.namespaces += [{type: "user"}] | .linux.gidMappings = .linux.uidMappings
		| .linux.uidMappings = [{containerID: 0, hostID: ($first | tonumber), size: 65536}]
		| .linux.gidMappings = .linux.uidMappings' --arg first "$first"
	chown -R "$first:$first" "$BUNDLE/rootfs"
}

@test "spec: a user namespace looks from inside as runc's does" {
	make_bundle -- sh -c 'exec 2>&1; id; cat /proc/self/uid_map /proc/self/gid_map; hostname; cd /
		stat -c "%n %U:%G %u:%g %a %F" bin etc dev proc sys dev/* proc/sys proc/1/mem tmp
		stat -c "%t,%T %u:%g %a" dev/null dev/zero dev/full dev/random dev/urandom dev/tty
		touch etc/mine && chown 5:6 etc/mine && stat -c "%u:%g" etc/mine; rm etc/mine
		mkdir tmp/m && mount -t tmpfs none tmp/m && stat -c "%u:%g %a" tmp/m && umount tmp/m; rmdir tmp/m
		hostname renamed && hostname; mknod tmp/node c 1 3; chown 0:0 proc/sys
		awk "{ print \$5, \$6 }" proc/self/mountinfo | grep -v "^/dev/[a-z]* \|^/proc/\(k\|t\|sysrq\)\|/sys/firmware"; echo end'
	edit_config '.process.capabilities[] |= . - ["CAP_NET_RAW"] + ["CAP_SYS_ADMIN"]'
	user_namespace
	run -0 --separate-stderr run_container c1 --strict
	local ours=$output
	# its root is nobody who may look into the test's directory
	chmod 711 "$T"
	run -0 --separate-stderr runc --root "$T/runc" run --bundle "$BUNDLE" c1 </dev/null
	# the group of the message queues is nobody's with runc
	diff <(sed 's|\(dev/mqueue root:\)nobody 0:65534|\1root 0:0|; s|\(dev/mqueue root:\)UNKNOWN 0:65534|\1root 0:0|' <<<"$output") \
		<(echo "$ours")
	[[ $ours == *"uid=0(root) gid=0(root)"*"100000"*renamed*end ]]
}

@test "spec: with a user namespace, what only the guest's root may is done all the same" {
	make_bundle --terminal -- sleep 1000
	edit_config '.process.oomScoreAdj = -500 | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 2000, hard: 900000}]
		| .process.scheduler = {policy: "SCHED_FIFO", priority: 3} | .process.ioPriority = {class: "IOPRIO_CLASS_RT", priority: 2}
		| .linux.namespaces += [{type: "time"}, {type: "cgroup"}] | .linux.timeOffsets = {boottime: {secs: 1000000}}
		| .linux.sysctl = {"kernel.shmmax": "12345678", "net.ipv4.ip_forward": "1"}
		| .linux.devices = [{path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 420, uid: 7, gid: 8}]
		| .linux.resources.devices = [{allow: false, access: "rwm"}]
		| .mounts += [{destination: "/bound", type: "bind", source: $dir, options: ["rbind", "ro"]},
			{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev"]}]' \
		--arg dir "$T/outside"
	mkdir "$T/outside"
	echo hello >"$T/outside/file"
	user_namespace 200000
	"$(dirname "$ACRUN")/../tests/recvtty" "$T/tty.sock" "$T/tty.out" </dev/null >/dev/null 2>&1 3>&- &
	wait_for 10 test -S "$T/tty.sock"
	acrun run --detach --bundle "$BUNDLE" --console-socket "$T/tty.sock" c1 </dev/null >"$T/c1.out" 2>&1
	run -0 acrun exec c1 sh -c 'cat /proc/1/oom_score_adj /proc/sys/kernel/shmmax /proc/sys/net/ipv4/ip_forward /bound/file
		grep Max.open.files /proc/1/limits; awk "{ print \"sched\", \$40, \$41 }" /proc/1/stat; ionice -p 1; stat -c "%t,%T %u:%g %a" /dev/fuse
		stat -c "%u:%g" /dev/pts/0 /dev/console /sys/fs/cgroup /sys/fs/cgroup/cgroup.procs; cut -d. -f1 /proc/uptime
		mkdir /sys/fs/cgroup/mine && echo made; (: </dev/fuse) 2>&1; : >/dev/stdout && echo reopened; touch /bound/new 2>&1; true'
	echo "$output"
	[[ ${lines[0]} == -500 && ${lines[1]} == 12345678 && ${lines[2]} == 1 && ${lines[3]} == hello ]]
	[[ ${lines[4]} == *2000*900000* ]]
	[[ $output == *"sched 3 1"* && $output == *"realtime: prio 2"* ]]
	[[ $output == *"a,e5 7:8 644"*"0:5"*"0:5"*"0:65534"*"0:65534"* ]]
	[[ $output == *"made"*"not permitted"*"reopened"*"Read-only"* ]]
	[[ $(acrun exec c1 cut -d. -f1 /proc/uptime) -gt 1000000 ]]
	# further processes, with less and with users that there are not
	assert_equal "$(acrun exec -u 1000:2000 c1 sh -c 'id -u; id -g; touch /tmp/file; stat -c %u:%g /tmp/file' | tr '\n' ' ')" \
		'1000 2000 1000:2000 '
	assert_equal "$(acrun exec -t c1 stat -c %u /dev/pts/1 </dev/null | tr -d '\r')" 0
	run acrun exec -u 70000 c1 true
	assert_status 255
	assert_output_has 'setuid 70000: invalid argument'
	acrun delete --force c1
	assert_equal "$(stat -c %u:%g "$BUNDLE/rootfs/tmp/file")" '201000:202000'
}

@test "spec: id mappings that the kernel refuses are told, and nothing is left" {
	make_bundle -- true
	user_namespace
	edit_config '.linux.uidMappings += [{containerID: 10, hostID: 5, size: 10}]'
	run acrun create --bundle "$BUNDLE" c1 </dev/null
	assert_status 1
	assert_output_has "write the container's uid_map: invalid argument"
	edit_config '.linux.uidMappings = [{containerID: 5, hostID: 100000, size: 10}]'
	run acrun create --bundle "$BUNDLE" c1 </dev/null
	assert_status 1
	assert_output_has "become root in the user namespace: invalid argument"
	assert_nothing_left
}

@test "spec: the payload sees what is not as its config.json says" {
	make_payload_bundle
	jq '.hostname = "another" | .process.user.uid = 5 | .process.env += ["MORE=x"] | .process.rlimits[0].soft = 7
		| .mounts[1].options += ["noexec"] | .linux.sysctl = {"kernel.shmmax": "1"} | .root.readonly = true
		| .process.capabilities.bounding = [] | .linux.maskedPaths += ["/etc/passwd"] | .linux.readonlyPaths += ["/etc"]
		| .linux.devices = [{path: "/dev/fuse", type: "c", major: 10, minor: 229}]' "$BUNDLE/config.json" >"$T/other.json"
	edit_config '.mounts[-1].source = $file' --arg file "$T/other.json"
	run -1 run_container c1
	local word
	for word in hostname: process.user.uid: process.env: process.rlimits: '(/dev): option noexec' kernel.shmmax: root.readonly: \
		capabilities.bounding: maskedPaths: readonlyPaths: linux.devices:; do
		assert_output_has "$word"
	done
}

@test "spec: process, root, mounts, linux and its resources, all at once" {
	mkdir -p "$T/dir/below"
	echo text >"$T/dir/file"
	make_payload_bundle
	mkdir -p "$BUNDLE/rootfs/srv/filled" "$BUNDLE/rootfs/etc/masked"
	echo there >"$BUNDLE/rootfs/srv/filled/file"
	touch "$BUNDLE/rootfs/etc/masked/file"
	mknod "$BUNDLE/rootfs/etc/node" b 7 0
	mkfifo "$BUNDLE/rootfs/etc/pipe"
	edit_config '
		.process.args += ["/config.json", "with blanks", ""] | .process.env += ["EMPTY=", "WORDS=a b=c"]
		| .process.cwd = "/new/dir" | .process.oomScoreAdj = 321 | .process.user = {uid: 0, gid: 7, umask: 55, additionalGids: [5, 9]}
		| .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 1000}, {type: "RLIMIT_CORE", soft: 0, hard: 0},
			{type: "RLIMIT_STACK", soft: 4194304, hard: 8388608}]
		| .process.scheduler = {policy: "SCHED_BATCH", nice: 5} | .process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6}
		| .process.capabilities.inheritable = ["CAP_KILL"] | .process.capabilities.ambient = ["CAP_KILL"]
		| .root.readonly = true | .hostname = "name-here" | .domainname = "domain.here"
		| .mounts += [
			{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "relatime", "ro"]},
			{destination: "/srv/filled", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "size=4096k", "nr_inodes=77", "noatime"]},
			{destination: "/srv/tree", type: "bind", source: $dir, options: ["rbind", "rro", "nosuid", "rprivate"]},
			{destination: "/srv/shared", type: "bind", source: $dir, options: ["bind", "rshared", "noexec", "nodiratime"]},
			{destination: "/srv/hidden", type: "bind", source: ($dir + "/below"), options: ["bind", "unbindable", "nosymfollow"]},
			{destination: "/srv/one", type: "bind", source: ($dir + "/file"), options: ["bind", "ro"]}]
		| .linux.namespaces += [{type: "cgroup"}, {type: "time"}] | .linux.timeOffsets = {monotonic: {secs: 77, nanosecs: 5}, boottime: {secs: 88}}
		| .linux.sysctl = {"kernel.shmmax": "12345678", "net.ipv4.ip_forward": "1", "kernel.msgmax": "4096"}
		| .linux.maskedPaths += ["/etc/masked", "/etc/group", "/no/such"] | .linux.readonlyPaths += ["/srv/filled", "/proc/no", "/etc/passwd", "/etc/node", "/etc/pipe"]
		| .linux.rootfsPropagation = "shared" | .linux.personality = {domain: "LINUX", flags: ["ADDR_NO_RANDOMIZE"]}
		| .linux.devices = [{path: "/dev/mine", type: "c", major: 10, minor: 229, fileMode: 416, uid: 7, gid: 8},
			{path: "/dev/deep/er/disk", type: "b", major: 7, minor: 0, fileMode: 384}, {path: "/dev/pipe", type: "p", fileMode: 438},
			{path: "/dev/allowed", type: "u", major: 1, minor: 5}]
		| .linux.resources = {devices: [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 1, minor: 5, access: "r"}],
			memory: {limit: 100663296, reservation: 8388608, swap: 134217728}, pids: {limit: 44},
			cpu: {shares: 512, quota: 30000, period: 100000, burst: 10000, cpus: "0", mems: "0"},
			hugepageLimits: [{pageSize: "2MB", limit: 4194304}], unified: {"memory.high": "83886080", "cgroup.max.depth": "3"}}
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
			syscalls: [{names: ["getpgid"], action: "SCMP_ACT_ERRNO", errnoRet: 71}, {names: ["mkdir", "chmod"], action: "SCMP_ACT_ERRNO"},
				{names: ["swapoff", "no_such_call"], action: "SCMP_ACT_ERRNO", errnoRet: 11}]}' --arg dir "$T/dir"
	run run_container c1 --strict
	assert_equal "$output" 'as config.json says'
	assert_status 0
}

@test "spec: the same of a user without privileges in namespaces of users" {
	make_payload_bundle
	edit_config '.process.user = {uid: 1000, gid: 2000, umask: 2, additionalGids: [5]} | .process.cwd = "/home"
		| .process.capabilities = {bounding: ["CAP_KILL", "CAP_CHOWN"], effective: ["CAP_KILL"], permitted: ["CAP_KILL"],
			inheritable: ["CAP_KILL"], ambient: ["CAP_KILL"]}
		| .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 65536, hard: 700000}] | .process.oomScoreAdj = -7
		| .process.scheduler = {policy: "SCHED_RR", priority: 9} | .process.noNewPrivileges = false
		| .linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 99, nanosecs: 1}}
		| .linux.sysctl = {"kernel.shmmax": "9999"} | .linux.rootfsPropagation = "unbindable"
		| .linux.devices = [{path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 416, uid: 1000, gid: 5}]
		| .linux.resources = {devices: [{allow: false, access: "rwm"}], cpu: {idle: 1}} | .linux.namespaces += [{type: "cgroup"}]
		| .mounts += [{destination: "/sys/fs/cgroup", type: "cgroup2", source: "cgroup", options: ["nosuid", "noexec", "nodev"]}]
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["keyctl"], action: "SCMP_ACT_ERRNO", errnoRet: 38}]}'
	user_namespace
	run run_container c1 --strict
	assert_equal "$output" 'as config.json says'
	assert_status 0
}

@test "spec: hooks of the guest: by whom, where, when, with what on stdin" {
	make_payload_bundle -- /payload sleep
	local payload
	payload=$(realpath "$(dirname "$ACRUN")/../tests/payload")
	printf '#!/bin/sh\ncat >/etc/by-script; echo "$0 $1" >>/etc/by-script\n' >"$T/script"
	chmod 755 "$T/script"
	edit_config '.annotations = {a: "b"} | .process.env += ["VARIABLE=of the process"] | .process.user.uid = 1000 | .process.cwd = "/home"
		| .hooks = {createContainer: [{path: $payload, args: ["x", "hook", "created"], env: ["VARIABLE=own"]}, {path: $script, args: ["y", "z"]}],
			startContainer: [{path: "/payload", args: ["x", "hook", "started"], timeout: 20}]}' --arg payload "$payload" --arg script "$T/script"
	chmod 777 "$BUNDLE/rootfs/home"
	create_container c1 --strict
	in_container c1 /hook.created | jq -se --arg bundle "$BUNDLE" '.[0] == {ociVersion: "1.0.2", id: "c1", status: "creating", pid: 1, bundle: $bundle, annotations: {a: "b"}}
		and .[1] == {pid: 1, uid: 0, guest: true, variable: "own"} and length == 2'
	# the guest has no shell: it runs in the container's root
	[[ $(in_container c1 /etc/by-script) == *'"status":"creating"'*' z' ]]
	run ! in_container c1 /home/hook.started
	acrun start c1
	in_container c1 /home/hook.started | jq -se '.[0].status == "created" and .[0].pid == 1 and length == 2
		and .[1] == {pid: 1, uid: 1000, guest: false, variable: "of the process"}'
	# execs are no starts
	acrun exec c1 true
	assert_equal "$(in_container c1 /home/hook.started | wc -l)" 2
	acrun delete --force c1
	# root of a user namespace looks for it in the share no more than anybody else
	rm "$BUNDLE"/rootfs/{hook.created,home/hook.started,etc/by-script}
	user_namespace
	create_container c2
	acrun start c2
	acrun delete --force c2
	jq -se '.[1] == {pid: 1, uid: 0, guest: true, variable: "own"}' "$BUNDLE/rootfs/hook.created"
	assert_equal "$(stat -c %u "$BUNDLE/rootfs/etc/by-script")" 100000
}

@test "spec: hooks of the guest that fail, hang or are not there fail create, or start" {
	make_payload_bundle -- /payload sleep
	edit_config '.hooks = {createContainer: [{path: $payload, args: ["x", "hook", "1"]}, {path: $payload, args: ["x", "fail", "no luck"]}]}' \
		--arg payload "$(realpath "$(dirname "$ACRUN")/../tests/payload")"
	run acrun create --bundle "$BUNDLE" c1 </dev/null
	assert_status 1
	assert_output_has "error running createContainer hook #1"
	assert_output_has "failed: exit status 6, output: no luck"
	edit_config '.hooks.createContainer[1] = {path: .hooks.createContainer[0].path, args: ["x", "sleep"], timeout: 1}'
	run acrun create --bundle "$BUNDLE" c1 </dev/null
	assert_status 1
	assert_output_has "ran past its timeout of 1 s"
	edit_config '.hooks.createContainer = [{path: "/no/such/hook"}]'
	run acrun create --bundle "$BUNDLE" c1 </dev/null
	assert_status 1
	assert_output_has "error running createContainer hook #0: exec '/no/such/hook': No such file or directory"
	assert_nothing_left
	edit_config '.hooks = {startContainer: [{path: "/payload", args: ["x", "fail", "no start"]}]}'
	create_container c1
	run acrun start c1
	assert_status 1
	assert_output_has "error running startContainer hook #0: '/payload' failed: exit status 6, output: no start"
	wait_status c1 stopped
	acrun delete c1
}

@test "spec: execCPUAffinity holds for execs, and is told when it cannot" {
	make_bundle -- sleep 1000
	edit_config '.process.execCPUAffinity = {initial: "0", final: "0-0"} | .process.noNewPrivileges = false'
	create_container c1 --strict
	acrun start c1
	acrun exec c1 grep -q "Cpus_allowed_list:.0$" /proc/self/status
	jq '.process | .args = ["true"] | .execCPUAffinity = {final: "77"}' "$BUNDLE/config.json" >"$T/process.json"
	run acrun exec -p "$T/process.json" c1
	assert_status 255
	assert_output_has 'set execCPUAffinity.final "77": invalid argument'
	jq '.execCPUAffinity.initial = "1-"' "$T/process.json" >"$T/process2.json"
	run acrun exec -p "$T/process2.json" c1
	assert_status 255
	assert_output_has 'process.execCPUAffinity.initial: "1-" is not a list of CPUs'
	acrun delete --force c1
}

# refused FILTER TEXT: create of the bundle so changed fails, says TEXT and leaves nothing.
refused() {
	cp "$BUNDLE/config.json" "$T/good.json"
	edit_config "$1"
	run acrun create --bundle "$BUNDLE" c1 </dev/null
	assert_status 1
	assert_output_has "$2"
	[[ -z $(state_left) ]]
	mv "$T/good.json" "$BUNDLE/config.json"
}

@test "spec: what makes no sense, or cannot be had, is an error that names it, and nothing is left" {
	make_bundle -- true
	refused '.process.user.uid = 4294967295' 'unable to setup user: uids and gids must be in range 0-2147483647'
	refused '.process.rlimits[0].type = "RLIMIT_WARP"' 'wrong rlimit value: RLIMIT_WARP'
	refused '.mounts += [{destination: "/x", type: "bind", source: "/no/such", options: ["bind"]}]' \
		'error mounting "/no/such" to rootfs at "/x": stat /no/such: no such file or directory'
	refused '.linux.namespaces[1].path = "/proc/self/ns/uts"' "'/proc/self/ns/uts' is no ipc namespace"
	refused '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 9, hard: 99999999999}]' \
		'error setting rlimit RLIMIT_NOFILE: operation not permitted'
	refused '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["read"], action: "SCMP_ACT_FLY"}]}' \
		'action "SCMP_ACT_FLY" does not exist'
	refused '.linux.seccomp = {defaultAction: "SCMP_ACT_NOTIFY"}' 'action "SCMP_ACT_NOTIFY" is not supported'
	refused '.mounts += [{destination: "/etc/passwd/below", type: "tmpfs", source: "tmpfs"}]' \
		'error mounting "tmpfs" to rootfs at "/etc/passwd/below": create the mount point: not a directory'
	refused '.mounts += [{destination: "/x", type: "nosuchfs", source: "none"}]' \
		'error mounting "none" to rootfs at "/x": mount: no such device'
	refused '.linux.namespaces[1].path = "/no/ns"' 'namespace path: stat /no/ns: no such file or directory'
	refused '.mounts += [{destination: "/x", type: "tmpfs", source: "x", options: ["idmap"]}]' 'invalid mount /x: id-mapped mounts'
	refused '.mounts += [{destination: "/x", type: "bind", source: "/proc/sys", options: ["bind"], uidMappings: [{size: 1}], gidMappings: [{size: 1}]}]' \
		'error mounting "/proc/sys" to rootfs at "/x": ids of the guest'
	mkdir "$T/ram"
	mount -t ramfs ram "$T/ram"
	refused '.mounts += [{destination: "/x", type: "bind", source: "'"$T/ram"'", options: ["bind"], uidMappings: [{size: 1}], gidMappings: [{size: 1}]}]' \
		"$([[ $HV == acrn ]] && echo "ids can't be mapped, for this hypervisor" || echo 'failed to set MOUNT_ATTR_IDMAP on')"
	umount "$T/ram"
	refused '.linux.sysctl = {"no.such.key": "1"}' 'write sysctl key no.such.key: no such file or directory'
	assert_nothing_left
}

@test "spec: namespaces of the host can't be joined, which is told" {
	make_bundle -- true
	edit_config '.linux.namespaces |= map(if .type == "ipc" then .path = "/proc/self/ns/ipc" else . end)'
	run -0 run_container c1
	assert_output_has "linux.namespaces[1].path is not applied: ipc namespaces of the host can't be joined from a virtual machine"
	run run_container c1 --strict
	assert_status 1
	assert_output_has "linux.namespaces[1].path is not applied"
}

@test "spec: capabilities that there are not are warned of, and an error with --strict" {
	make_bundle -- true
	edit_config '.process.capabilities.bounding += ["CAP_FLY"]'
	run run_container c1
	assert_status 0
	assert_output_has 'process.capabilities.bounding[14] is not applied: there is no capability'
	run run_container c1 --strict
	assert_status 1
	assert_output_has 'process.capabilities.bounding[14] is not applied: there is no capability "CAP_FLY"'
}

@test "spec: links in the root file system lead nowhere else, and /proc is no link" {
	make_payload_bundle
	mkdir "$T/outside"
	echo mine >"$T/outside/file"
	ln -s "/../../../../../../../..$T/outside" "$BUNDLE/rootfs/evil"
	ln -s ../../../../../../../../etc "$BUNDLE/rootfs/up"
	ln -s evil/file "$BUNDLE/rootfs/file"
	edit_config '.mounts += [{destination: "/evil/sub", type: "tmpfs", source: "tmpfs", options: ["size=4k"]},
		{destination: "/file", type: "bind", source: "/etc/hostname", options: ["bind"]}, {destination: "/up/new", type: "tmpfs", source: "t"}]
		| .linux.maskedPaths += ["/evil/file"] | .linux.readonlyPaths += ["/up"] | .linux.devices = [{path: "/evil/node", type: "c", major: 1, minor: 3}]
		| .process.cwd = "/evil/cwd"'
	set_args sh -c 'ls -R evil/; cat file; grep -c /new /proc/self/mountinfo; stat -c %F evil/node; pwd'
	run -0 run_container c1
	assert_equal "$(ls -A "$T/outside")" file
	assert_equal "$(<"$T/outside/file")" mine
	[[ ! -e /etc/new ]]
	[[ -d $BUNDLE/rootfs$T/outside/cwd ]]
	local kind
	for kind in proc sys; do
		rmdir "$BUNDLE/rootfs/$kind"
		ln -s /tmp "$BUNDLE/rootfs/$kind"
		run run_container c1
		assert_status 1
		assert_output_has 'must be mounted on ordinary directory'
		rm "$BUNDLE/rootfs/$kind"
		mkdir "$BUNDLE/rootfs/$kind"
	done
}

@test "spec: containers of a pod share its user namespace by path, and all else works in it" {
	make_bundle -- sleep 1000
	edit_config '.annotations = {"io.kubernetes.cri.container-type": "sandbox", "io.kubernetes.cri.sandbox-id": "pod"}'
	user_namespace
	create_container pod
	acrun start pod
	local pid
	pid=$(container_pid pod)
	mv "$BUNDLE" "$T/pod"
	make_bundle --terminal -- sleep 1000
	user_namespace
	edit_config '.annotations = {"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "pod"} | del(.hostname)
		| .linux.namespaces = [{type: "pid"}, {type: "mount"}, {type: "cgroup"}, {type: "user", path: "/proc/\($pid)/ns/user"},
			{type: "ipc", path: "/proc/\($pid)/ns/ipc"}, {type: "uts", path: "/proc/\($pid)/ns/uts"}, {type: "network", path: "/proc/\($pid)/ns/net"}]
		| .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 2000, hard: 900000}] | .process.oomScoreAdj = -5
		| .mounts += [{destination: "/etc/hostname", type: "bind", source: "/etc/hostname", options: ["bind", "ro"]}]' --arg pid "$pid"
	"$(dirname "$ACRUN")/../tests/recvtty" "$T/tty.sock" "$T/tty.out" </dev/null >/dev/null 2>&1 3>&- &
	wait_for 10 test -S "$T/tty.sock"
	create_container member --console-socket "$T/tty.sock"
	acrun start member
	run -0 acrun exec member sh -c 'readlink /proc/self/ns/user; readlink /proc/self/ns/ipc; cat /proc/self/uid_map; id -u; stat -c %u / /dev/pts/0 /dev/console
		ulimit -Hn; cat /etc/hostname; mount -t tmpfs t /tmp 2>&1; : >/dev/null && : </dev/zero && echo nodes' </dev/null
	local seen=$output
	run -0 acrun exec pod sh -c 'readlink /proc/self/ns/user; readlink /proc/self/ns/ipc; cat /proc/self/uid_map' </dev/null
	assert_equal "$(head -n 3 <<<"$seen")" "$output"
	# the tty belongs to it as well; CAP_SYS_ADMIN is what it was not given
	assert_equal "$(tail -n +4 <<<"$seen" | tr '\n' ' ')" \
		"0 0 0 0 900000 $(cat /etc/hostname) mount: permission denied (are you root?) nodes "
	acrun delete --force member
	acrun delete --force pod
}


@test "spec: seccomp: what each action does, and conditions on arguments" {
	make_bundle -- sh -c 'exec 2>&1; mkdir /tmp/a; rmdir /tmp 2>&1; chown 7:7 /tmp && echo chown; chown 8:7 /tmp 2>&1; link /tmp/x /tmp/y 2>&1
		(exec chroot / true); echo "killed $?"; (exec hostname x); echo "trapped $?"; (exec sync); echo "logged $?"; grep Seccomp: /proc/self/status'
	edit_config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"], flags: ["SECCOMP_FILTER_FLAG_LOG"],
		syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28}, {names: ["rmdir", "unlinkat"], action: "SCMP_ACT_ERRNO"},
			{names: ["chown", "lchown"], action: "SCMP_ACT_ERRNO", errnoRet: 95, args: [{index: 1, value: 7, op: "SCMP_CMP_GT"}]},
			{names: ["link", "linkat"], action: "SCMP_ACT_TRACE"}, {names: ["chroot"], action: "SCMP_ACT_KILL_PROCESS"},
			{names: ["sethostname"], action: "SCMP_ACT_TRAP"}, {names: ["sync"], action: "SCMP_ACT_LOG"},
			{names: ["access", "faccessat", "faccessat2"], action: "SCMP_ACT_ERRNO"}]} | .process.noNewPrivileges = false'
	run -0 run_container c1 --strict
	[[ ${lines[0]} == *"No space left on device" && ${lines[1]} == *"Operation not permitted" && ${lines[2]} == chown ]]
	[[ ${lines[3]} == *"Operation not supported" && ${lines[4]} == *"Function not implemented" ]]
	echo "$output"
	[[ $output == *"killed 159"*"trapped 159"*"logged 0"*"Seccomp:"*2 ]]
}

@test "spec: ids of a bind mount are mapped on the host, as the container sees them and as it makes files" {
	make_bundle -- sh -c 'stat -c "%u:%g %n" /own /own/file /own/below/file /tree/below/file /users/file
		touch /own/mine /users/mine && chown 7:8 /own/mine; (: >/own/file) && echo written; chown 9:9 /own/mine 2>&1; stat -c "%u:%g" /own/mine'
	mkdir "$T/dir" "$T/below" "$T/users"
	touch "$T/dir/file" "$T/below/file" "$T/users/file"
	mkdir "$T/dir/below"
	mount --bind "$T/below" "$T/dir/below"
	chown 5000:6000 "$T/dir" "$T/dir/file" "$T/below/file"
	user_namespace 100000
	local map='[{containerID: 5000, hostID: 100000, size: 9}]'
	edit_config '.mounts += [
		{destination: "/own", type: "bind", source: ($t + "/dir"), options: ["rbind", "idmap"], uidMappings: $uids, gidMappings: $gids},
		{destination: "/tree", type: "bind", source: ($t + "/dir"), options: ["rbind", "ridmap"], uidMappings: $uids, gidMappings: $gids},
		{destination: "/users", type: "bind", source: ($t + "/users"), options: ["bind", "idmap"]}]' \
		--arg t "$T" --argjson uids "$(jq -n "$map")" --argjson gids "$(jq -n "$map" | jq '.[].containerID = 6000')"
	run --separate-stderr run_container c1
	umount "$T/dir/below"
	assert_status 0
	assert_equal "$output" "0:0 /own
0:0 /own/file
65534:65534 /own/below/file
0:0 /tree/below/file
0:0 /users/file
written
chown: /own/mine: Value too large for defined data type
7:8"
	assert_equal "$(stat -c %u:%g "$T/dir/mine" "$T/users/mine" | tr '\n' ' ')" "5007:6008 0:0 "
}

# as_runc FILTER [STATUS [STDIN]]: the bundle so changed has with acrun the exit code, the output and the errors that it has with runc.
as_runc() {
	local code=0 ours=0 stream
	cp "$BUNDLE/config.json" "$T/good.json"
	edit_config "$1"
	runc --root "$T/runc" run --bundle "$BUNDLE" c1 <<<"${3:-}" >"$T/runc.out" 2>"$T/runc.err" || code=$?
	acrun run --strict --bundle "$BUNDLE" c1 <<<"${3:-}" >"$T/acrun.out" 2>"$T/acrun.err" || ours=$?
	assert_equal "$code" "${2:-0}"
	assert_equal "$ours" "$code"
	# each runtime says in its own way that it was the one that failed; warnings are about the host
	sed -i '/^time=.* level=warning /d; s/^time=.*msg="runc run failed: \(.*\)"$/\1/; s/^acrun run failed: //; s/\\"/"/g' "$T/runc.err" "$T/acrun.err"
	for stream in out err; do
		diff "$T/runc.$stream" "$T/acrun.$stream"
	done
	mv "$T/good.json" "$BUNDLE/config.json"
}

@test "spec: the same bundles have the same exit codes and the same output with runc" {
	make_bundle -- sh -c 'exec 2>&1; id; pwd; umask; env | sort; hostname; tty; cat; ulimit -n; ulimit -Hc; cat /proc/self/oom_score_adj; uname -m
		grep -E "^(Cap|NoNew|Seccomp:|Groups|SigBlk|SigIgn|SigCgt)" /proc/self/status; stat -c "%n %F %t,%T %u:%g %a" /dev /dev/* /dev/pts/ptmx /proc /sys /run/new /run
		awk "{ print \$5, \$6 }" /proc/self/mountinfo | grep -v "^/dev/\(null\|zero\|full\|tty\|u*random\) \|^/ \|^/proc/[kst]"; mkdir /tmp/no; touch /ro /sys/x
		echo x >/proc/sys/kernel/hostname; head -c 1 /proc/timer_list | wc -c; ls /sys/firmware; ls -la /proc/self/fd/ | grep -c " [0-9] -> "; (exec chroot /)'
	as_runc '.process.user = {uid: 1000, gid: 2000, umask: 23, additionalGids: [5, 77]} | .process.cwd = "/home" | .process.noNewPrivileges = true
		| .process.env += ["ODD=a=b c", "HOME=/nowhere"] | .process.oomScoreAdj = 321 | .root.readonly = true | .hostname = "some-name"
		| .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 99, hard: 100}, {type: "RLIMIT_CORE", soft: 5, hard: 6}]
		| .process.capabilities |= {bounding: .bounding, permitted: ["CAP_KILL"], inheritable: ["CAP_KILL"], effective: ["CAP_KILL"], ambient: ["CAP_KILL"]}
		| .mounts += [{destination: "/run/new", type: "tmpfs", source: "tmpfs", options: ["nodev", "noexec", "mode=1770", "size=64k"]}]' 1 'from stdin'
	as_runc '.linux.devices = [{path: "/dev/some", type: "c", major: 10, minor: 229, fileMode: 416, gid: 9}]
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"],
			syscalls: [{names: ["chroot"], action: "SCMP_ACT_KILL_PROCESS"}, {names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28}]}' 159
	as_runc '.process.args = ["sh", "-c", "echo out; echo err >&2; sh -c \"kill -9 \\$\\$\"; exit $?"]' 137
	as_runc '.process.args = ["/etc/passwd"]' 1
	as_runc '.process.args = ["no-such"]' 1
	as_runc '.hostname = "x" | .linux.namespaces |= map(select(.type != "uts"))' 1
}
