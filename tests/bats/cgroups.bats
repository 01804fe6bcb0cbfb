#!/usr/bin/env bats
# The host's cgroups: who is in them, what limits they have, that nothing of them stays.
load helpers

setup() {
	common_setup
	NAME="acrun-$(basename "$T" | tr -c 'A-Za-z0-9\n' -)"
}
teardown() {
	common_teardown
	find /sys/fs/cgroup -depth -type d -name "*$NAME*" -exec rmdir {} \; 2>/dev/null || true
}

# in_cgroup PID PATH: is it there, in every hierarchy?
in_cgroup() {
	! cut -d: -f3- "/proc/$1/cgroup" | grep -qvxF -- "$2"
}

# left: directories of ours that are still there.
left() {
	find /sys/fs/cgroup -type d -name "*$NAME*" 2>/dev/null | wc -l
}

# memory_limit PATH
memory_limit() {
	cat "/sys/fs/cgroup/memory$1/memory.limit_in_bytes" 2>/dev/null || cat "/sys/fs/cgroup$1/memory.max"
}

@test "cgroups: all processes of a container are in its cgroup, and it goes with it" {
	local pid
	make_bundle -- sleep 1000
	edit_config ".linux.cgroupsPath = \"/$NAME/inner\""
	create_container c1
	acrun start c1
	for pid in $(jq -r '.vmm.pid, .proxy.pid, .shim.pid' "$ROOT/c1/state.json"); do
		in_cgroup "$pid" "/$NAME/inner"
	done
	acrun exec --detach --pid-file "$T/pid" c1 sleep 999 </dev/null >/dev/null 2>&1
	in_cgroup "$(cat "$T/pid")" "/$NAME/inner"
	kill -KILL "$(jq .proxy.pid "$ROOT/c1/state.json")"
	run --separate-stderr acrun exec c1 echo hello
	assert_equal "$output" hello
	in_cgroup "$(cut -d' ' -f1 "$ROOT/c1/proxy.pid")" "/$NAME/inner"
	acrun delete --force c1
	[ "$(find /sys/fs/cgroup -type d -name inner -path "*$NAME*" | wc -l)" -eq 0 ]
}

@test "cgroups: limits leave room for the machine, and follow an update" {
	make_bundle -- sleep 1000
	edit_config ".linux.cgroupsPath = \"/$NAME\" | .linux.resources.memory.limit = 67108864 | .linux.resources.cpu.shares = 512"
	create_container c1
	local limit
	limit=$(memory_limit "/$NAME")
	[ "$limit" -gt $((256 << 20)) ]
	[ "$limit" -eq $(($(jq .memoryMib "$ROOT/c1/state.json") * 1048576 + (256 << 20))) ]
	acrun start c1
	acrun update --memory 1073741824 c1
	[ "$(memory_limit "/$NAME")" -ge $(((1024 + 256) << 20)) ]
	acrun delete --force c1
	assert_equal "$(left)" 0
}

@test "cgroups: named by the id without a path; none when they are disabled" {
	make_bundle -- sleep 1000
	edit_config 'del(.linux.cgroupsPath)'
	acrun create --bundle "$BUNDLE" "$NAME" </dev/null >/dev/null 2>"$T/err"
	grep -qE "/$NAME\.[0-9a-f]{8}\$" "/proc/$(jq .shim.pid "$ROOT/$NAME/state.json")/cgroup"
	acrun delete --force "$NAME"
	assert_equal "$(left)" 0
	edit_config ".linux.cgroupsPath = \"/$NAME\""
	acrun --cgroup-manager disabled create --bundle "$BUNDLE" c1 </dev/null >/dev/null 2>"$T/err"
	assert_equal "$(left)" 0
	assert_equal "$(cat "/proc/$(jq .shim.pid "$ROOT/c1/state.json")/cgroup")" "$(cat /proc/self/cgroup)"
	acrun delete --force c1
}

