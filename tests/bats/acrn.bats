#!/usr/bin/env bats
# Containers on ACRN, through the stand-in for its device model: files come as images on disks, for nothing is shared.
load helpers

setup() {
	common_setup
	build=$(cd "$(dirname "$ACRUN")/.." && pwd)
	data=$build/share/acrun
	ln -s "$build/tests/acrn/acrn-dm" "$build/tests/acrn/acrnctl" "$T/"
	export ACRUN_CONF_FILE=$T/acrun.toml
	use_release 3.4
}

teardown() { common_teardown; }

# use_release RELEASE: what the stand-in is, and a configuration for it.
use_release() {
	printf '%s\n' "profile = $1" "faults = $T/faults" "kernel = $data/vmlinux" >"$T/acrn-dm.conf"
	cat >"$ACRUN_CONF_FILE" <<-END
		[runtime]
		hypervisor = "acrn"
		[hypervisor.acrn]
		path = "$T/acrn-dm"
		device = "/dev/null"
		[storage]
		image_cache = "$T/cache"
	END
}

# The device model found nothing wrong but what cannot be helped: an image is read-only.
assert_no_faults() {
	! grep -v "is read-only, which the guest does not see" "$T/faults"
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
	# the host's are as they were
	assert_equal "$(cat "$BUNDLE/rootfs/etc/motd")" original
	assert_no_faults
}

@test "2.0: create, exec and delete; a writable file is a copy, and said to be" {
	use_release 2.0
	make_bundle -- sleep 600
	echo mine >"$T/one"
	edit_config '.mounts += [{type: "bind", source: "\($t)/one", destination: "/one", options: ["bind"]}]' --arg t "$T"
	run create_container c1
	assert_status 0
	grep -qF "mount at \\\"/one\\\": the container has a copy" "$T/c1.err" ||
		grep -qF "mount at \"/one\": the container has a copy" "$T/c1.err"
	acrun start c1
	run acrun exec c1 sh -c 'echo theirs >>/one; cat /one' </dev/null
	assert_equal "$output" "$(printf '%s\n' mine theirs)"
	assert_equal "$(cat "$T/one")" mine
	acrun delete --force c1
	[[ ! -e $ROOT/c1 ]]
	assert_no_faults
}

@test "what cannot be in an image is refused before a machine is started, and by name" {
	make_bundle -- true
	mkdir "$T/dir"
	# no machine could be started
	echo "qemu = $T/absent" >>"$T/acrn-dm.conf"
	edit_config '.mounts += [{type: "bind", source: "\($t)/dir", destination: "/rw", options: ["rbind"]}]' --arg t "$T"
	run run_container c1
	assert_status 1
	assert_output_has "error mounting \"$T/dir\" to rootfs at \"/rw\": this hypervisor shares no directories"
	assert_output_has "add \"ro\" to the options of the mount"
	[[ ! -e $ROOT/c1 ]]
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
