#!/usr/bin/env bats
# The stand-in for ACRN's device model by itself: its exit statuses, its sockets, and real guests behind them.

load helpers

setup_file() {
	build=$(cd "$(dirname "$ACRUN")/.." && pwd)
	export build data=$build/share/acrun
	make_initrd "$BATS_FILE_TMPDIR/initrd"
	truncate -s 8M "$BATS_FILE_TMPDIR/disk"
}

setup() {
	common_setup
	TAP=at$$
	ln -s "$build/tests/acrn/acrn-dm" "$build/tests/acrn/acrnctl" "$T/"
	use_profile 3.4
}

teardown() {
	ip link del "$TAP" 2>/dev/null || true
	# Some of these tests are about faults.
	rm -f "$T/faults"
	common_teardown
}

# make_initrd FILE: ours, and a second archive behind it with a shell that answers from inside.
make_initrd() {
	local extra=$BATS_FILE_TMPDIR/extra
	mkdir -p "$extra/bin"
	cp "$(command -v busybox)" "$extra/bin/"
	install -m 0755 "$FIXTURES/acrn_probe.sh" "$extra/probe"
	(cd "$extra" && find . | cpio --quiet -o -H newc) >"$BATS_FILE_TMPDIR/extra.cpio"
	cat "$data/initrd.cpio" "$BATS_FILE_TMPDIR/extra.cpio" >"$1"
}

# use_profile RELEASE [LINES...]: what the stand-in is, in the file beside it. The uncompressed kernel starts faster.
use_profile() {
	printf '%s\n' "profile = $1" "run_dir = $T/run" "faults = $T/faults" "kernel = $data/vmlinux" "${@:2}" >"$T/acrn-dm.conf"
}

# dm ARGS...: the device model, as one that fails.
dm() {
	"$T/acrn-dm" "$@" </dev/null 3>&-
}

# start_dm ARGS...: in the background as $DM, once its sockets are there; clients for the agent's channel and the probe.
start_dm() {
	"$T/acrn-dm" "$@" </dev/null >"$T/dm.out" 2>"$T/dm.err" 3>&- &
	DM=$!
	connect_clients
}

connect_clients() {
	wait_for 20 test -S "$T/ctl"
	wait_for 20 test -S "$T/probe"
	: >"$T/ctl.out"
	: >"$T/probe.out"
	# held open for reading and writing: who opens one end of a FIFO alone waits for the other
	[[ -p $T/ask ]] || mkfifo "$T/ask"
	[[ -n ${ASK:-} ]] || exec {ASK}<>"$T/ask"
	socat -u "UNIX-CONNECT:$T/ctl,retry=50,interval=0.1" "OPEN:$T/ctl.out,append" </dev/null 3>&- &
	CLIENTS=("$!")
	socat "UNIX-CONNECT:$T/probe,retry=50,interval=0.1" "PIPE:$T/ask!!OPEN:$T/probe.out,append" 3>&- &
	CLIENTS+=("$!")
}

# The options of a guest with two placeholders, a console, the agent's channel and the probe. NET and MORE as the test sets them.
guest_args() {
	ARGS=(-A -m 256M -s "0:0,hostbridge" -s "1:0,lpc" "-lcom1,stdio"
		-s "3,virtio-console,@socket:console0=$T/console.sock"
		-s "4,virtio-blk,$BATS_FILE_TMPDIR/disk,ro" -s "5,virtio-blk,nodisk" -s "6,virtio-blk,nodisk"
		-s "13,virtio-console,socket:sh.hyper.channel.0=$T/ctl"
		-s "14,virtio-console,socket:sh.hyper.channel.1=$T/tty,socket:probe=$T/probe"
		-k "$data/bzImage" -r "$BATS_FILE_TMPDIR/initrd"
		-B "rdinit=/probe quiet panic=1 no_timer_check noreplace-smp cryptomgr.notests random.trust_cpu=on")
}

agent_is_ready() {
	[[ $(od -An -tx1 "$T/ctl.out" | tr -d ' \n') == 0000000800000008* ]]
}

probe_said() {
	grep -qF -- "$1" "$T/probe.out"
}

ask() {
	echo "$*" >&"$ASK"
}

# Their sockets are closed with the VM.
clients_are_gone() {
	local client
	for client in "${CLIENTS[@]}"; do
		wait_for 30 is_gone "$client"
	done
}

is_gone() {
	! kill -0 "$1" 2>/dev/null
}

# assert_end PID STATUS: it ends with that.
assert_end() {
	local status=0
	wait "$1" 2>/dev/null || status=$?
	assert_equal "$status" "$2"
}

