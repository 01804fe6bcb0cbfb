#!/usr/bin/env bats
# Root file systems, bind mounts and disks of containers on ACRN, through the stand-in for its device model.
load helpers

setup() {
	common_setup
	build=$(cd "$(dirname "$ACRUN")/.." && pwd)
	data=$build/share/acrun
	ln -s "$build/tests/acrn/acrn-dm" "$build/tests/acrn/acrnctl" "$T/"
	export ACRUN_CONF_FILE=$T/acrun.toml
	CACHE=$T/cache
	use_storage
}

teardown() { common_teardown; }

# use_storage [LINES OF [storage]...]: a configuration for the stand-in.
use_storage() {
	printf '%s\n' "profile = 3.4" "faults = $T/faults" "kernel = $data/vmlinux" >"$T/acrn-dm.conf"
	cat >"$ACRUN_CONF_FILE" <<-END
		[runtime]
		hypervisor = "acrn"
		create_container_timeout = 180
		[hypervisor.acrn]
		path = "$T/acrn-dm"
		device = "/dev/null"
		[storage]
		image_cache = "$CACHE"
	END
	printf '%s\n' "$@" >>"$ACRUN_CONF_FILE"
}

# without_machine: the device model cannot start one.
without_machine() {
	echo "qemu = $T/absent" >>"$T/acrn-dm.conf"
}

# images: what is in the cache; an image that was packed anew has another inode or time of birth.
images() {
	find "$CACHE" -name image -printf '%h %i %B@\n' | sort
}

# add_bind SOURCE DESTINATION OPTION: a bind mount in config.json.
add_bind() {
	edit_config '.mounts += [{type: "bind", source: $source, destination: $destination, options: ["rbind", $option]}]' \
		--arg source "$1" --arg destination "$2" --arg option "$3"
}

# The device model found nothing wrong but what cannot be helped: an image is read-only.
assert_no_faults() {
	! grep -v "is read-only, which the guest does not see" "$T/faults"
}

# make_nasty DIR: a tree of what copies like to lose.
make_nasty() {
	local dir=$1 i
	mkdir -p "$dir"/{empty,many,deep/1/2/3/4/5/6/7/8/9} "$dir/with blank"
	for i in {1..40}; do
		echo "$i" >"$dir/many/$i"
	done
	head -c 300000 /dev/urandom >"$dir/bytes"
	: >"$dir/nothing"
	echo one >"$dir/one"
	ln "$dir/one" "$dir/many/same"
	ln "$dir/one" "$dir/deep/same"
	ln -s one "$dir/link"
	ln -s /absolute/nowhere "$dir/dangling"
	ln -s "$(printf 'x%.0s' {1..300})" "$dir/long-link"
	truncate -s 20M "$dir/holes"
	printf data | dd of="$dir/holes" bs=1 seek=10000000 conv=notrunc status=none
	echo line >"$dir/"$'new\nline'
	echo bytes >"$dir/"$'\xff\xfe\x80'
	echo quote >"$dir/\"quote', back\\slash: *?["
	echo long >"$dir/$(printf 'n%.0s' {1..254})"
	install -m 4755 -o 0 -g 12 /dev/null "$dir/setuid"
	install -m 2750 -o 1234 -g 70000 /dev/null "$dir/setgid"
	install -m 000 -o 4000000 -g 4000000 /dev/null "$dir/nobody"
	install -d -m 1777 "$dir/sticky"
	cp /bin/true "$dir/capable"
	setcap cap_net_raw+ep "$dir/capable"
	"$build/tests/treesum" --set "$dir/one" user.name value
	"$build/tests/treesum" --set "$dir/empty" user.dir "$(printf 'v%.0s' {1..200})"
	mkfifo "$dir/pipe"
	mknod "$dir/null" c 1 3
	touch -d '1969-12-31 23:00:00.5' "$dir/many/1"
	touch -d '2100-01-01 00:00:00.123456789' "$dir/many/2"
	touch -h -d '2001-02-03 04:05:06.7' "$dir/link"
	touch -d '2010-10-10 10:10:10.101010101' "$dir/deep/1/2"
}

