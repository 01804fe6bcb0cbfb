#!/usr/bin/env bats
# The ACRN backend against the stand-in for ACRN's device model: real guests, each step in a process of its own.

load helpers

setup_file() {
	build=$(cd "$(dirname "$ACRUN")/.." && pwd)
	export build data=$build/share/acrun
	local extra=$BATS_FILE_TMPDIR/extra
	mkdir -p "$extra/bin"
	cp "$(command -v busybox)" "$extra/bin/"
	install -m 0755 "$FIXTURES/acrn_probe.sh" "$extra/probe"
	(cd "$extra" && find . | cpio --quiet -o -H newc) >"$BATS_FILE_TMPDIR/extra.cpio"
	cat "$data/initrd.cpio" "$BATS_FILE_TMPDIR/extra.cpio" >"$BATS_FILE_TMPDIR/initrd"
	truncate -s 8M "$BATS_FILE_TMPDIR/image"
}

setup() {
	common_setup
	ln -s "$build/tests/acrn/acrn-dm" "$build/tests/acrn/acrnctl" "$T/"
	mkdir "$T/vm" "$T/vm2"
}

teardown() {
	local dir
	for dir in vm vm2; do
		[[ ! -e $T/$dir/vm ]] || driver stop "$dir"
	done
	common_teardown
}

# use_release RELEASE [LINES...]: what the stand-in is.
use_release() {
	printf '%s\n' "profile = $1" "faults = $T/faults" "kernel = $data/vmlinux" "${@:2}" >"$T/acrn-dm.conf"
}

# driver STEP DIR ARGS...
driver() {
	"$build/tests/vm_driver" "$1" acrn "$T/$2" "${@:3}"
}

# launch DIR KEYS...: a guest with a probe, a channel and a disk.
launch() {
	driver launch "$1" "path=$T/acrn-dm" "kernel=$data/bzImage" "initrd=$BATS_FILE_TMPDIR/initrd" \
		"image=$BATS_FILE_TMPDIR/image" "host_dir=$T/host" device=/dev/null channel=probe channel=sh.hyper.channel.0 \
		vm_uuids=a7ada506-1ab0-4b6b-a0da-e513ca9b8c2f \
		"kernel_params=rdinit=/probe no_timer_check noreplace-smp cryptomgr.notests random.trust_cpu=on" "${@:2}"
}

vmm_pid() {
	cut -d' ' -f1 "$T/$1/vm"
}

monitor_socket() {
	echo "/run/acrn/mngr/$(sed -n 's/.*"name": "\(.*\)".*/\1/p' "$T/$1/acrn.json").monitor.$2.socket"
}

# All that the guest says over its probe goes to a file. The socket is there when launch returns: no retry.
listen_to_probe() {
	socat -u "UNIX-CONNECT:$T/vm/probe" "OPEN:$T/probe.out,creat,append" </dev/null 3>&- &
	PROBE=$!
	wait_for 90 probe_said "probe ready: vda 16384 vdb 0 vdc 0"
}

probe_said() {
	grep -qF -- "$1" "$T/probe.out"
}

# A process that nobody has reaped yet is gone as well.
is_gone() {
	! grep -qs '^State:.[^ZX]' "/proc/$1/status"
}

@test "3.x: a guest boots, sees each disk that it is given, and is ended without a trace" {
	use_release 3.4
	run -0 launch vm vcpus=2
	assert_equal "${output#* }" acrn-3.x
	listen_to_probe
	truncate -s 4M "$T/late"

	assert_equal "$(driver add vm "$T/late")" "vdb 4194304"
	wait_for 20 probe_said "vdb: detected capacity change from 0 to 8192"
	# a refusal of the device model costs no slot
	mkfifo "$T/fifo"
	run -1 driver add vm "$T/fifo"
	assert_output_has "is neither a file nor a block device"
	local disk
	# nothing can be taken out, so what it has is not given to it again
	assert_equal "$(driver add vm "$T/late")" "vdb 4194304"
	for disk in vdc vdd vde vdf vdg vdh vdi; do
		truncate -s 4M "$T/$disk"
		assert_equal "$(driver add vm "$T/$disk")" "$disk 4194304"
	done
	wait_for 20 probe_said "vdi: detected capacity change from 0 to 8192"
	truncate -s 4M "$T/last"
	run -1 driver add vm "$T/last"
	assert_output_has "no free block slot for disk '$T/last': all 8 are in use"

	local pid
	pid=$(vmm_pid vm)
	driver stop vm
	is_gone "$pid"
	# whoever is connected sees its death
	wait_for 20 is_gone "$PROBE"
	[[ ! -e $(monitor_socket vm "$pid") && ! -e $T/vm/control.sock ]]
	driver stop vm
	[[ ! -s $T/faults ]]
}

