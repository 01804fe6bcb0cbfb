#!/usr/bin/env bats
# Bad input: one clear line, exit 1, and nothing left behind.
load helpers

setup() { common_setup; }
teardown() { common_teardown; }

# refused TEXT [ACRUN ARGS...]: create fails with exit 1 and one line that has TEXT; nothing is left.
refused() {
	local text=$1
	shift
	run acrun "$@" create --bundle "$BUNDLE" c1 </dev/null
	assert_status 1
	assert_output_has "$text"
	assert_equal "${#lines[@]}" 1
	assert_nothing_left
}

# with_config TOML: a configuration in T/acrun.toml; its table of QEMU is that of the hypervisor under test.
with_config() {
	printf '%s\n' "${1//hypervisor.qemu/hypervisor.$HV}" >"$T/acrun.toml"
}

@test "errors: config.json missing, malformed, of a wrong type: file, line and field" {
	make_bundle -- true
	mv "$BUNDLE/config.json" "$T/good.json"
	refused "config.json"
	printf '{\n "ociVersion": "1.0.2",\n "process": {,\n' >"$BUNDLE/config.json"
	refused "line 3"
	jq '.process.args[1] = 5' "$T/good.json" >"$BUNDLE/config.json"
	refused "process.args[1]"
}

@test "errors: 100 MB of brackets are refused at once" {
	make_bundle -- true
	head -c 104857600 /dev/zero | tr '\0' '[' >"$BUNDLE/config.json"
	local begun=$SECONDS
	refused "config.json"
	[[ $((SECONDS - begun)) -le 5 ]]
	head -c 1000000 /dev/zero | tr '\0' '[' >"$BUNDLE/config.json"
	refused "config.json"
}

@test "errors: what config.json must say, in runc's words" {
	make_bundle -- true
	cp "$BUNDLE/config.json" "$T/good.json"
	local cases=(
		'del(.process)|process property must not be empty'
		'.process.cwd = ""|Cwd property must not be empty'
		'.process.cwd = "here"|Cwd must be an absolute path'
		'.process.args = []|args must not be empty'
	) case
	for case in "${cases[@]}"; do
		jq "${case%|*}" "$T/good.json" >"$BUNDLE/config.json"
		refused "${case##*|}"
	done
}

@test "errors: no rootfs, and a rootfs that is a file" {
	make_bundle -- true
	edit_config '.root.path = "nowhere"'
	refused "$BUNDLE/nowhere"
	: >"$BUNDLE/nowhere"
	refused "$BUNDLE/nowhere"
}

@test "errors: ids: empty, bad characters, dots, unknown, in use" {
	make_bundle -- sleep 300
	local id
	run acrun create --bundle "$BUNDLE" '' </dev/null
	assert_status 1
	assert_output_has "container id cannot be empty"
	for id in 'a/b' '..' '.' 'a b' 'ü'; do
		run acrun create --bundle "$BUNDLE" "$id" </dev/null
		assert_status 1
		assert_output_has "invalid container ID format"
	done
	run acrun state nope
	assert_status 1
	assert_output_has "does not exist"
	run acrun start nope
	assert_status 1
	assert_output_has "does not exist"
	run acrun kill nope
	assert_status 1
	assert_output_has "does not exist"
	create_container c1
	run acrun create --bundle "$BUNDLE" c1 </dev/null
	assert_status 1
	assert_output_has "already exists"
	assert_equal "$(container_status c1)" created
	acrun delete c1
}

@test "errors: kernel missing, empty, unreadable, no kernel at all; initrd missing" {
	make_bundle -- true
	with_config $'[hypervisor.qemu]\nkernel = "/nowhere/vmlinux"'
	refused "/nowhere/vmlinux" --config "$T/acrun.toml"
	: >"$T/empty"
	with_config $'[hypervisor.qemu]\nkernel = "'"$T"$'/empty"'
	refused "$T/empty" --config "$T/acrun.toml"
	head -c 100000 /dev/urandom >"$T/noise"
	with_config $'[hypervisor.qemu]\nkernel = "'"$T"$'/noise"'
	refused "$T/noise" --config "$T/acrun.toml"
	with_config $'[hypervisor.qemu]\nkernel = "'"$T"$'"'
	refused "$T" --config "$T/acrun.toml"
	with_config $'[hypervisor.qemu]\ninitrd = "/nowhere/initrd"'
	refused "/nowhere/initrd" --config "$T/acrun.toml"
}

