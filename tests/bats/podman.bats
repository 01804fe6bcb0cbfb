#!/usr/bin/env bats
# Debian's podman as the caller, with storage, state, mounts and network of its own; what it does with runc is what acrun must do.
load helpers
load clients

setup_file() {
	PM=$(mktemp -d /tmp/pm.XXXXXX)
	export PM
	mkdir -p "$PM"/{root,run,tmp,etc/networks,bundle}
	# few of each: limits are not to be raised where root may not
	cat >"$PM/containers.conf" <<-END
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
		apparmor_profile = ""
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "none"
		runtime = "acrun"
		runtime_supports_json = ["acrun", "runc"]
		[engine.runtimes]
		acrun = ["$ACRUN"]
		runc = ["$(command -v runc)"]
	END
	echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$PM/etc/policy.json"
	unshare --mount --net --propagation private bash -c "$(declare -f make_place); make_place \"\$1\" && exec sleep 100000" _ "$PM" \
		</dev/null >"$PM/log" 2>&1 3>&- &
	export PM_PID=$!
	wait_for 10 test -e "$PM/up"
	"$FIXTURES/mkbundle.sh" "$PM/bundle" -- sh
	tar -C "$PM/bundle/rootfs" -cf "$PM/rootfs.tar" .
	client import --quiet --change 'ENV PATH=/bin:/usr/bin' --change 'CMD ["sh"]' "$PM/rootfs.tar" localhost/acrun-test
}

# make_place DIR: the mounts that podman is among. It makes directories for controllers that /sys/fs/cgroup lacks: not on the host.
make_place() {
	local dir
	ip link set lo up
	mkdir -p /run/netns /run/acrun /run/runc /etc/containers "$1/cgroup"
	mount -t tmpfs tmpfs /run/netns && mount --make-shared /run/netns
	mount -t tmpfs tmpfs /run/acrun && mount -t tmpfs tmpfs /run/runc && mount --bind "$1/etc" /etc/containers || return
	if [ "$(stat -f -c %T /sys/fs/cgroup)" = tmpfs ]; then
		mount -t tmpfs tmpfs "$1/cgroup" || return
		for dir in /sys/fs/cgroup/*; do
			mountpoint -q "$dir" || continue
			mkdir "$1/cgroup/${dir##*/}" && mount --bind "$dir" "$1/cgroup/${dir##*/}" || return
		done
		mount --move "$1/cgroup" /sys/fs/cgroup || return
	fi
	touch "$1/up"
}

# Where a controller is missing, podman writes to a file in a directory that it later cannot remove.
forget_controllers() {
	in_place sh -c '[ "$(stat -f -c %T /sys/fs/cgroup)" != tmpfs ] || for dir in /sys/fs/cgroup/*; do
		mountpoint -q "$dir" || find "$dir" -name tasks -delete; done'
}

teardown_file() {
	kill "$PM_PID" 2>/dev/null || true
	wait "$PM_PID" 2>/dev/null || true
	rm -rf --one-file-system "$PM"
}

setup() { common_setup; }

teardown() {
	client pod rm --all --force --time 0 >/dev/null 2>&1 || true
	client rm --all --force --time 0 >/dev/null 2>&1 || true
	if ! wait_for 20 has_machines 0; then
		client ps --all >&2
		return 1
	fi
	common_teardown
}

in_place() {
	nsenter --mount --net --target "$PM_PID" env CONTAINERS_CONF="$PM/containers.conf" "$@" 3>&-
}

storage() {
	echo --root "$PM/root" --runroot "$PM/run" --storage-driver vfs
}

client() {
	# shellcheck disable=SC2046
	in_place podman $(storage) --tmpdir "$PM/tmp" "$@"
}

client_run() {
	local runtime=$1
	shift
	client --runtime "$runtime" run "$@"
}

client_tty() {
	local runtime=${1:-acrun}
	shift
	script -qefc "nsenter --mount --net --target $PM_PID env CONTAINERS_CONF=$PM/containers.conf podman $(storage) --tmpdir $PM/tmp --runtime $runtime $*" \
		/dev/null 3>&-
}

