#!/usr/bin/env bats
# What runc's own tests look at and no other file of ours does.
load helpers

setup() { common_setup; }
teardown() { common_teardown; }

@test "runc: what is to be read-only is filled first; a tmpfs is as open as what it hides" {
	make_bundle --terminal -- sh -c 'for d in /dev /made /hidden; do grep " $d " /proc/mounts; done | cut -d" " -f2-4 | cut -d, -f1
		stat -c %a /hidden /open /told /new; [ -c /dev/null ] && [ -d /dev/pts ] && [ -c /dev/console ]; echo nodes $?; touch /dev/x /made/x'
	mkdir "$BUNDLE"/rootfs/{hidden,open,told}
	chmod 0710 "$BUNDLE"/rootfs/{hidden,open,told}
	edit_config '(.mounts[] | select(.destination == "/dev").options) += ["ro"] | .mounts += [
		{destination: "/made", type: "tmpfs", source: "tmpfs", options: ["ro"]},
		{destination: "/made/below", type: "tmpfs", source: "tmpfs"},
		{destination: "/hidden", type: "tmpfs", source: "tmpfs", options: ["ro", "nosuid"]},
		{destination: "/open", type: "tmpfs", source: "tmpfs"},
		{destination: "/told", type: "tmpfs", source: "tmpfs", options: ["mode=1500"]},
		{destination: "/new", type: "tmpfs", source: "tmpfs"}]'
	run acrun run --bundle "$BUNDLE" c1 </dev/null
	# without carriage returns: they are for terminals, and the output is none
	assert_equal "$output" '/dev tmpfs ro
/made tmpfs ro
/hidden tmpfs ro
710
710
1500
1777
nodes 0
touch: /dev/x: Read-only file system
touch: /made/x: Read-only file system'
}

@test "runc: hooks before the process are under its filter; a hook that a signal ends is told so" {
	make_bundle -- echo never
	edit_config '.process.noNewPrivileges = true
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_KILL_PROCESS"}]}
		| .hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "exec mkdir /tmp/made"]}]'
	run acrun run --bundle "$BUNDLE" c1 </dev/null
	assert_status 1
	assert_output_has "error running startContainer hook #0: '/bin/sh' failed: exit status 159 (signal: bad system call)"
	[ ! -e "$BUNDLE/rootfs/tmp/made" ]
}

@test "runc: CAP_DAC_OVERRIDE runs what only its owner may" {
	make_bundle -- /owned/busybox echo hello
	mkdir "$BUNDLE/rootfs/owned"
	cp "$BUNDLE/rootfs/bin/busybox" "$BUNDLE/rootfs/owned/busybox"
	chmod 0500 "$BUNDLE/rootfs/owned/busybox"
	edit_config '.process.user = {uid: 1000, gid: 1000} | .process.capabilities = {}'
	run acrun run --bundle "$BUNDLE" c1 </dev/null
	assert_status 1
	assert_output_has 'exec: "/owned/busybox": permission denied'
	edit_config '.process.capabilities[("bounding", "effective", "inheritable", "permitted", "ambient")] = ["CAP_DAC_OVERRIDE"]'
	run acrun run --bundle "$BUNDLE" c1 </dev/null
	assert_equal "$output" hello
}

@test "runc: a cpuset of the host's CPUs binds the machine, also where the guest has fewer" {
	local last=$(($(nproc) - 1)) name="acrun-${T##*.}" file
	make_bundle -- sleep 1000
	edit_config ".linux.cgroupsPath = \"/$name\" | .linux.resources.cpu = {cpus: \"$last\", mems: \"0\"}"
	create_container c1
	file=$(find /sys/fs/cgroup -path "*/$name/cpuset.cpus" | head -n 1)
	assert_equal "$(cat "$file")" "$last"
	acrun start c1
	acrun delete --force c1
}
