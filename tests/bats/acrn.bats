#!/usr/bin/env bats
# Containers on ACRN, through the stand-in for its device model: files come as images on disks, for nothing is shared.
load helpers

HV=acrn

setup() {
	common_setup
}

teardown() { common_teardown; }

# use_release RELEASE: what the stand-in is.
use_release() {
	sed -i "s/^profile = .*/profile = $1/" "$T/acrn-dm.conf"
}

@test "3.x: a container has its files, writes to a layer of its own, and sees the files that are bound" {
	make_bundle -- sh -c 'cat /etc/motd /bound/deep/file /one; echo new >/etc/motd; cat /etc/motd; ln /bin/busybox /tmp/b
		stat -c %a:%u:%g /odd; readlink /link; touch /bound/x || exit 7'
	echo original >"$BUNDLE/rootfs/etc/motd"
	ln -s etc/motd "$BUNDLE/rootfs/link"
	install -m 2750 -o 12 -g 34 /dev/null "$BUNDLE/rootfs/odd"
	mkdir -p "$T/source/deep"
	echo below >"$T/source/deep/file"
	echo alone >"$T/one"
	edit_config '.mounts += [{type: "bind", source: "\($t)/source", destination: "/bound", options: ["rbind", "ro"]},
		{type: "bind", source: "\($t)/one", destination: "/one", options: ["bind", "ro"]}]' --arg t "$T"
	run --separate-stderr run_container c1
	assert_status 7
	assert_equal "$output" "$(printf '%s\n' original below alone new 2750:12:34 etc/motd)"
	assert_output_has "Read-only file system"
	# it is there when the container has gone, and not when that is not wanted
	assert_equal "$(cat "$BUNDLE/rootfs/etc/motd")" new
	echo original >"$BUNDLE/rootfs/etc/motd"
	printf '[storage]\ncopy_root = false\n' >>"$ACRUN_CONF_FILE"
	run --separate-stderr run_container c1
	assert_status 7
	assert_equal "$(cat "$BUNDLE/rootfs/etc/motd")" original
}

@test "2.0: create, exec and delete; what is written to a file that is bound is there after delete" {
	use_release 2.0
	make_bundle -- sleep 600
	echo mine >"$T/one"
	edit_config '.mounts += [{type: "bind", source: "\($t)/one", destination: "/one", options: ["bind"]}]' --arg t "$T"
	run create_container c1
	assert_status 0
	acrun start c1
	run acrun exec c1 sh -c 'echo theirs >>/one; cat /one' </dev/null
	assert_equal "$output" "$(printf '%s\n' mine theirs)"
	assert_equal "$(cat "$T/one")" mine
	acrun delete --force c1
	assert_equal "$(cat "$T/one")" "$(printf '%s\n' mine theirs)"
	[[ ! -e $ROOT/c1 ]]
}

@test "what cannot be brought to the guest is refused before a machine is started, and by name" {
	make_bundle -- true
	mkdir "$T/dir"
	head -c 2M /dev/zero >"$T/dir/file"
	# no machine could be started
	echo "qemu = $T/absent" >>"$T/acrn-dm.conf"
	printf '[storage]\ncopy_max = 1\n' >>"$ACRUN_CONF_FILE"
	edit_config '.mounts += [{type: "bind", source: "\($t)/dir", destination: "/rw", options: ["rbind"]}]' --arg t "$T"
	run run_container c1
	assert_status 1
	assert_output_has "error mounting \"$T/dir\" to rootfs at \"/rw\": this hypervisor shares no directories with its guests, and the 2 MiB"
	assert_output_has "the limit is copy_max = 1 in [storage]; or add \"ro\" to the options of the mount"
	[[ ! -e $ROOT/c1 ]]
	edit_config '.mounts[-1] = {type: "bind", source: "/dev", destination: "/host-dev", options: ["rbind", "ro"]}'
	run run_container c1
	assert_status 1
	assert_output_has "error mounting \"/dev\" to rootfs at \"/host-dev\": devices of the host cannot be reached"
}

@test "an image that would fill the disk is not made, and create says what there was room for" {
	make_bundle -- true
	head -c 16M /dev/urandom >"$BUNDLE/rootfs/big"
	mkdir -m 700 "$T/cache"
	mount -t tmpfs -o size=8m,mode=700 none "$T/cache"
	run run_container c1
	umount "$T/cache"
	assert_status 1
	assert_output_has "pack '$BUNDLE/rootfs' for \"/\": its image would have more than "
}

