#!/usr/bin/env bats
# The VM cache: machines that wait for their sandbox. Whoever is killed, none of them is left behind.
load helpers

# One template for all tests here, but for those that destroy it.
TEMPLATES=/dev/shm/acrun-test-cache

teardown_file() {
	rm -rf "$TEMPLATES"
}

setup() {
	common_setup
	make_bundle -- sh -c 'cat /proc/sys/kernel/random/boot_id; head -c 16 /dev/urandom | od -An -tx1; date +%s; ls /marker; exit 5'
	touch "$BUNDLE/rootfs/marker"
	PEER=${ACRUN%/bin/acrun}/tests/grpc_cache
	SOCKET=$T/cache.sock
	configure 2
}
teardown() {
	[[ -z ${SERVER:-} ]] || kill -TERM "$SERVER" 2>/dev/null || true
	common_teardown
}

# configure NUMBER [LINES...]
configure() {
	local number=$1
	shift
	printf '[factory]\nvm_cache_number = %s\nvm_cache_endpoint = "%s"\ntemplate_path = "%s"\n' \
		"$number" "$SOCKET" "$TEMPLATES" >"$T/acrun.toml"
	[[ $# -eq 0 ]] || printf '%s\n' "$@" >>"$T/acrun.toml"
}

factory() {
	acrun --config "$T/acrun.toml" factory "$@"
}

serve() {
	"$ACRUN" --config "$T/acrun.toml" factory init >"$T/serve.out" 2>&1 3>&- </dev/null &
	SERVER=$!
	wait_for 60 has_machines "${1:-2}"
}

has_machines() {
	[[ $(machines | wc -l) -eq $1 ]]
}

# The pids of those that wait.
machines() {
	factory status | sed -n 's/^VM pid = \([0-9]*\) Cpu = .*/\1/p'
}

# Everything of the cache is gone but what sandboxes have.
nothing_waits() {
	! find "$SOCKET.d" -name making -o -name pooled -o -name dead 2>/dev/null | grep -q . && [[ ! -e $SOCKET ]]
}

run_one() {
	run --separate-stderr acrun --config "$T/acrun.toml" run --bundle "$BUNDLE" "$1" </dev/null
	assert_status 5
}

vmm() {
	jq -r .vmm.pid "$ROOT/$1/state.json"
}

@test "cache: init serves, status tells, destroy ends it" {
	run factory status
	assert_equal "$output" "vm factory is off"
	serve
	run factory status
	assert_status 0
	assert_equal "${lines[0]}" "VM cache server pid = $SERVER"
	[[ ${lines[1]} =~ ^"VM pid = "[0-9]+" Cpu = 1 Memory = 512MiB"$ ]]
	assert_equal "${#lines[@]}" 3
	assert_equal "$(stat -c %a "$SOCKET" "$SOCKET.d" | tr '\n' ' ')" "600 700 "
	run factory init
	assert_status 1
	assert_output_has "$SOCKET already exist.  Please stop running VMCache server and remove $SOCKET"
	run factory destroy
	assert_equal "$output" "vm factory destroyed"
	wait "$SERVER"
	[[ ! -e $SOCKET && ! -e $SOCKET.d ]]
	no_leftover_pids
}

# The directory of a machine that is being made.
being_made() {
	find "$SOCKET.d" -mindepth 1 -maxdepth 1 -type d 2>/dev/null | grep .
}

@test "cache: while a machine is made the server answers, and ends with nothing left" {
	configure 1 'enable_template = false'
	"$ACRUN" --config "$T/acrun.toml" factory init >"$T/serve.out" 2>&1 3>&- </dev/null &
	SERVER=$!
	wait_for 20 being_made
	run factory status
	assert_status 0
	assert_equal "$output" "VM cache server pid = $SERVER"
	kill -TERM "$SERVER"
	wait "$SERVER"
	SERVER=
	nothing_waits
	[[ ! -e $SOCKET.d ]]
}

@test "cache: creates take waiting machines, which are replaced; each has its own identity and root" {
	serve
	local n ids=() randoms=() before now
	for n in 1 2 3; do
		wait_for 30 has_machines 2
		before=$(machines)
		acrun --config "$T/acrun.toml" create --bundle "$BUNDLE" "c$n" </dev/null >"$T/c$n.out" 2>"$T/c$n.err"
		grep -qx "$(vmm "c$n")" <<<"$before"
		acrun start "c$n"
		wait_status "c$n" stopped
		assert_equal "$(cat "$T/c$n.err")" ""
		mapfile -t lines <"$T/c$n.out"
		ids+=("${lines[0]}")
		randoms+=("${lines[1]}")
		now=$(date +%s)
		[[ $((now - lines[2])) -le 5 && $((lines[2] - now)) -le 1 ]]
		assert_equal "${lines[3]}" /marker
		acrun delete "c$n"
	done
	assert_equal "$(printf '%s\n' "${ids[@]}" | sort -u | wc -l)" 3
	assert_equal "$(printf '%s\n' "${randoms[@]}" | sort -u | wc -l)" 3
	wait_for 30 has_machines 2
	assert_equal "$(find "$SOCKET.d" -mindepth 1 -maxdepth 1 | wc -l)" 2
}

@test "cache: a mount made after the machine is seen in it" {
	serve
	mkdir "$T/late"
	mount -t tmpfs tmpfs "$T/late"
	echo here >"$T/late/file"
	set_args cat /late/file
	edit_config '.mounts += [{destination: "/late", type: "bind", source: $ARGS.positional[0], options: ["rbind", "ro"]}]' --args -- "$T/late"
	run --separate-stderr acrun --config "$T/acrun.toml" run --bundle "$BUNDLE" c1 </dev/null
	umount "$T/late"
	assert_status 0
	assert_equal "$output" here
	assert_equal "$stderr" ""
}

@test "cache: a machine that dies in the pool is replaced" {
	serve
	local victim
	victim=$(machines | head -n 1)
	kill -KILL "$victim"
	wait_for 30 eval '! machines | grep -qx '"$victim"' && has_machines 2'
	run_one c1
	assert_equal "$stderr" ""
}

@test "cache: without a server, or with machines of another kind: one warning, and it runs" {
	run_one c1
	[[ $stderr == *"connect to '$SOCKET'"*"making a virtual machine without it"* ]]
	assert_equal "$(wc -l <<<"$stderr")" 1
	serve
	configure 2 '[hypervisor.qemu]' 'default_memory = 384'
	run_one c2
	[[ $stderr == *"hypervisor config does not match: memory=512"*" vs. memory=384"* ]]
	assert_equal "$(wc -l <<<"$stderr")" 1
	has_machines 2
}

@test "cache: a client that takes a machine and dies leaves none" {
	serve 2
	local before
	before=$(machines | sort)
	"$PEER" vm "$SOCKET"
	wait_for 30 eval '[[ $(comm -12 <(machines | sort) <(echo "'"$before"'") | wc -l) -eq 1 ]]'
	wait_for 30 has_machines 2
	wait_for 30 eval '[[ $(find "$SOCKET.d" -mindepth 1 -maxdepth 1 | wc -l) -eq 2 ]]'
}

@test "cache: more creates at once than machines: all run, none twice" {
	serve
	local n pids=()
	make_bundle -- cat /proc/sys/kernel/random/boot_id
	for n in $(seq 6); do
		acrun --config "$T/acrun.toml" run --bundle "$BUNDLE" "c$n" </dev/null >"$T/c$n.id" 2>"$T/c$n.err" &
		pids+=($!)
	done
	for n in "${pids[@]}"; do wait "$n"; done
	assert_equal "$(sort -u "$T"/c*.id | wc -l)" 6
	wait_for 30 has_machines 2
}

@test "cache: SIGTERM and Quit leave the machines of sandboxes alone" {
	serve
	make_bundle -- sleep 300
	acrun --config "$T/acrun.toml" create --bundle "$BUNDLE" c1 </dev/null >"$T/c1.out" 2>&1
	acrun start c1
	kill -TERM "$SERVER"
	wait "$SERVER"
	nothing_waits
	assert_equal "$(container_status c1)" running
	serve
	"$PEER" call "$SOCKET" /cache.CacheService/Quit 5000 </dev/null
	wait "$SERVER"
	nothing_waits
	acrun exec c1 true </dev/null
	acrun delete --force c1
	[[ -z $(find "$SOCKET.d" -mindepth 1 2>/dev/null) ]]
}

@test "cache: a killed server leaves no machine that waits, and the taken one lives" {
	serve
	make_bundle -- sleep 300
	acrun --config "$T/acrun.toml" create --bundle "$BUNDLE" c1 </dev/null >"$T/c1.out" 2>&1
	[[ -L $ROOT/c1/machine ]]
	acrun start c1
	kill -KILL "$SERVER"
	wait_for 10 nothing_waits
	assert_equal "$(container_status c1)" running
	acrun exec c1 true </dev/null
	acrun delete --force c1
	no_leftover_pids
	[[ -z $(find "$SOCKET.d" -mindepth 1 2>/dev/null) ]]
}

@test "cache: a server killed with its guard: the next one sweeps" {
	serve
	local guard
	guard=$(pgrep -f "^acrun-cached -guard $SOCKET")
	kill -STOP "$SERVER"
	kill -KILL "$guard" "$SERVER"
	wait "$SERVER" || true
	assert_equal "$(leftover_pids | wc -l)" 2
	serve
	assert_equal "$(find "$SOCKET.d" -mindepth 1 -maxdepth 1 | wc -l)" 2
	factory destroy
	no_leftover_pids
}

@test "cache: the server is killed during a hand-over, at any moment: the create succeeds, nothing is left" {
	local delay pid
	make_bundle -- true
	for delay in 0 0.002 0.005 0.01 0.02 0.05 0.2; do
		serve 2
		acrun --config "$T/acrun.toml" run --bundle "$BUNDLE" c1 </dev/null >"$T/c1.out" 2>"$T/c1.err" &
		pid=$!
		sleep "$delay"
		kill -KILL "$SERVER"
		wait "$pid"
		wait_for 10 nothing_waits
		wait_for 10 no_leftover_pids
		[[ -z $(find "$SOCKET.d" -mindepth 1 2>/dev/null) ]]
	done
}

@test "cache: a create killed at any moment of the hand-over leaves nothing after delete --force" {
	serve
	local delay
	make_bundle -- sleep 300
	for delay in 0.002 0.005 0.01 0.015 0.02 0.03 0.05 0.1; do
		wait_for 30 has_machines 2
		"$ACRUN" --root "$ROOT" --config "$T/acrun.toml" create --bundle "$BUNDLE" c1 </dev/null >"$T/c1.out" 2>&1 3>&- &
		local pid=$!
		sleep "$delay"
		kill -KILL "$pid" || true
		wait "$pid" || true
		acrun delete --force c1
	done
	wait_for 30 has_machines 2
	wait_for 10 eval '[[ $(find "$SOCKET.d" -mindepth 1 -maxdepth 1 | wc -l) -eq 2 ]]'
	kill -TERM "$SERVER"
	wait "$SERVER"
	wait_for 10 no_leftover_pids
}
