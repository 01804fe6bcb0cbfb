#!/usr/bin/env bats
# What is done to a container that exists: ps, pause, resume, update, events, kill --all.
load helpers

setup() { common_setup; }
teardown() { common_teardown; }

# running ARGS...: c1 runs them.
running() {
	make_bundle -- "$@"
	create_container c1
	acrun start c1
}

# figure FILTER: of `events --stats`
figure() {
	acrun events --stats c1 | jq -r "$1"
}

# hyper CALL [JSON]: asks the agent of c1.
hyper() {
	"$FIXTURES/hyper.py" "$ROOT/c1/proxy.sock" c1 "$@"
}

@test "ps: a table as ps prints it, pids as JSON, nothing of a stopped container" {
	running sh -c 'sleep 1000 & exec sleep 2000'
	wait_for 10 eval 'acrun ps c1 | grep "sleep 1000\$"'
	run acrun ps c1
	assert_status 0
	[[ ${lines[0]} =~ ^UID\ +PID\ +PPID\ +C\ STIME\ +TTY\ +TIME\ CMD$ ]]
	assert_equal "${#lines[@]}" 3
	[[ $output == *"sleep 2000"* ]]
	run acrun ps --format json c1
	assert_equal "$(jq 'length' <<<"$output")" 2
	assert_equal "$(jq -c 'map(type) | unique' <<<"$output")" '["number"]'
	run acrun ps c1 -o pid,args
	assert_equal "$(sort -n <<<"$output" | awk 'NR > 1 { print $2, $3 }' | sort)" $'sleep 1000\nsleep 2000'
	run acrun ps c1 -e -x
	[[ ${lines[0]} =~ ^\ +PID\ TTY\ +STAT\ +TIME\ COMMAND$ ]]
	[[ $output =~ \?\ +[RSD]s?\ +0:0[0-9]\ sleep\ 2000 ]]
	run acrun ps c1 -o nonsense
	assert_status 1
	[[ $output == *'unknown user-defined format specifier "nonsense"'* ]]
	run acrun ps --format yaml c1
	assert_status 1
	[[ $output == *'invalid format option'* ]]
	acrun kill c1 KILL
	wait_status c1 stopped
	run acrun ps -f json c1
	assert_equal "$output" '[]'
	run acrun ps nobody
	assert_status 1
	[[ $output == *'container does not exist'* ]]
}

@test "pause: everything stands still, resume lets it go on; texts as runc's" {
	running sh -c 'i=0; while :; do i=$((i+1)); echo $i >/tmp/count; done'
	wait_for 10 has_file c1 /tmp/count
	acrun pause c1
	assert_equal "$(container_status c1)" paused
	assert_equal "$(acrun list | awk '$1 == "c1" { print $3 }')" paused
	# a frozen container uses no time: two looks at the clock of its cgroup agree
	assert_equal "$(figure .data.cpu.usage.total)" "$(figure .data.cpu.usage.total)"
	run acrun pause c1
	assert_status 1
	[[ $output == *'container not running'* ]]
	run acrun exec c1 true
	assert_status 255
	[[ $output == *'cannot exec in a paused container (use --ignore-paused to override)'* ]]
	run acrun start c1
	[[ $output == *'cannot start a container in the paused state'* ]]
	acrun resume c1
	assert_equal "$(container_status c1)" running
	run acrun resume c1
	assert_status 1
	[[ $output == *'container not paused'* ]]
	acrun exec c1 true
}

@test "pause: signals wait for the resume, SIGKILL and delete do not; created stays created" {
	running sleep 1000
	acrun pause c1
	acrun kill c1 TERM
	assert_equal "$(container_status c1)" paused
	acrun resume c1
	wait_status c1 stopped
	acrun delete c1
	create_container c1
	acrun pause c1
	acrun resume c1
	assert_equal "$(container_status c1)" created
	acrun start c1
	acrun pause c1
	acrun kill c1 KILL
	wait_status c1 stopped
	run acrun pause c1
	[[ $output == *'container not running'* ]]
	run acrun resume c1
	[[ $output == *'container not paused'* ]]
	acrun delete c1
	create_container c1
	acrun start c1
	acrun pause c1
	acrun delete --force c1
}

@test "pause: a resume mends what a pause left that was killed half-way" {
	running sleep 1000
	jq '.status = "paused"' "$ROOT/c1/state.json" >"$T/state.json"
	cp "$T/state.json" "$ROOT/c1/state.json"
	acrun resume c1
	assert_equal "$(container_status c1)" running
	acrun exec c1 true
}