@test "2.6: the one UUID is given to one machine, and freed by its death alone" {
	use_release 2.6
	run -0 launch vm
	assert_equal "${output#* }" acrn-2.6
	run -1 launch vm2
	assert_output_has "Max VMs reached: all 1 UUIDs that virtual machines may have are in use: s"
	assert_output_has "(pid $(vmm_pid vm))"

	# disks over the monitor's own protocol
	listen_to_probe
	truncate -s 4M "$T/late"
	assert_equal "$(driver add vm "$T/late")" "vdb 4194304"
	wait_for 20 probe_said "vdb: detected capacity change from 0 to 8192"

	# killed, it leaves its sockets; the next one of the same name finds none of them
	local pid socket
	pid=$(vmm_pid vm)
	socket=$(monitor_socket vm "$pid")
	kill -KILL "$pid"
	wait_for 20 is_gone "$pid"
	[[ -S $socket && -S $T/vm/probe ]]
	run -0 launch vm
	[[ ! -e $socket ]]
	[[ ! -s $T/faults ]]
}

@test "2.0 and 2.7: the device model understands what it is told" {
	local release
	for release in 2.0 2.7; do
		use_release "$release"
		run -0 launch vm
		assert_equal "${output#* }" "acrn-$release"
		truncate -s 4M "$T/late"
		assert_equal "$(driver add vm "$T/late")" "vdb 4194304"
		driver stop vm
	done

	# a monitor that is not where it should be: acrnctl looks for it, and is not believed when it ends with 0
	local socket
	run -0 launch vm control_path="$T/acrnctl"
	socket=$(monitor_socket vm "$(vmm_pid vm)")
	mv "$socket" "${socket%.monitor.*}.monitor.1.socket"
	assert_equal "$(driver add vm "$T/late")" "vdb 4194304"
	rm "${socket%.monitor.*}.monitor.1.socket"
	truncate -s 4M "$T/last"
	run -1 driver add vm "$T/last"
	assert_output_has "'$T/acrnctl blkrescan "
	[[ ! -s $T/faults ]]
}

@test "what does not fit together is refused before anything starts" {
	use_release 3.4
	run -1 launch vm profile=2.7
	assert_output_has "acrn_profile is \"2.7\", but the device model is of release 3.4"
	assert_output_has "guests would run without a network and nothing would say so"
	run -1 launch vm device="$T/absent"
	assert_output_has "open '$T/absent': No such file or directory"
	run -1 launch vm kernel="$data/vmlinux"
	assert_output_has "kernel '$data/vmlinux' is not a bzImage"
	run -1 launch vm cpu_affinity=0,x
	assert_output_has "cpu_affinity '0,x' is no list of CPUs"
	[[ ! -e $T/vm/acrn.json ]]
}

@test "a device model that ends is told about with its exit status and its own words" {
	use_release 2.6 "uuids = 38158821-5208-4005-b72a-8a609e4190d0"
	run -1 launch vm
	assert_output_has "'$T/acrn-dm' ended (exit status 1: it could not set the virtual machine up); it said: "
	assert_output_has "vm_create failed"
	# its UUID is free again, its sockets are gone
	use_release 2.6
	run -0 launch vm
	[[ ! -s $T/faults ]]
}
