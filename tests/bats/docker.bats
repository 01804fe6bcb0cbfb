#!/usr/bin/env bats
# Debian's docker as the caller: a private daemon with its own containerd, storage, state, mounts and network; what it does with runc
# is what acrun must do.
load helpers
load clients

setup_file() {
	DK=$(mktemp -d /tmp/dk.XXXXXX)
	export DK
	mkdir -p "$DK"/{data,exec,bundle}
	jq -n --arg dir "$DK" --arg acrun "$ACRUN" '{"data-root": "\($dir)/data", "exec-root": "\($dir)/exec", pidfile: "\($dir)/pid",
		hosts: ["unix://\($dir)/docker.sock"], runtimes: {acrun: {path: $acrun}}, "storage-driver": "overlay2",
		bip: "10.88.66.1/24", "default-ulimits": {nofile: {Name: "nofile", Soft: 1024, Hard: 1024}}}' >"$DK/daemon.json"
	# shellcheck disable=SC2016
	unshare --mount --net --propagation private sh -c 'ip link set lo up
		mkdir -p /run/docker /run/containerd && mount -t tmpfs tmpfs /run/docker && mount -t tmpfs tmpfs /run/containerd &&
		exec dockerd --config-file "$1/daemon.json"' _ "$DK" </dev/null >"$DK/log" 2>&1 3>&- &
	export DK_PID=$!
	if ! wait_for 30 client version; then
		tail -n 20 "$DK/log" >&2
		return 1
	fi
	"$FIXTURES/mkbundle.sh" "$DK/bundle" -- sh
	tar -C "$DK/bundle/rootfs" -c . | client import --change 'ENV PATH=/bin:/usr/bin' --change 'CMD ["sh"]' - acrun-test >/dev/null
}

teardown_file() {
	kill "$DK_PID" 2>/dev/null || true
	wait "$DK_PID" 2>/dev/null || true
	rm -rf --one-file-system "$DK"
}

setup() { common_setup; }

teardown() {
	local left
	left=$(client ps --all --quiet)
	# shellcheck disable=SC2086
	[[ -z $left ]] || client rm --force $left >/dev/null
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || tail -n 20 "$DK/log" >&2
	common_teardown
}

has_no_process() {
	! pgrep -f "$1" >/dev/null
}

client() {
	nsenter --mount --net --target "$DK_PID" /usr/bin/docker --host "unix://$DK/docker.sock" "$@" 3>&-
}

client_run() {
	local runtime=$1
	shift
	client run --runtime "$runtime" "$@"
}

client_tty() {
	local runtime=$1 verb=$2
	shift 2
	script -qefc "nsenter --mount --net --target $DK_PID /usr/bin/docker --host unix://$DK/docker.sock $verb ${runtime:+--runtime $runtime} $*" \
		/dev/null 3>&-
}

@test "docker: run: exit codes, streams, a terminal, what cannot be started: as with runc" {
	alike tell_runs
}

@test "docker: a container's life: exec, cp, pause, stats, kill, restart, stop, volumes, rm: as with runc" {
	alike tell_life
}

@test "docker: ten containers at once" {
	alike ten_at_once
}

@test "docker: its bridge, which a hook of it puts up; what joins a container's network is in its machine" {
	local address
	assert_equal "$(client_run acrun --rm --network none acrun-test uname -r | grep -cxF "$(uname -r)")" 0
	client_run acrun --detach --name c1 acrun-test sh -c 'nc -l -p 8099 -e echo served; exec sleep 1000'
	address=$(client exec c1 ip -o -4 addr show eth0 | awk '{ print $4 }')
	assert_equal "$address" "$(client inspect c1 --format '{{.NetworkSettings.IPAddress}}/24')"
	wait_for 20 client exec c1 grep -q ':1FA3 ' /proc/net/tcp /proc/net/tcp6
	assert_equal "$(client_run runc --rm acrun-test nc "${address%/*}" 8099 </dev/null)" served
	client_run acrun --detach --name c2 --network container:c1 acrun-test sleep 1000
	assert_equal "$(client exec c2 ip -o link show eth0)" "$(client exec c1 ip -o link show eth0)"
	client rm --force c2
	client rm --force c1
	wait_for 20 has_no_process "$DK/exec/runtime-"
}