@test "an unchanged root is packed once, and a change in disguise is seen" {
	make_bundle -- cat /etc/motd
	echo old >"$BUNDLE/rootfs/etc/motd"
	touch -d 2020-01-01 "$BUNDLE/rootfs/etc/motd"
	run -0 run_container c1
	assert_equal "$output" old
	first=$(images)
	assert_equal "$(images | wc -l)" 1
	assert_equal "$(stat -c %a "$CACHE")" 700

	run -0 run_container c2
	assert_equal "$output" old
	assert_equal "$(images)" "$first"

	# the same size, the same time
	echo new >"$BUNDLE/rootfs/etc/motd"
	touch -d 2020-01-01 "$BUNDLE/rootfs/etc/motd"
	run -0 run_container c3
	assert_equal "$output" new
	assert_equal "$(images | wc -l)" 2
	assert_no_faults
	# nobody uses them any more, but they are within the size
	run -0 acrun gc
	assert_equal "$(images | wc -l)" 2
}

@test "two creates at once pack a root once" {
	make_bundle -- sh -c 'sha256sum </big'
	head -c 64M /dev/urandom >"$BUNDLE/rootfs/big"
	local first second
	run_container c1 >"$T/out1" 2>"$T/err1" 3>&- &
	first=$!
	run_container c2 >"$T/out2" 2>"$T/err2" 3>&- &
	second=$!
	wait "$first"
	wait "$second"
	assert_equal "$(cat "$T/out1")" "$(sha256sum <"$BUNDLE/rootfs/big")"
	assert_equal "$(cat "$T/out2")" "$(cat "$T/out1")"
	assert_equal "$(images | wc -l)" 1
	assert_no_faults
}

@test "a create that is killed while it packs leaves nothing that is used, and gc takes it" {
	make_bundle -- true
	head -c 512M /dev/zero | tr '\0' x >"$BUNDLE/rootfs/big"
	acrun create --bundle "$BUNDLE" c1 </dev/null >"$T/c1.out" 2>"$T/c1.err" &
	creator=$!
	wait_for 60 has_part
	kill -KILL "$creator"
	wait "$creator" || true
	assert_equal "$(images | wc -l)" 0
	acrun delete --force c1
	run -0 acrun gc --dry-run
	assert_output_has "an image that was never finished"
	has_part
	run -0 acrun gc
	assert_equal "$(ls "$CACHE")" ""
}

has_part() {
	[[ -n $(find "$CACHE" -name part 2>/dev/null) ]]
}

# compare_nasty FORMAT TREESUM-OPTIONS...: the tree as a container sees it, and as the host does.
compare_nasty() {
	make_bundle -- /treesum /nasty "${@:2}"
	cp "$build/tests/treesum" "$BUNDLE/rootfs/"
	add_bind "$T/nasty" /nasty ro
	"$build/tests/treesum" "$T/nasty" "${@:2}" >"$T/want"
	run_container c1 >"$T/got"
	diff -u "$T/want" "$T/got"
	[[ $(find "$CACHE" -name "*.$1" | wc -l) -eq 2 ]]
	assert_no_faults
}

@test "erofs: whatever is in a tree is in its image" {
	make_nasty "$T/nasty"
	compare_nasty erofs
	# holes take no room
	[[ $(find "$CACHE" -name image -size +8M | wc -l) -eq 0 ]]
}

@test "ext4: whatever is in a tree is in its image, but for parts of seconds" {
	use_storage 'image_format = "ext4"'
	make_nasty "$T/nasty"
	# nor has its packer years before 1970 and after 2038
	touch -d 2011-11-11 "$T/nasty/many/1" "$T/nasty/many/2"
	echo longest >"$T/nasty/$(printf 'N%.0s' {1..255})"
	compare_nasty ext4 -t
}

# without_erofs: an initrd whose kernel cannot read it.
without_erofs() {
	mkdir "$T/initrd"
	(cd "$T/initrd" && cpio -idm --quiet <"$data/initrd.cpio" && find . -name 'erofs.ko' -print -delete | grep -q . &&
		find . | cpio -o -H newc --quiet >"$T/initrd.cpio")
	rm -r "$T/initrd"
	sed -i "s|^device = .*|&\ninitrd = \"$T/initrd.cpio\"|" "$ACRUN_CONF_FILE"
}