@test "update: limits hold in the guest, by options, file and stdin" {
	running sleep 1000
	assert_equal "$(figure .data.pids.limit)" null
	acrun update --pids-limit 20 --memory 64m --cpu-quota 50000 c1
	assert_equal "$(figure .data.pids.limit)" 20
	assert_equal "$(figure .data.memory.usage.limit)" 67108864
	# what is not asked for stays
	acrun update --cpu-period 200000 c1
	assert_equal "$(figure .data.pids.limit)" 20
	acrun update -r - c1 <<<'{"memory": {"limit": 134217728, "swap": 201326592}, "pids": {"limit": -1}}'
	assert_equal "$(figure .data.memory.usage.limit)" 134217728
	assert_equal "$(figure .data.pids.limit)" null
	echo '{"pids": {"limit": 9}}' >"$T/resources"
	acrun update --resources "$T/resources" --memory 16m c1
	assert_equal "$(figure .data.pids.limit)" 9
	assert_equal "$(figure .data.memory.usage.limit)" 134217728
	run acrun update --memory lots c1
	assert_status 1
	[[ $output == *'invalid value for memory: "lots"'* ]]
	run acrun update --l3-cache-schema x c1
	[[ $output == *'Intel RDT is the host'* ]]
	run acrun update -r - c1 <<<'{"memory": {"limit": 4096, "checkBeforeUpdate": true}}'
	assert_status 1
	[[ $output == *'rejecting memory limit 4096'* ]]
	assert_equal "$(container_status c1)" running
	acrun kill c1 KILL
	wait_status c1 stopped
	run acrun update --pids-limit 5 c1
	[[ $output == *'container not running'* ]]
}

@test "update: a limit beyond the machine makes the machine grow" {
	local before after
	running sleep 1000
	before=$(acrun exec c1 awk '/MemTotal/ { print $2 }' /proc/meminfo)
	acrun update --memory 600m c1
	after=$(acrun exec c1 awk '/MemTotal/ { print $2 }' /proc/meminfo)
	[[ $after -ge $((before + 120 * 1024)) ]]
	[[ $after -ge $((600 * 1024)) ]]
	assert_equal "$(figure .data.memory.usage.limit)" $((600 << 20))
	# and it knows its size: a smaller limit asks for nothing
	acrun update --memory 300m c1
	assert_equal "$(acrun exec c1 awk '/MemTotal/ { print $2 }' /proc/meminfo)" "$after"
}

@test "events --stats: runc's document" {
	running sleep 1000
	acrun events --stats c1 >"$T/line"
	assert_equal "$(wc -l <"$T/line")" 1
	assert_equal "$(jq -c '[.type, .id]' "$T/line")" '["stats","c1"]'
	assert_equal "$(jq -c '.data | keys' "$T/line")" \
		'["blkio","cpu","cpuset","hugetlb","intel_rdt","memory","network_interfaces","pids"]'
	jq -e '.data.cpu.usage | .total > 0 and .kernel + .user > 0' "$T/line"
	jq -e '.data.memory | .usage.usage > 0 and .raw.anon > 0 and (.usage | has("limit") and has("failcnt"))' "$T/line"
	jq -e '.data.pids.current == 1' "$T/line"
	jq -e '.data.hugetlb["2MB"].failcnt == 0' "$T/line"
	run acrun events --interval 0 c1
	assert_status 1
	[[ $output == *'duration interval must be greater than 0'* ]]
	acrun kill c1 KILL
	wait_status c1 stopped
	run acrun events --stats c1
	assert_status 1
	[[ $output == *'container with id c1 is not running'* ]]
}

@test "events: an out-of-memory kill is told, the exit code is 137, the stream ends with the container" {
	local code=0 events run
	make_bundle -- sh -c 'read -r go; exec tail /dev/zero'
	edit_config '.linux.resources.memory.limit = 33554432'
	mkfifo "$T/go"
	acrun run --bundle "$BUNDLE" c1 <"$T/go" >"$T/run" 2>&1 &
	run=$!
	exec 9>"$T/go"
	wait_status c1 running
	acrun events --interval 1h c1 >"$T/events" &
	events=$!
	# it has asked what has been before it waits for what comes
	wait_for 10 eval 'hyper waitevents "{\"after\":0}" | grep last'
	echo go >&9
	exec 9>&-
	wait "$run" || code=$?
	assert_equal "$code" 137
	wait "$events"
	assert_equal "$(cat "$T/events")" '{"type":"oom","id":"c1"}'
}

@test "events: figures come at each interval until the container ends" {
	local events
	running sleep 1000
	acrun events --interval 200ms c1 >"$T/events" &
	events=$!
	wait_for 20 eval '[[ $(wc -l <"$T/events") -ge 3 ]]'
	acrun kill c1 KILL
	wait "$events"
	assert_equal "$(jq -r .type "$T/events" | sort -u)" stats
}

@test "kill --all: every process gets it" {
	running sh -c 'trap "echo init; exit 0" USR1; sh -c "trap \"echo child; exit\" USR1; echo up >/tmp/up; while :; do sleep 0.1; done" & while :; do sleep 0.1; done'
	wait_for 10 has_file c1 /tmp/up
	acrun kill --all c1 USR1
	wait_status c1 stopped
	wait_for 10 grep -qx init "$T/c1.out"
	acrun kill --all c1 KILL
}
