#!/usr/bin/env bats
# How long things take: acrun state --timing, and the trace file.
load helpers

setup() { common_setup; }
teardown() { common_teardown; }

# events FILE: the trace as JSON; nobody writes the array's end.
events() {
	sed -e '$ s/,$//' "$1" | cat - <(echo ']') | jq "${@:2}"
}

# phases COMMAND: the names kept for a command of c1, in order, in one line.
phases() {
	acrun state --timing c1 | jq -r --arg command "$1" '[.timing[] | select(.command == $command) | .name] | join(" ")'
}

@test "timing: the phases of create, start and exec are kept, in order, within their total" {
	make_bundle -- sleep 1000
	create_container c1
	acrun start c1
	acrun exec c1 true
	run acrun exec c1 no-such-program
	assert_status 255
	[[ $(phases create) == "inputs loan namespaces "*" container view limits publish total" ]]
	assert_equal "$(phases start)" "open state network process hooks total"
	assert_equal "$(phases exec)" \
		"open inputs attach console shim process publish total open inputs attach console shim process total"
	assert_equal "$(acrun state --timing c1 | jq -r .id)" c1
	acrun state --timing c1 | jq -e '[.timing | group_by(.pid)[] | (.[] | select(.name == "total")) as $total
		| .[] | .begin >= 0 and .duration >= 0 and .begin + .duration <= $total.duration] | all'
	assert_equal "$(acrun state --timing c1 | jq -r '[.timing[] | select(.failed) | .name] | join(" ")')" "process total"
	# what state prints does not change
	assert_equal "$(acrun state c1 | jq 'has("timing")')" false
}

@test "timing: of many execs only the last are kept" {
	make_bundle -- sleep 1000
	create_container c1
	acrun start c1
	head -c 70000 /dev/zero | tr '\0' '\n' | sed 's/.*/{"command":"exec","pid":1,"name":"old"}/' | head -n 1800 >"$ROOT/c1/timing-repeated"
	acrun exec c1 true
	acrun exec c1 true
	[[ $(stat -c %s "$ROOT/c1/timing-repeated") -lt 10000 ]]
	[[ $(phases exec) == old*" old open inputs "*" total open inputs "*" total" ]]
	[[ $(phases create) == inputs* ]]
}

@test "trace: several commands append to one file that viewers can read" {
	make_bundle -- sleep 1000
	local i pids=()
	"$ACRUN" --root "$ROOT" --trace "$T/trace.json" create --bundle "$BUNDLE" c1 </dev/null >"$T/c1.out" 2>&1 3>&-
	ACRUN_TRACE=$T/trace.json acrun start c1
	for ((i = 0; i < 10; i++)); do
		ACRUN_TRACE=$T/trace.json acrun exec c1 true </dev/null >/dev/null 2>&1 &
		pids+=($!)
	done
	wait "${pids[@]}"
	assert_equal "$(head -n 1 "$T/trace.json")" "["
	assert_equal "$(grep -c '^\[' "$T/trace.json")" 1
	events "$T/trace.json" -e 'map(select(.ph == "X")) | length > 90 and all(.[]; (.ts | type) == "number" and .dur >= 0 and .pid > 0 and .tid > 0 and .args.id == "c1")'
	assert_equal "$(events "$T/trace.json" -r '[.[] | select(.ph == "X" and .cat == "exec" and .name == "exec") | .pid] | unique | length')" 10
	for i in inputs vm guest shim container publish create; do
		assert_equal "$(events "$T/trace.json" --arg name "$i" '[.[] | select(.cat == "create" and .name == $name)] | length')" 1
	done
	# phases lie within their command
	events "$T/trace.json" -e '(.[] | select(.name == "create")) as $all | [.[] | select(.cat == "create")] | all(.ts >= $all.ts and .ts + .dur <= $all.ts + $all.dur)'
}

@test "trace: first writers at the same time open the array once" {
	local i pids=()
	for ((i = 0; i < 20; i++)); do
		ACRUN_TRACE=$T/trace.json acrun start none >/dev/null 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || true; done
	assert_equal "$(grep -c '^\[' "$T/trace.json")" 1
	assert_equal "$(events "$T/trace.json" '[.[] | select(.name == "start" and .args.failed)] | length')" 20
}

@test "trace: a file that cannot be opened is an error that names it" {
	run acrun --trace "$T/no/such/dir/trace" list
	assert_status 1
	assert_output_has "open trace file '$T/no/such/dir/trace'"
}