@test "ext4 is taken by itself where the guest cannot read EROFS, at once the next time, and where the host cannot make it" {
	without_erofs
	make_bundle -- sh -c 'grep -c erofs /proc/filesystems; grep " /data " /proc/mounts'
	mkdir "$T/data"
	head -c 2M /dev/urandom >"$T/data/bytes"
	add_bind "$T/data" /data ro
	edit_config '.root.readonly = true'
	run -0 run_container c1
	assert_output_has "/dev/vdb /data ext4 ro"
	assert_equal "$(find "$CACHE" -name image | grep -c '\.ext4/image$')" 2
	run -0 acrun --debug run --bundle "$BUNDLE" c2 </dev/null
	[[ $output != *"is packed anew"* ]]
	assert_equal "$(images | wc -l)" 2
	use_storage 'image_format = "erofs"'
	sed -i "s|^device = .*|&\ninitrd = \"$T/initrd.cpio\"|" "$ACRUN_CONF_FILE"
	run -1 run_container c3
	assert_output_has "the guest's kernel has none of the file systems that '$BUNDLE/rootfs' can be packed into"
	# a host without erofs-utils
	use_storage
	rm -r "$CACHE"
	# shellcheck disable=SC2016
	run -0 unshare -m sh -c 'mount --bind /dev/null /usr/bin/mkfs.erofs && exec "$@"' _ \
		"$ACRUN" --root "$ROOT" run --bundle "$BUNDLE" c4 </dev/null
	assert_output_has "/dev/vdb /data ext4 ro"
	assert_no_faults
}

# slots_used ID: of the machine's places for disks.
slots_used() {
	jq '[.slots[] | select(.path)] | length' "$ROOT/$1/acrn.json"
}

@test "binds: small ones cost no slot, and what is written comes back when the container is deleted" {
	make_bundle -- sh -c 'set -e
		cat /config/key /one
		! touch /config/x 2>/dev/null
		echo changed >/data/file; rm /data/gone; rm -r /data/tree; mkdir /data/tree /data/new; echo new >/data/new/file
		mv /data/old-name /data/new-name; ln -s file /data/link; chown 12:34 /data/mode; chmod 2750 /data/mode
		echo theirs >/data/late; echo theirs >/data/early; touch -d 2001-01-01 /data/early
		echo more >>/hosts; cat /big/bytes >/dev/null; echo big >/big/added; rm /big/remove'
	mkdir -p "$T/config/..1" "$T/data/tree/deep" "$T/big"
	echo value >"$T/config/..1/key"
	ln -s ..1/key "$T/config/key"
	echo alone >"$T/one"
	printf '127.0.0.1 localhost\n' >"$T/hosts"
	touch "$T"/data/{file,gone,tree/deep/file,old-name,mode,late,early,same} "$T/big/remove"
	head -c 3M /dev/urandom >"$T/big/bytes"
	add_bind "$T/config" /config ro
	add_bind "$T/one" /one ro
	add_bind "$T/hosts" /hosts rw
	add_bind "$T/data" /data rw
	add_bind "$T/big" /big rw
	inode=$(stat -c %i "$T/hosts")
	create_container c1
	# the root and the large one
	assert_equal "$(slots_used c1)" 2
	acrun start c1
	wait_status c1 stopped 60
	cat "$T/c1.err" >&2
	assert_equal "$(cat "$T/c1.out")" "$(printf '%s\n' value alone)"
	# nothing has come back yet, and the host changes two files
	assert_equal "$(cat "$T/data/file")" ''
	echo ours >"$T/data/early"
	echo ours >"$T/data/late"
	touch -d 2001-01-01 "$T/data/late"
	run --separate-stderr acrun delete c1
	assert_status 0
	assert_output_has "'$T/data/early' was changed by the container and on the host; the host's change is later and stays"
	assert_output_has "'$T/data/late' was changed by the container and on the host; the container's is later"
	assert_equal "$(cd "$T/data" && find . | sort | tr '\n' ' ')" \
		'. ./early ./file ./late ./link ./mode ./new ./new-name ./new/file ./same ./tree '
	assert_equal "$(cat "$T"/data/{file,link,early,late,new/file} | tr '\n' ' ')" 'changed changed ours theirs new '
	assert_equal "$(stat -c %a:%u:%g "$T/data/mode")" 2750:12:34
	assert_equal "$(cat "$T/hosts")" "$(printf '127.0.0.1 localhost\nmore')"
	assert_equal "$(stat -c %i "$T/hosts")" "$inode"
	assert_equal "$(ls "$T/big" | tr '\n' ' ')" 'added bytes '
	assert_no_faults
}

