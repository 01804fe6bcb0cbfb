#!/usr/bin/env bats
# ACRN, on its stand-in: whatever is killed, delete --force and gc leave nothing taken: no UUID, no socket, no process.
load helpers
HV=acrn

setup() {
	: "${ACRUN_TEST_RELEASE:=2.0}"
	common_setup
	# The only one: a sandbox that leaves it taken is seen by the next.
	UUID=$(cat /proc/sys/kernel/random/uuid)
	sed -i "s/^vm_uuids = .*/vm_uuids = \"$UUID\"/" "$T/config.d/00-acrn.toml"
	NAMES=()
	make_bundle -- sleep 1000
}
teardown() { common_teardown; }

# field NAME: the pid of a process of c1 by its name in state.json, 0 when there is none.
field() {
	jq -r ".$1.pid // 0" "$ROOT/c1/state.json" 2>/dev/null || echo 0
}

# note_name: how c1's machine is called, if it is known yet.
note_name() {
	local name
	name=$(sed -n 's/.*"name": "\(.*\)".*/\1/p' "$ROOT/c1/acrn.json" 2>/dev/null) || true
	[[ -z $name || " ${NAMES[*]} " == *" $name "* ]] || NAMES+=("$name")
}

# kill_one WHAT: acrun, shim, proxy or vmm; true whether it is there or not.
kill_one() {
	local pid
	if [[ $1 == acrun ]]; then
		pkill -KILL -f "^$ACRUN --root $ROOT " || true
		return
	fi
	pid=$(field "$1")
	[[ $pid -le 1 ]] || kill -KILL "$pid" 2>/dev/null || true
}

# The sockets of the machines' monitors are in a directory of the host's.
assert_no_monitors() {
	local name left
	for name in "${NAMES[@]}"; do
		left=$(find /run/acrn/mngr -name "$name.monitor.*" 2>/dev/null)
		[[ -z $left ]] || {
			echo "left: $left" >&2
			return 1
		}
	done
}

@test "crash on ACRN: acrun, device model, shim, proxy killed at random moments leave nothing taken" {
	local rounds=${ACRUN_TEST_ROUNDS:-6} round what when victims=(acrun vmm shim proxy) creator seed=$((SRANDOM & 0x7fff))
	RANDOM=$seed
	for ((round = 1; round <= rounds; round++)); do
		what=("${victims[RANDOM % 4]}")
		[[ $((RANDOM % 3)) -ne 0 ]] || what+=("${victims[RANDOM % 4]}")
		when=$((RANDOM % 4000))
		echo "seed $seed, round $round: ${what[*]} after $when ms"
		"$ACRUN" --root "$ROOT" run --detach --bundle "$BUNDLE" c1 </dev/null >"$T/run.out" 2>&1 3>&- &
		creator=$!
		sleep "$((when / 1000)).$(printf %03d $((when % 1000)))"
		note_name
		for victim in "${what[@]}"; do kill_one "$victim"; done
		wait "$creator" || true
		note_name
		cat "$T/run.out"
		if [[ $((RANDOM % 2)) -eq 0 ]]; then
			acrun gc >/dev/null
		fi
		acrun delete --force c1
		assert_nothing_left
		assert_no_monitors
	done
	# and the machine of the last round can be had
	acrun run --detach --bundle "$BUNDLE" c1 </dev/null >"$T/run.out" 2>&1
	note_name
	[[ ${#NAMES[@]} -gt 0 ]]
	acrun delete --force c1
	assert_no_monitors
}