# machines: how many there are. podman cleans up in the background, too.
machines() {
	in_place sh -c 'cat /run/acrun/*/state.json 2>/dev/null' | jq -s 'map(select(.id == .sandboxId)) | length'
}

has_machines() {
	[[ $(machines) -eq $1 ]]
}

@test "podman: run: exit codes, streams, a terminal, what cannot be started: as with runc" {
	alike tell_runs
}

@test "podman: a container's life: exec, cp, pause, stats, kill, restart, stop, volumes, rm: as with runc" {
	alike tell_life
}

@test "podman: ten containers at once" {
	alike ten_at_once
}

@test "podman: it is a machine; netavark's bridge; what joins a container's network is in its machine" {
	local address
	assert_equal "$(client run --rm --network none acrun-test uname -r | grep -cxF "$(uname -r)")" 0
	client run --detach --name c1 acrun-test sh -c 'nc -l -p 8099 -e echo served; exec sleep 1000'
	address=$(client exec c1 ip -o -4 addr show eth0 | awk '{ print $4 }')
	[[ $address == 10.88.*/16 ]]
	assert_equal "$address" "$(client inspect c1 --format '{{.NetworkSettings.IPAddress}}/16')"
	wait_for 20 client exec c1 grep -q ':1FA3 ' /proc/net/tcp /proc/net/tcp6
	# from another one, by the bridge
	assert_equal "$(client --runtime runc run --rm acrun-test nc "${address%/*}" 8099)" served
	client run --detach --name c2 --network container:c1 acrun-test sleep 1000
	assert_equal "$(client exec c2 ip -o link show eth0)" "$(client exec c1 ip -o link show eth0)"
	assert_equal "$(machines)" 1
	client rm --force --time 0 c2
	client rm --force --time 0 c1
}

@test "podman: a pod is one machine: its network, ipc and hostname; stopped, started, removed" {
	client pod create --name web
	client run --detach --pod web --name w1 acrun-test sh -c 'nc -l -p 8099 -e echo served; exec sleep 1000'
	client run --detach --pod web --name w2 acrun-test sleep 1000
	assert_equal "$(machines)" 1
	wait_for 20 client exec w2 grep -q ':1FA3 ' /proc/net/tcp /proc/net/tcp6
	assert_equal "$(client exec w2 sh -c 'hostname; nc 127.0.0.1 8099 </dev/null')" $'web\nserved'
	assert_equal "$(client exec w1 readlink /proc/self/ns/ipc)" "$(client exec w2 readlink /proc/self/ns/ipc)"
	client pod stop --time 1 web
	assert_equal "$(client ps --quiet | wc -l)" 0
	client pod start web
	assert_equal "$(client exec w2 hostname)" web
	assert_equal "$(machines)" 1
	forget_controllers
	client pod rm --force --time 0 web
	wait_for 20 has_machines 0
}

@test "buildah: bud and run, in a machine" {
	local runtime kernel container
	mkdir "$T/build"
	for runtime in runc "$ACRUN"; do
		printf 'FROM localhost/acrun-test\nRUN uname -r >/kernel\nRUN exit 7\n' >"$T/build/Containerfile"
		# shellcheck disable=SC2046
		run in_place buildah $(storage) bud --isolation oci --runtime "$runtime" --network none --tag built "$T/build" </dev/null
		assert_status 7
		assert_output_has 'while running runtime: exit status 7'
		sed -i '$d' "$T/build/Containerfile"
		# shellcheck disable=SC2046
		in_place buildah $(storage) bud --isolation oci --runtime "$runtime" --network none --tag built "$T/build" </dev/null
		# shellcheck disable=SC2046
		container=$(in_place buildah $(storage) from localhost/built)
		# shellcheck disable=SC2046
		run in_place buildah $(storage) run --isolation oci --runtime "$runtime" --network none "$container" sh -c 'cat /kernel; exit 9' </dev/null
		assert_status 9
		kernel=${lines[0]}
		if [[ $runtime == runc ]]; then
			assert_equal "$kernel" "$(uname -r)"
		else
			[[ $kernel != "$(uname -r)" ]]
		fi
		# shellcheck disable=SC2046
		in_place buildah $(storage) rm "$container"
	done
}