@test "binds: what a dead machine has not given back is told to be lost" {
	make_bundle -- sleep 600
	mkdir "$T/data"
	add_bind "$T/data" /data rw
	create_container c1
	acrun start c1
	acrun exec c1 touch /data/file </dev/null
	kill -KILL "$(jq .vmm.pid "$ROOT/c1/state.json")"
	wait_status c1 stopped
	run --separate-stderr acrun delete c1
	assert_status 0
	assert_output_has "what the container has changed does not reach '$T/data'"
	assert_equal "$(ls "$T/data")" ''
}

# add_mount TYPE SOURCE DESTINATION OPTIONS (JSON)
add_mount() {
	edit_config '.mounts += [{type: $type, source: $source, destination: $destination, options: $options}]' \
		--arg type "$1" --arg source "$2" --arg destination "$3" --argjson options "$4"
}

# make_disk FILE FILES-DIR
make_disk() {
	truncate -s 16M "$1"
	mke2fs -q -t ext4 -d "$2" "$1"
}

@test "disks: a file and a device with a file system are mounted, for writing or not, and written back" {
	make_bundle -- sh -c 'cat /rw/file /ro/file; echo written >/rw/file; touch /ro/file 2>/dev/null || echo refused'
	mkdir "$T/files"
	echo original >"$T/files/file"
	make_disk "$T/rw.img" "$T/files"
	make_disk "$T/ro.img" "$T/files"
	sum=$(sha256sum <"$T/ro.img")
	add_mount ext4 "$T/rw.img" /rw '["loop", "data=ordered", "nosuid"]'
	device=$(losetup -f --show "$T/ro.img")
	add_mount ext4 "$device" /ro '["ro"]'
	run --separate-stderr run_container c1
	losetup -d "$device"
	assert_status 0
	assert_equal "$output" "$(printf '%s\n' original original refused)"
	assert_equal "$(debugfs -R 'cat /file' "$T/rw.img" 2>/dev/null)" written
	assert_equal "$(sha256sum <"$T/ro.img")" "$sum"
	assert_no_faults
}

@test "disks: a device that the host has mounted is refused" {
	make_bundle -- true
	without_machine
	mkdir "$T/files" "$T/mounted"
	make_disk "$T/disk.img" "$T/files"
	mount -o loop "$T/disk.img" "$T/mounted"
	device=$(findmnt -n -o SOURCE "$T/mounted")
	add_mount ext4 "$device" /disk '[]'
	run run_container c1
	umount "$T/mounted"
	assert_status 1
	assert_output_has "error mounting \"$device\" to rootfs at \"/disk\": the device is in use on the host"
}

@test "disks: when all places are taken, the error names the mount" {
	make_bundle -- true
	sed -i 's/^device = .*/&\nblock_slots = 1/' "$ACRUN_CONF_FILE"
	mkdir "$T/large"
	head -c 2M /dev/urandom >"$T/large/file"
	add_bind "$T/large" /large ro
	run run_container c1
	assert_status 1
	assert_output_has "error mounting \"$T/large\" to rootfs at \"/large\": no free block slot for disk"
	assert_output_has "raise block_slots"
}

# mount_root DEVICE: the bundle's rootfs becomes a file system of its own, with the same files.
mount_root() {
	truncate -s 64M "$T/root.img"
	mke2fs -q -t ext4 -d "$BUNDLE/rootfs" "$T/root.img"
	# as systemd has it: machines of other tests do not keep what is unmounted here
	mount --bind "$BUNDLE" "$BUNDLE"
	mount --make-shared "$BUNDLE"
	mount -o "loop,noatime,$1" "$T/root.img" "$BUNDLE/rootfs"
}

root_options() {
	findmnt -n -o OPTIONS --mountpoint "$BUNDLE/rootfs"
}

