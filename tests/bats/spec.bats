#!/usr/bin/env bats
# A container sees what its config.json says: looked at from inside, and where runc can run the same bundle, compared.
load helpers

setup() { common_setup; }
teardown() { common_teardown; }

# user_namespace [FIRST]: the container's ids are FIRST (100000) and following on the host; so are the files of its rootfs.
user_namespace() {
	local first=${1:-100000}
	edit_config '.linux.namespaces += [{type: "user"}] | .linux.gidMappings = .linux.uidMappings
		| .linux.uidMappings = [{containerID: 0, hostID: ($first | tonumber), size: 65536}]
		| .linux.gidMappings = .linux.uidMappings' --arg first "$first"
	chown -R "$first:$first" "$BUNDLE/rootfs"
}

@test "spec: a user namespace looks from inside as runc's does" {
	make_bundle -- sh -c 'id; cat /proc/self/uid_map /proc/self/gid_map; hostname; cd /
		stat -c "%n %U:%G %u:%g %a %F" bin etc dev proc sys dev/* proc/sys proc/1/mem tmp
		stat -c "%t,%T %u:%g %a" dev/null dev/zero dev/full dev/random dev/urandom dev/tty
		touch etc/mine && chown 5:6 etc/mine && stat -c "%u:%g" etc/mine; rm etc/mine
		mkdir tmp/m && mount -t tmpfs none tmp/m && stat -c "%u:%g %a" tmp/m && umount tmp/m; rmdir tmp/m
		hostname renamed && hostname; mknod tmp/node c 1 3; chown 0:0 proc/sys
		awk "{ print \$5, \$6 }" proc/self/mountinfo | grep -v "^/dev/[a-z]* \|^/proc/\(k\|t\|sysrq\)\|/sys/firmware"; echo end'
	edit_config '.process.capabilities[] |= . - ["CAP_NET_RAW"] + ["CAP_SYS_ADMIN"]'
	user_namespace
	run -0 run_container c1 --strict
	local ours=$output
	# its root is nobody who may look into the test's directory
	chmod 711 "$T"
	run -0 runc --root "$T/runc" run --bundle "$BUNDLE" c1 </dev/null
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
	assert_equal "$(stat -c %u:%g "$BUNDLE/rootfs/tmp/file")" '201000:202000'
	assert_equal "$(acrun exec -t c1 stat -c %u /dev/pts/1 </dev/null | tr -d '\r')" 0
	run acrun exec -u 70000 c1 true
	assert_status 255
	assert_output_has 'setuid 70000: invalid argument'
	acrun delete --force c1
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
