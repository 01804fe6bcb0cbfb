#!/usr/bin/env bats
# Templates: made by themselves, restored from, told apart, never trusted when anything about them is off.
load helpers

setup() {
	common_setup
	make_bundle -- sh -c 'cat /proc/sys/kernel/random/boot_id; head -c 16 /dev/urandom | od -An -tx1; date +%s; exit 5'
	TEMPLATES=$T/templates
	# a memory file system of the test's own
	mkdir "$TEMPLATES"
	mount -t tmpfs -o mode=0700 tmpfs "$TEMPLATES"
	configure
}
teardown() {
	umount -l "$TEMPLATES" 2>/dev/null || true
	common_teardown
}

# configure [LINES...]: a configuration with this test's templates.
configure() {
	printf '[factory]\ntemplate_path = "%s"\n' "$TEMPLATES" >"$T/acrun.toml"
	[[ $# -eq 0 ]] || printf '%s\n' "$@" >>"$T/acrun.toml"
}

factory() {
	acrun --config "$T/acrun.toml" factory "$@"
}

# run_one ID: a container that must run whatever the state of the templates is.
run_one() {
	run --separate-stderr acrun --config "$T/acrun.toml" run --bundle "$BUNDLE" "$1" </dev/null
	assert_status 5
}

templates() {
	find "$TEMPLATES" -name 'memory-*' | wc -l
}

was_restored() {
	acrun state --timing "$1" | jq -e '[.. | objects | select(.name? == "restore")] | length > 0' >/dev/null
}

@test "factory: init, status, destroy with their texts; nothing stays" {
	run factory status
	assert_status 0
	assert_equal "$output" "vm factory is off"
	run factory init
	assert_status 0
	assert_equal "$output" "vm factory initialized"
	run factory status
	assert_equal "$output" "vm factory is on"
	[[ $(templates) -eq 1 ]]
	run factory destroy
	assert_equal "$output" "vm factory destroyed"
	[[ -z $(ls -A "$TEMPLATES") ]]
	configure 'enable_template = false'
	run factory init
	assert_equal "$output" "vm factory or VMCache is not enabled"
	run factory status
	assert_equal "$output" "vm factory not enabled"
}

@test "factory: the first create makes the template, later ones restore it; clones differ and know the time" {
	local ids=() randoms=() n now
	for n in 1 2 3; do
		run_one "c$n"
		assert_equal "$stderr" ""
		ids+=("${lines[0]}")
		randoms+=("${lines[1]}")
		now=$(date +%s)
		[[ $((now - lines[2])) -le 5 && $((lines[2] - now)) -le 1 ]]
	done
	assert_equal "$(templates)" 1
	assert_equal "$(printf '%s\n' "${ids[@]}" | sort -u | wc -l)" 3
	assert_equal "$(printf '%s\n' "${randoms[@]}" | sort -u | wc -l)" 3
}

@test "factory: two clones at once, each with its own root, console and processes" {
	local n
	make_bundle -- sh -c 'echo $HOSTNAME_OF_MINE >/written; sleep 300'
	for n in 1 2; do
		cp -r --no-dereference "$BUNDLE" "$T/bundle$n"
		jq --arg n "of-$n" '.process.env += ["HOSTNAME_OF_MINE=" + $n]' "$T/bundle$n/config.json" >"$T/new" && mv "$T/new" "$T/bundle$n/config.json"
		acrun --config "$T/acrun.toml" run --detach --bundle "$T/bundle$n" "c$n" </dev/null >"$T/c$n.out" 2>&1
	done
	for n in 1 2; do
		wait_for 20 test -s "$T/bundle$n/rootfs/written"
		assert_equal "$(cat "$T/bundle$n/rootfs/written")" "of-$n"
		acrun delete --force "c$n"
	done
}

@test "factory: a changed machine makes another template; one whose kernel changed is dropped" {
	cp "$(dirname "$ACRUN")/../share/acrun/vmlinux" "$T/vmlinux"
	configure '[hypervisor.qemu]' "kernel = \"$T/vmlinux\""
	run_one c1
	assert_equal "$(templates)" 1
	configure '[hypervisor.qemu]' "kernel = \"$T/vmlinux\"" 'default_memory = 384'
	run_one c2
	assert_equal "$(templates)" 2
	touch "$T/vmlinux"
	run_one c3
	assert_equal "$(templates)" 1
}

@test "factory: a damaged, cut or foreign template is found out and made anew" {
	factory init
	local dir memory
	dir=$(dirname "$(find "$TEMPLATES" -name 'memory-*')")
	truncate -s 1000 "$dir"/state-*
	run_one c1
	[[ $stderr == *"making it anew"* ]]
	dir=$(dirname "$(find "$TEMPLATES" -name 'memory-*')")
	memory=$(echo "$dir"/memory-*)
	printf 'x' | dd of="$memory" bs=1 seek=4096 conv=notrunc 2>/dev/null
	run_one c2
	[[ $stderr == *"making it anew"* ]]
	dir=$(dirname "$(find "$TEMPLATES" -name 'memory-*')")
	echo '{"version": 1' >"$dir/template.json"
	run_one c3
	[[ $stderr == *"making it anew"* ]]
	run_one c4
	assert_equal "$stderr" ""
	assert_equal "$(templates)" 1
}

@test "factory: what others could have written is refused, and the machine boots" {
	factory init
	chmod 0777 "$TEMPLATES"
	run_one c1
	[[ $stderr == *"others may write to it"* ]]
	chmod 0700 "$TEMPLATES"
	chmod 0666 "$TEMPLATES"/*/state-*
	run_one c2
	[[ $stderr == *"making it anew"* ]]
}

@test "factory: a full memory file system, a directory that cannot be made: one warning, the machine boots" {
	umount "$TEMPLATES"
	mount -t tmpfs -o mode=0700,size=8m tmpfs "$TEMPLATES"
	run_one c1
	[[ $stderr == *"booted the virtual machine instead"* ]]
	assert_equal "$(wc -l <<<"$stderr")" 1
	assert_equal "$(templates)" 0
	# not tried again at once
	run_one c2
	assert_equal "$stderr" ""
	: >"$T/file"
	printf '[factory]\ntemplate_path = "%s/file/below"\n' "$T" >"$T/acrun.toml"
	run_one c3
	[[ $stderr == *"$T/file/below"* ]]
}

@test "factory: thirty creates at once on an empty directory: one template, all run" {
	local n pids=()
	make_bundle -- true
	configure '[hypervisor.qemu]' 'default_memory = 128'
	for n in $(seq 30); do
		acrun --config "$T/acrun.toml" run --bundle "$BUNDLE" "c$n" </dev/null >"$T/c$n.out" 2>"$T/c$n.err" &
		pids+=($!)
	done
	for n in "${pids[@]}"; do wait "$n"; done
	assert_equal "$(templates)" 1
	assert_equal "$(cat "$T"/c*.err)" ""
}

@test "factory: a killed maker leaves no machine, and the next one sweeps up after it" {
	factory init >"$T/init.out" 2>&1 &
	local pid=$!
	wait_for 20 eval '[[ -n $(find "$TEMPLATES" -name "new-*") ]]'
	sleep 0.5
	pkill -KILL -f "factory init" || true
	wait "$pid" || true
	wait_for 5 eval '! pgrep -f "$TEMPLATES/new-" >/dev/null'
	run_one c1
	assert_equal "$(find "$TEMPLATES" -maxdepth 1 -name 'new-*' | wc -l)" 0
}

@test "factory: a clone grows to what the limits ask for" {
	make_bundle -- sh -c 'grep MemTotal /proc/meminfo | tr -dc 0-9; echo; grep -c ^processor /proc/cpuinfo'
	run --separate-stderr acrun --config "$T/acrun.toml" run --bundle "$BUNDLE" c1 </dev/null
	assert_status 0
	local small=${lines[0]}
	assert_equal "${lines[1]}" 1
	edit_config '.linux.resources = {memory: {limit: 939524096}}'
	run --separate-stderr acrun --config "$T/acrun.toml" run --bundle "$BUNDLE" c2 </dev/null
	assert_status 0
	[[ ${lines[0]} -ge $((small + 400000)) ]]
	assert_equal "$(templates)" 1
	edit_config '.linux.resources = {cpu: {quota: 200000, period: 100000}}'
	run --separate-stderr acrun --config "$T/acrun.toml" run --bundle "$BUNDLE" c3 </dev/null
	assert_status 0
	assert_equal "${lines[1]}" 2
	configure '[hypervisor.qemu]' 'default_maxvcpus = 2'
	run --separate-stderr acrun --config "$T/acrun.toml" run --bundle "$BUNDLE" c4 </dev/null
	assert_status 0
	assert_equal "${lines[1]}" 2
}

@test "factory: a machine type that cannot grow is cloned too, and made larger where it must be" {
	make_bundle -- sh -c 'grep MemTotal /proc/meminfo | tr -dc 0-9'
	configure '[hypervisor.qemu]' 'machine_type = "microvm"'
	run --separate-stderr acrun --config "$T/acrun.toml" run --bundle "$BUNDLE" c1 </dev/null
	assert_status 0
	local small=$output
	edit_config '.linux.resources = {memory: {limit: 939524096}}'
	run --separate-stderr acrun --config "$T/acrun.toml" run --bundle "$BUNDLE" c2 </dev/null
	assert_status 0
	[[ $output -ge $((small + 400000)) ]]
}