@test "block: a root file system that is a device goes to the guest, and is the host's again afterwards" {
	make_bundle -- sh -c 'grep " / " /proc/mounts; dd if=/dev/zero of=/big bs=1M count=20; echo new >/etc/motd'
	mount_root nodev
	create_container c1
	# nothing was packed, and the host does not write to what the guest has
	[[ ! -e $CACHE ]]
	[[ $(root_options) == ro,nodev,noatime* ]]
	acrun start c1
	wait_status c1 stopped 60
	run cat "$T/c1.out"
	assert_output_has "/dev/vda / ext4 rw"
	acrun delete c1
	[[ $(root_options) == rw,nodev,noatime* ]]
	assert_equal "$(stat -c %s "$BUNDLE/rootfs/big") $(cat "$BUNDLE/rootfs/etc/motd")" "20971520 new"
	umount "$BUNDLE/rootfs"
	umount "$BUNDLE"
	run -0 e2fsck -fn "$T/root.img"
	assert_no_faults
}

# member ID FILTER: a container in the pod of sandbox "pod", with the bundle that there is.
member() {
	edit_config '.annotations = {"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "pod"}
		| .linux.namespaces -= [{type: "network"}]'
	edit_config "$2"
	create_container "$1"
}

make_pod() {
	make_bundle -- sleep 1000
	edit_config '.annotations = {"io.kubernetes.cri.container-type": "sandbox", "io.kubernetes.cri.sandbox-id": "pod"}
		| .linux.namespaces -= [{type: "network"}]'
	echo pause >"$BUNDLE/rootfs/etc/pause"
	create_container pod
	acrun start pod
	BUNDLE=$T/member
}

@test "pods: a member's disk is let go of when it is deleted, and its place is used again; what is not shared is told" {
	use_storage 'image_format = "ext4"'
	sed -i 's/^device = .*/&\nblock_slots = 2/' "$ACRUN_CONF_FILE"
	make_pod
	local id disks
	disks=$(acrun exec pod ls /proc/fs/ext4 </dev/null)
	make_bundle -- sh -c 'ls /proc/fs/ext4'
	for id in c1 c2 c3; do
		member "$id" '.root.readonly = true'
		acrun start "$id"
		wait_status "$id" stopped 60
		assert_equal "$(grep -c vd "$T/$id.out")" "$(($(wc -l <<<"$disks") + 1))"
		assert_equal "$(slots_used pod)" 2
		acrun delete "$id"
		assert_equal "$(acrun exec pod ls /proc/fs/ext4 </dev/null)" "$disks"
	done
	mkdir "$T/volume"
	add_bind "$T/volume" /volume rw
	member c4 .
	member c5 .
	run cat "$T/c5.err"
	assert_output_has "'$T/volume' is container 'c4''s too: this hypervisor shares no directories"
	[[ $(<"$T/c4.err") != *"/volume"* ]]
	assert_no_faults
}

@test "block: a bound device is a disk of the guest's, by the rules of the host's numbers" {
	make_bundle -- sh -c 'head -c 5 /disk; echo; printf changed >/disk; cat /denied 2>&1
		head -c 5 /read; echo; { printf x >/read; } 2>/dev/null || echo refused'
	local device devices=() number
	for device in disk denied read; do
		printf '%-512s' "$device data" >"$T/$device.img"
		devices+=("$(losetup -f --show "$T/$device.img")")
	done
	edit_config '.linux.resources.devices = [{allow: false, access: "rwm"}]'
	for device in 0 2; do
		number=$(stat -c '%Hr %Lr' "${devices[device]}")
		edit_config '.linux.resources.devices += [{allow: true, type: "b", major: $major, minor: $minor, access: "rw"}]' \
			--argjson major "${number% *}" --argjson minor "${number#* }"
	done
	add_bind "${devices[0]}" /disk rw
	add_bind "${devices[1]}" /denied rw
	add_bind "${devices[2]}" /read ro
	run run_container c1
	losetup -d "${devices[@]}"
	assert_status 0
	assert_equal "$output" "$(printf '%s\n' 'disk ' "cat: can't open '/denied': Operation not permitted" 'read ' refused)"
	assert_equal "$(head -c 12 "$T/disk.img")" 'changedta   '
	assert_equal "$(head -c 5 "$T/read.img")" 'read '
	assert_no_faults
}