monitor_sockets() {
	find "$T/run/mngr" -name '*.socket' | wc -l
}

# The command socket: one JSON text, one answer.
command_socket() {
	printf '%s' "$1" | socat -t 5 - "UNIX-CONNECT:$T/cmd" | tr -d ' \t\n'
}

@test "what is wrong with the command line is told by status and stream as the original tells it" {
	local base=(--cpu_affinity 0 -m 128M -s "0:0,hostbridge" -s "1:0,lpc" -k "$data/bzImage" -B x)

	run --separate-stderr dm "${base[@]}" -U a7ada506-1ab0-4b6b-a0da-e513ca9b8c2f kata0
	assert_status 1
	[[ -z $output && $stderr == *usage:* ]]

	run --separate-stderr dm "${base[@]}" -m 2048 kata0
	assert_status 64
	run --separate-stderr dm "${base[@]}" -k "$T/absent" kata0
	assert_status 10
	run --separate-stderr dm "${base[@]}" -r "$T/absent" kata0
	assert_status 11

	run --separate-stderr dm "${base[@]}" "sandbox-$(printf '%064d' 0)"
	assert_status 1
	[[ -z $stderr && $output == *"exceeds the maximum length: 15"* ]]

	# its sockets are called after it
	run --separate-stderr dm "${base[@]}" a/b
	assert_status 1

	run --separate-stderr dm -m 128M -s 0:0,hostbridge -k "$data/bzImage" kata0
	assert_status 1
	[[ -z $stderr && $output == *"Invalid guest_pcpu_bitmask"* ]]

	run --separate-stderr dm --cpu_affinity 0 -k "$data/bzImage" kata0
	assert_status 139
	run dm -v
	assert_status 0
	assert_output_has "DM: 3.4"
	ln -s acrn-dm "$T/acrn-dm-2.6"
	run "$T/acrn-dm-2.6" -v
	assert_output_has "DM version is: 2.6"
	[[ $(monitor_sockets) -eq 0 ]]
}

@test "a guest of today: READY, disks that come later, a reset within the process, SIGINT" {
	guest_args
	ip tuntap add "$TAP" mode tap
	umask 022
	start_dm "${ARGS[@]}" -s "15,virtio-net,tap=$TAP,mac=02:00:00:00:00:01" --cpu_affinity 0,1 --cmd_monitor "$T/cmd" kata0
	assert_equal "$(stat -c %a "$T/ctl")" 755
	wait_for 90 agent_is_ready
	wait_for 20 probe_said "probe ready: vda 16384 vdb 0 vdc 0"
	ask cpus
	ask devices
	wait_for 20 probe_said "cpus 2"
	wait_for 20 probe_said "devices 0x1237 0x7000 0x7010 0x7113 0x1003 0x1001 0x1001 0x1001 0x1003 0x1003 0x1000"

	# over the command socket, once a slot
	cp "$BATS_FILE_TMPDIR/disk" "$T/late"
	assert_equal "$(command_socket "{\"command\":\"blkrescan\",\"arguments\":\"5,$T/late\"}")" '{"ack":0}'
	wait_for 20 probe_said "vdb: detected capacity change from 0 to 16384"
	assert_equal "$(command_socket "{\"command\":\"blkrescan\",\"arguments\":\"5,$T/late\"}")" '{"ack":-1}'
	ask write vdb
	wait_for 20 probe_said "wrote vdb"

	# and by the program, which never fails
	run -0 "$T/acrnctl" list
	assert_equal "$output" $'kata0\t\tstarted'
	run -0 "$T/acrnctl" blkrescan kata0 "6,$T/late,ro"
	assert_equal "$output" ""
	wait_for 20 probe_said "vdc: detected capacity change from 0 to 16384"
	ask write vdc
	wait_for 20 probe_said "cannot write vdc"
	run -0 "$T/acrnctl" blkrescan kata0 "6,$T/late"
	assert_output_has "Unable to rescan"
	run -255 "$T/acrnctl" stop kata0
	assert_output_has "Error happens"

	# the guest has switched ACPI on: this is ignored
	kill -TERM "$DM"
	wait_for 20 grep -q "SIGTERM is ignored" "$T/faults"

	ask reset
	clients_are_gone
	connect_clients
	wait_for 90 agent_is_ready
	wait_for 20 probe_said "probe ready: vda 16384 vdb 0 vdc 0"

	kill -INT "$DM"
	assert_end "$DM" 0
	clients_are_gone
	[[ $(monitor_sockets) -eq 0 && ! -e $T/cmd && -S $T/ctl && -S $T/console.sock ]]
	# nothing else went wrong in silence
	assert_equal "$(grep -cv -e 'SIGTERM is ignored' -e 'is read-only, which' -e 'was reset' "$T/faults")" 0
}