@test "errors: QEMU missing, and one that dies at once: its last words are in ours" {
	only_on qemu
	make_bundle -- true
	with_config $'[hypervisor.qemu]\npath = "/nowhere/qemu"'
	refused "/nowhere/qemu" --config "$T/acrun.toml"
	printf '#!/bin/sh\necho "hear my last words" >&2\nexit 3\n' >"$T/dying"
	chmod 755 "$T/dying"
	with_config $'[hypervisor.qemu]\naccelerator = "tcg"\npath = "'"$T"$'/dying"'
	refused "hear my last words" --config "$T/acrun.toml"
}

@test "errors: a guest that never answers: a bounded wait, and the console's end in the message" {
	only_on qemu
	make_bundle -- true
	with_config $'[runtime]\ncreate_container_timeout = 5\n[hypervisor.qemu]\naccelerator = "tcg"\nkernel_params = "rdinit=/nowhere init=/nowhere panic=0"'
	local begun=$SECONDS
	refused "Kernel panic" --config "$T/acrun.toml"
	[[ $((SECONDS - begun)) -le 30 ]]
}

@test "errors: configuration: unknown key with the nearest name, wrong type, no such file" {
	make_bundle -- true
	with_config $'[hypervisor.qemu]\ndefualt_memory = 512'
	refused "did you mean 'default_memory'" --config "$T/acrun.toml"
	assert_output_has "$T/acrun.toml:2"
	with_config $'[hypervisor.qemu]\ndefault_memory = "much"'
	refused "$T/acrun.toml:2" --config "$T/acrun.toml"
	refused "/nowhere.toml" --config /nowhere.toml
}

@test "errors: the process: not found, not executable, no such user directory; before start, and nothing is left" {
	make_bundle -- no-such-program
	refused 'exec: "no-such-program": executable file not found in $PATH'
	set_args /bin/nothing
	refused 'no such file or directory'
	printf '#!/bin/sh\n' >"$BUNDLE/rootfs/plain"
	set_args /plain
	refused 'permission denied'
}

@test "errors: mounts: the one that fails is named" {
	make_bundle -- true
	edit_config '.mounts += [{destination: "/data", type: "bind", source: "/nowhere/data", options: ["rbind"]}]'
	refused '/nowhere/data'
	assert_output_has '/data'
}

@test "errors: a terminal without a console socket, a console socket without a terminal" {
	make_bundle --terminal -- true
	refused "cannot allocate tty if acrun will detach without setting console socket"
	edit_config '.process.terminal = false'
	run acrun create --console-socket "$T/console.sock" --bundle "$BUNDLE" c1 </dev/null
	assert_status 1
	assert_output_has "cannot use console socket if acrun will not detach or allocate tty"
}

@test "errors: --log-format json writes one record that clients can read, --log appends" {
	make_bundle -- true
	rm "$BUNDLE/config.json"
	echo before >"$T/file.log"
	run acrun --log "$T/file.log" --log-format json create --bundle "$BUNDLE" c1 </dev/null
	assert_status 1
	assert_equal "$(head -n 1 "$T/file.log")" before
	assert_equal "$(tail -n 1 "$T/file.log" | jq -r .level)" error
	[[ $(tail -n 1 "$T/file.log" | jq -r .msg) == *config.json* ]]
	tail -n 1 "$T/file.log" | jq -r .time | grep -q '^20..-..-..T'
	run acrun --log-format yaml state x
	assert_status 1
	assert_output_has "invalid log-format: yaml"
}

@test "errors: wrong use: unknown command, unknown option, too few arguments" {
	run acrun fly
	assert_status 3
	assert_output_has "No help topic for 'fly'"
	run acrun create --no-such-option c1
	assert_status 1
	assert_output_has "flag provided but not defined"
	run acrun create
	assert_status 1
	assert_output_has '"create" requires exactly 1 argument(s)'
	run acrun --root / list
	assert_status 1
	assert_output_has "Option --root argument should not be set to /"
}