@test "cgroups: paths as systemd has them" {
	make_bundle -- true
	edit_config ".linux.cgroupsPath = \"a$NAME-b.slice:acrun:$NAME\""
	acrun --systemd-cgroup create --bundle "$BUNDLE" c1 </dev/null >/dev/null 2>"$T/err"
	in_cgroup "$(jq .shim.pid "$ROOT/c1/state.json")" \
		"$(echo "a$NAME-b" | awk -F- '{ s = ""; for (i = 1; i <= NF; i++) { s = s (i > 1 ? "-" : "") $i; printf "/%s.slice", s } }')/acrun-$NAME.scope"
	acrun delete --force c1
	for path in /plain/path a:b 'x.slice:a:b:c' 'nothing:a:b'; do
		edit_config ".linux.cgroupsPath = \"$path\""
		run acrun --systemd-cgroup create --bundle "$BUNDLE" c1
		assert_status 1
		assert_output_has 'of format "slice:prefix:name" for systemd cgroups, got'
	done
	run acrun --cgroup-manager other create --bundle "$BUNDLE" c1
	assert_status 1
	assert_output_has "cgroup manager 'other' is not known"
}

# freeze PATH: makes a cgroup whose processes stand still
freeze() {
	if [ -d /sys/fs/cgroup/freezer ]; then
		mkdir -p "/sys/fs/cgroup/freezer$1"
		echo FROZEN >"/sys/fs/cgroup/freezer$1/freezer.state"
	else
		mkdir -p "/sys/fs/cgroup$1"
		echo 1 >"/sys/fs/cgroup$1/cgroup.freeze"
	fi
}

@test "cgroups: in a frozen one nothing is started: an error that names it" {
	make_bundle -- true
	freeze "/$NAME"
	for path in "/$NAME" "/$NAME/below/it"; do
		edit_config ".linux.cgroupsPath = \"$path\""
		run timeout -s KILL 30 "$ACRUN" --root "$ROOT" create --bundle "$BUNDLE" c1
		assert_status 1
		assert_output_has "container's cgroup unexpectedly frozen"
		[ ! -e "$ROOT/c1" ]
	done
	assert_equal "$(left)" 1
}

@test "cgroups: quota and period are a pair, of which an update may change one" {
	local dir="/$NAME/pod/c" v1=/sys/fs/cgroup/cpu quota
	quota() {
		if [ -d "$v1" ]; then
			echo "$(cat "$v1$dir/cpu.cfs_quota_us") $(cat "$v1$dir/cpu.cfs_period_us")"
		else
			cat "/sys/fs/cgroup$dir/cpu.max"
		fi
	}
	make_bundle -- sleep 1000
	edit_config ".linux.cgroupsPath = \"$dir\" | .linux.resources.cpu = { quota: 60000, period: 200000 }"
	create_container c1
	acrun start c1
	acrun update --cpu-period 100000 c1
	assert_equal "$(quota)" "60000 100000"
	run acrun update --cpu-quota 90000 c1
	assert_equal "$output" ""
	assert_equal "$(quota)" "90000 100000"
	# a shorter period alone, with the old quota, is more than the pod may have
	[ ! -d "$v1" ] || echo 95000 >"$v1/$NAME/pod/cpu.cfs_quota_us"
	acrun update --cpu-period 10000 --cpu-quota 5000 c1
	assert_equal "$(quota)" "5000 10000"
	# more CPUs than the machine can get: told, and in force
	[ ! -d "$v1" ] || echo -1 >"$v1/$NAME/pod/cpu.cfs_quota_us"
	run acrun update --cpu-quota 9000000 --cpu-period 1000000 c1
	assert_status 0
	[ "$(nproc)" -eq 1 ] || assert_output_has "makes room"
	assert_equal "$(quota)" "9000000 1000000"
	acrun delete --force c1
}

@test "cgroups: a path that leads out, a cgroup in use: an error, and nothing is left" {
	make_bundle -- true
	edit_config '.linux.cgroupsPath = "/a/../../b"'
	run acrun create --bundle "$BUNDLE" c1
	assert_status 1
	assert_output_has '".." may not be in it'
	edit_config ".linux.cgroupsPath = \"/$NAME\""
	acrun create --bundle "$BUNDLE" c1 </dev/null >/dev/null 2>"$T/err"
	run acrun create --bundle "$BUNDLE" c2
	assert_status 1
	assert_output_has "container's cgroup is not empty"
	[ ! -e "$ROOT/c2" ]
	in_cgroup "$(jq .shim.pid "$ROOT/c1/state.json")" "/$NAME"
	acrun delete --force c1
	assert_equal "$(left)" 0
}