@test "a guest of 2020: a UUID, a bare tap name, and what a killed device model leaves behind" {
	use_profile 2.0
	guest_args
	ip tuntap add "tap$TAP" mode tap
	TAP=tap$TAP
	start_dm -U a7ada506-1ab0-4b6b-a0da-e513ca9b8c2f "${ARGS[@]}" -s "15,virtio-net,$TAP,mac=02:00:00:00:00:01" sandbox-12
	wait_for 90 agent_is_ready
	[[ ! -s $T/faults ]]

	# one VM for each UUID
	run --separate-stderr timeout 20 "$T/acrn-dm" -U a7ada506-1ab0-4b6b-a0da-e513ca9b8c2f -m 128M -s 0:0,hostbridge -k "$data/bzImage" other </dev/null
	assert_status 1
	assert_output_has "vm_create failed"

	kill -KILL "$DM"
	assert_end "$DM" 137
	clients_are_gone
	wait_for 20 no_vm_left
	assert_equal "$(monitor_sockets)" 1
	[[ -S $T/ctl ]]
	run -0 "$T/acrnctl" list
	assert_equal "$output" $'sandbox-12\t\tstarted'
}

no_vm_left() {
	! pgrep -f "qemu.*$T/" >/dev/null
}

@test "the faults that are kept silent are written down" {
	guest_args
	# the old form of the network's name, and the name of another VM that is a beginning of this one's
	start_dm "${ARGS[@]}" -s "15,virtio-net,tap0_kata,mac=02:00:00:00:00:01" --cpu_affinity 0 --pm_notify_channel power_button kata0
	wait_for 20 grep -q "'tap0_kata' opens no tap" "$T/faults"
	"$T/acrn-dm" -m 128M -s 0:0,hostbridge --cpu_affinity 0 -k "$data/bzImage" -B x kata01 </dev/null >/dev/null 2>&1 3>&- &
	OTHER=$!
	wait_for 20 test "$(monitor_sockets)" -ge 1
	wait_for 20 known kata01
	run -0 "$T/acrnctl" blkrescan kata0 "5,$BATS_FILE_TMPDIR/disk"
	socat -u /dev/null "UNIX-CONNECT:$T/ctl"
	wait_for 20 grep -q "a second client replaces the first" "$T/faults"
	kill -HUP "$DM" "$OTHER"
	assert_end "$DM" 0
	clients_are_gone
	assert_end "$OTHER" 0
}

known() {
	"$T/acrnctl" list | grep -q "^$1"
}

@test "the disk starts the agent, and its bytes depend on the agent alone" {
	local disk=$T/again.img
	"$FIXTURES/../../agent/image/disk.sh" --out "$disk" --agent "$build/guest/acrun-agent" >/dev/null
	cmp "$disk" "$data/disk.img"
	dd if="$disk" of="$T/root" bs=1M skip=1 status=none
	e2fsck -fn "$T/root" >/dev/null
	debugfs -R "dump /init $T/init" "$T/root" 2>/dev/null
	cmp "$T/init" "$build/guest/acrun-agent"
	[[ $(debugfs -R "stat /sbin/init" "$T/root" 2>/dev/null) == *'Fast link dest: "/init"'* ]]
}

@test "a small kernel and the disk are a guest, without an initrd" {
	[[ -f $data/bzImage-small && -f $data/vmlinux-small ]] || skip "no small kernel: build the target 'kernel'"
	use_profile 2.7 "kernel = $data/vmlinux-small"
	"$T/acrn-dm" -A -m 256M -s 0:0,hostbridge -s 1:0,lpc -s "4,virtio-blk,$data/disk.img,ro" \
		-s "13,virtio-console,socket:sh.hyper.channel.0=$T/ctl" -s "14,virtio-console,socket:sh.hyper.channel.1=$T/tty" \
		--cpu_affinity 0 -k "$data/bzImage-small" -B "root=/dev/vda1 rw rootwait quiet panic=1 no_timer_check" kata0 \
		</dev/null >"$T/dm.out" 2>"$T/dm.err" 3>&- &
	DM=$!
	wait_for 20 test -S "$T/ctl"
	: >"$T/ctl.out"
	socat -u "UNIX-CONNECT:$T/ctl,retry=50,interval=0.1" "OPEN:$T/ctl.out,append" </dev/null 3>&- &
	CLIENTS=("$!")
	wait_for 90 agent_is_ready
	kill -INT "$DM"
	assert_end "$DM" 0
	clients_are_gone
	[[ ! -s $T/faults ]]
}