@test "what the device model cannot do the agent does, or it is refused: never a success that is none" {
	make_bundle -- sh -c 'sleep 999 & while :; do echo tick; sleep 0.1; done'
	create_container c1
	acrun start c1
	wait_for 20 grep -q tick "$T/c1.out"
	# paused: nothing moves; the machine still answers
	acrun pause c1
	assert_equal "$(container_status c1)" paused
	local before
	before=$(acrun events --stats c1 | jq .data.cpu.usage.total)
	assert_equal "$(acrun events --stats c1 | jq .data.cpu.usage.total)" "$before"
	run acrun exec c1 true
	assert_status 255
	assert_output_has "cannot exec in a paused container"
	acrun resume c1
	wait_for 20 eval '[[ $(acrun events --stats c1 | jq .data.cpu.usage.total) -gt $before ]]'
	# limits hold in the guest; what would need a larger machine is refused
	acrun update --memory 64m --pids-limit 20 c1
	assert_equal "$(acrun events --stats c1 | jq -c '[.data.memory.usage.limit, .data.pids.limit]')" '[67108864,20]'
	run acrun update --memory 4g c1
	assert_status 1
	assert_output_has "memory"
	run acrun update --cpu-period 100000 --cpu-quota 400000 c1
	assert_status 0
	assert_output_has "the virtual machine keeps 1: acrn cannot add vCPUs to a running machine"
	assert_equal "$(acrun events --stats c1 | jq -c '[.data.memory.usage.limit, .data.pids.limit]')" '[67108864,20]'
	[[ $(acrun ps c1) == *"sleep 999"* ]]
	run acrun exec c1 sh -c 'echo out; exit 3' </dev/null
	assert_status 3
	assert_equal "$output" out
	acrun kill --all c1 KILL
	wait_status c1 stopped
	acrun delete c1
}

@test "a guest that resets is a machine that has ended, although its process lives" {
	local code=0 vmm
	make_bundle -- sh -c 'echo up; read -r go; echo b >/proc/sysrq-trigger; sleep 1000'
	edit_config 'del(.linux.readonlyPaths, .linux.maskedPaths)'
	mkfifo "$T/go"
	acrun run --keep --bundle "$BUNDLE" c1 <"$T/go" >"$T/c1.out" 2>&1 &
	local pid=$!
	exec 9>"$T/go"
	wait_for 60 grep -q up "$T/c1.out"
	vmm=$(jq .vmm.pid "$ROOT/c1/state.json")
	echo go >&9
	wait "$pid" || code=$?
	exec 9>&-
	assert_equal "$code" 255
	assert_equal "$(container_status c1)" stopped
	grep -q "the guest was reset" "$T/faults"
	sed -i '/the guest was reset/d' "$T/faults"
	acrun delete c1
	run ! grep -qs "^State:.[^ZX]" "/proc/$vmm/status" # nobody may have reaped it yet
	assert_nothing_left
}

@test "a device model that is missing, or dies at once, is told about with its own words" {
	make_bundle -- true
	rm "$T/acrn-dm"
	run acrun create --bundle "$BUNDLE" c1 </dev/null
	assert_status 1
	assert_output_has "cannot run '$T/acrn-dm'"
	printf '#!/bin/sh\n[ "$1" != -v ] || { echo "DM: 3.4"; exit 0; }\necho "hear my last words"\nexit 10\n' >"$T/acrn-dm"
	chmod 755 "$T/acrn-dm"
	run acrun create --bundle "$BUNDLE" c1 </dev/null
	assert_status 1
	assert_output_has "exit status 10: it cannot load the kernel"
	assert_output_has "hear my last words"
	assert_nothing_left
}

@test "check looks at ACRN's host, names what is missing, and makes no machine that cannot be" {
	run ! eval 'acrun check --create --json >"$T/checks" 2>"$T/check.err"'
	local name
	for name in acrn acrn-device acrn-dm iasl hugepages acrn-cpus vhost-vsock acrnctl mkfs.erofs create; do
		jq -e --arg name "$name" '[.checks[] | select(.name == $name)] | length == 1' "$T/checks"
	done
	jq -e '.checks[] | select(.name == "acrn" and .status == "fail" and (.remedy | contains("service VM")))' "$T/checks"
	jq -e '.checks[] | select(.name == "acrn-dm" and .status == "ok" and (.detail | endswith("release 3.4, profile 3.x")))' "$T/checks"
	jq -e '.checks[] | select(.name == "create" and .status == "fail" and (.detail | contains("makes no virtual machines")))' "$T/checks"
	# where ACRN is not there and not asked for, that is told, and QEMU is looked at
	rm "$T/config.d/00-acrn.toml"
	acrun check --json >"$T/checks"
	jq -e '.checks[] | select(.name == "acrn" and .status == "ok" and (.detail | startswith("not used: ")))' "$T/checks"
	jq -e '.checks[] | select(.name == "hypervisor" and .detail == "qemu")' "$T/checks"
}

@test "nothing of it can be saved: no template, no cache, and that is said" {
	run acrun factory init
	assert_status 0
	assert_equal "$output" "vm factory or VMCache is not enabled"
	printf '[factory]\nvm_cache_number = 2\nvm_cache_endpoint = "%s"\n' "$T/cache.sock" >"$ACRUN_CONF_FILE"
	run acrun factory init
	assert_status 1
	assert_output_has "acrn is not supported by VM cache"
}
