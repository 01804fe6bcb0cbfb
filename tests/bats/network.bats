#!/usr/bin/env bats
# The guest's network: interfaces of the sandbox's namespace, seen from inside, from the host and from another
# sandbox. All of it is in namespaces of the test: H is the host's side with a bridge, P-1 and P-2 are the sandboxes'.
load helpers

setup() {
	common_setup
	P=at-${T##*.}
	H=$P-h
	ip netns add "$H"
	ip -n "$H" link set lo up
	ip -n "$H" link add br0 type bridge
	ip -n "$H" addr add 10.11.0.1/24 dev br0
	ip -n "$H" addr add fd11::1/64 dev br0 nodad
	ip -n "$H" link set br0 up
	make_bundle -- sleep 1000
}

teardown() {
	local status=0 ns
	[[ -z ${SERVER:-} ]] || kill "$SERVER" 2>/dev/null || true
	common_teardown || status=1
	for ns in $(ip netns list | awk -v p="$P-" 'index($1, p) == 1 { print $1 }'); do
		ip netns del "$ns" || true
	done
	return "$status"
}

# in_ns NAME|PID COMMAND...
in_ns() {
	local path=/run/netns/$1
	[[ -e $path ]] || path=/proc/$1/ns/net
	shift
	nsenter --net="$path" "$@" 3>&-
}

# attach NAME|PID INTERFACE NUMBER [MTU]: an interface of the namespace, on the bridge, with 10.11.0.NUMBER and fd11::NUMBER.
attach() {
	local ns=$1 name=$2 n=$3 mtu=${4:-1500}
	ip -n "$H" link add "v$n" mtu "$mtu" type veth peer name "p$n" mtu "$mtu" address "02:11:00:00:00:$(printf %02x "$n")"
	ip -n "$H" link set "v$n" master br0 up
	ip -n "$H" link set "p$n" netns "$ns"
	in_ns "$ns" ip link set "p$n" name "$name"
	in_ns "$ns" ip addr add "10.11.0.$n/24" dev "$name"
	in_ns "$ns" ip addr add "fd11::$n/64" dev "$name" nodad
	in_ns "$ns" ip link set "$name" up
}

# make_sandbox N: a namespace with eth0 and a default route.
make_sandbox() {
	ip netns add "$P-$1"
	attach "$P-$1" eth0 "1$1" "${2:-1500}"
	ip -n "$P-$1" route add default via 10.11.0.1
	ip -n "$P-$1" route add default via fd11::1
}

# use_namespace PATH: "" is one of the sandbox's own.
use_namespace() {
	# shellcheck disable=SC2016
	edit_config '.linux.namespaces |= map(if .type == "network" then (if $path == "" then del(.path) else .path = $path end) else . end)' \
		--arg path "$1"
}

# in_guest ID COMMAND...
in_guest() {
	local id=$1
	shift
	acrun exec "$id" "$@" </dev/null
}

# devices_of NAME|PID: what of ours serves interfaces of a namespace.
devices_of() {
	in_ns "$1" ip -o link | grep -oE 'tapacrun[0-9]+' || true
	in_ns "$1" tc qdisc | grep -o 'ingress.*' || true
}

sum() { sha256sum | cut -d' ' -f1; }

@test "network: two sandboxes and the host reach one another and transfer 8 MiB unharmed, by IPv4 and IPv6" {
	local n want
	for n in 1 2; do
		make_sandbox "$n"
		make_bundle -- httpd -f -h /srv
		mkdir "$BUNDLE/rootfs/srv"
		head -c 8388608 /dev/urandom >"$BUNDLE/rootfs/srv/data"
		mv "$BUNDLE" "$T/bundle$n"
		BUNDLE=$T/bundle$n use_namespace "/run/netns/$P-$n"
		BUNDLE=$T/bundle$n create_container "c$n"
		acrun start "c$n"
	done
	mkdir "$T/srv"
	head -c 8388608 /dev/urandom >"$T/srv/data"
	nsenter --net="/run/netns/$H" busybox httpd -f -h "$T/srv" 3>&- &
	SERVER=$!
	for n in 1 2; do
		in_ns "$H" busybox ping -c 1 -W 10 "10.11.0.1$n"
		in_ns "$H" busybox ping -c 1 -W 10 "fd11::1$n"
		in_guest "c$n" busybox ping -c 1 -W 10 10.11.0.1
		want=$(sum <"$T/bundle$n/rootfs/srv/data")
		assert_equal "$(in_ns "$H" busybox wget -q -O - "http://10.11.0.1$n/data" | sum)" "$want"
		assert_equal "$(in_guest "c$n" sh -c 'wget -q -O - http://10.11.0.1/data | sha256sum' | cut -d' ' -f1)" \
			"$(sum <"$T/srv/data")"
	done
	in_guest c1 busybox ping -c 1 -W 10 fd11::12
	assert_equal "$(in_guest c1 sh -c 'wget -q -O - "http://[fd11::12]/data" | sha256sum' | cut -d' ' -f1)" "$want"
	for n in 1 2; do
		[[ -n $(devices_of "$P-$n") ]]
		acrun delete --force "c$n"
		assert_equal "$(devices_of "$P-$n")" ""
	done
	# What the namespace had, it has.
	in_ns "$P-1" ip addr show eth0 | grep -q 10.11.0.11/24
	in_ns "$P-1" busybox ping -c 1 -W 10 10.11.0.1
}

@test "network: name, MAC, MTU, addresses, routes and permanent neighbours are those of the namespace" {
	make_sandbox 1 1400
	ip -n "$P-1" addr add 10.12.0.7/16 dev eth0
	ip -n "$P-1" route add 10.13.0.0/16 via 10.11.0.9 metric 7
	ip -n "$P-1" route add fd13::/48 via fd11::9
	ip -n "$P-1" neigh add 10.11.0.99 lladdr 02:11:00:00:00:99 dev eth0 nud permanent
	use_namespace "/run/netns/$P-1"
	create_container c1
	acrun start c1
	run in_guest c1 ip addr show eth0
	assert_status 0
	assert_output_has 'mtu 1400'
	assert_output_has 'link/ether 02:11:00:00:00:0b'
	assert_output_has 'inet 10.11.0.11/24'
	assert_output_has 'inet 10.12.0.7/16'
	assert_output_has 'inet6 fd11::11/64'
	[[ $output != *tentative* ]]
	run in_guest c1 sh -c 'ip route; ip -6 route'
	assert_output_has 'default via 10.11.0.1 dev eth0'
	assert_output_has '10.13.0.0/16 via 10.11.0.9 dev eth0  metric 7'
	assert_output_has 'default via fd11::1 dev eth0'
	assert_output_has 'fd13::/48 via fd11::9 dev eth0'
	run in_guest c1 ip neigh
	assert_output_has '10.11.0.99 dev eth0 lladdr 02:11:00:00:00:99 used 0/0/0 probes 0 PERMANENT'
	# Large frames go as they are, larger ones are too large.
	in_ns "$H" busybox ping -c 1 -W 10 -s 1372 10.11.0.11
}

@test "network: interfaces that come or change between create and start, in a namespace of the sandbox's own" {
	local pid
	use_namespace ""
	create_container c1
	pid=$(container_pid c1)
	assert_equal "$(devices_of "$pid")" ""
	attach "$pid" eth0 21
	attach "$pid" eth1 22 1300
	in_ns "$pid" ip route add default via 10.11.0.1 dev eth0
	acrun start c1
	in_ns "$H" busybox ping -c 1 -W 10 10.11.0.21
	run in_guest c1 ip addr
	assert_output_has 'inet 10.11.0.21/24'
	assert_output_has 'inet 10.11.0.22/24'
	assert_output_has 'mtu 1300'
	run in_guest c1 ip route
	assert_output_has 'default via 10.11.0.1 dev eth0'
	acrun delete --force c1
	use_namespace "/run/netns/$P-1"
	make_sandbox 1
	create_container c2
	ip -n "$P-1" addr del 10.11.0.11/24 dev eth0
	ip -n "$P-1" addr add 10.11.0.33/24 dev eth0
	ip -n "$P-1" route add default via 10.11.0.1
	[[ $HV == acrn ]] || attach "$P-1" eth1 34 # spare ones are made where there is none at create
	acrun start c2
	run in_guest c2 ip addr
	assert_output_has 'inet 10.11.0.33/24'
	[[ $HV == acrn ]] || assert_output_has 'inet 10.11.0.34/24'
	[[ $output != *10.11.0.11/* ]]
	in_ns "$H" busybox ping -c 1 -W 10 10.11.0.33
}

@test "network: a prestart hook brings the interface, before the container is set up" {
	{
		echo '#!/bin/bash'
		declare -f in_ns attach
		echo "H=$H; exec 3>&-; pid=\$(jq -r .pid); attach \"\$pid\" eth0 41"
	} >"$T/hook"
	chmod 755 "$T/hook"
	set_args ip addr show eth0
	# shellcheck disable=SC2016
	edit_config '.hooks.prestart = [{path: $path, env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}]' --arg path "$T/hook"
	create_container c1
	acrun start c1
	wait_status c1 stopped
	grep -q 'inet 10.11.0.41/24' "$T/c1.out"
	grep -q 'inet6 fd11::41/64' "$T/c1.out"
}

@test "network: without an interface nothing is made" {
	ip netns add "$P-1"
	use_namespace "/run/netns/$P-1"
	create_container c1
	acrun start c1
	assert_equal "$(devices_of "$P-1")" ""
	assert_equal "$(jq -c '.network.endpoints' "$ROOT/c1/state.json")" null
	assert_equal "$(in_guest c1 ls /sys/class/net)" lo
	acrun delete --force c1
	run ! grep tapacrun < <(in_ns "$P-1" ip -o link)
}

@test "network: delete finds everything after the kill of everything, and after the namespace's end" {
	local process
	make_sandbox 1
	use_namespace "/run/netns/$P-1"
	create_container c1
	acrun start c1
	[[ -n $(devices_of "$P-1") ]]
	for process in shim proxy vmm; do
		kill -KILL "$(jq -r ".$process.pid" "$ROOT/c1/state.json")"
	done
	acrun delete --force c1
	assert_equal "$(devices_of "$P-1")" ""
	create_container c2
	ip netns del "$P-1"
	acrun delete c2
}

@test "network: a create that is killed at its network leaves nothing behind delete" {
	local creator
	make_sandbox 1
	use_namespace "/run/netns/$P-1"
	"$ACRUN" --root "$ROOT" create --bundle "$BUNDLE" c1 </dev/null >"$T/c1.out" 2>&1 3>&- &
	creator=$!
	wait_for 60 jq -e '.network.endpoints[0].name == "eth0"' "$ROOT/c1/state.json"
	kill -KILL "$creator"
	acrun delete --force c1
	assert_equal "$(devices_of "$P-1")" ""
}

@test "network: an original agent hears of it when its pod is started" {
	printf '[hypervisor.%s]\nkernel_params = "AGENT_DIALECT=D3"\n[factory]\nenable_template = "false"\n' "$HV" >"$T/acrun.toml"
	make_sandbox 1 1400
	use_namespace "/run/netns/$P-1"
	acrun --config "$T/acrun.toml" create --bundle "$BUNDLE" c1 </dev/null >"$T/c1.out" 2>&1
	attach "$P-1" eth1 12
	acrun start c1
	in_ns "$H" busybox ping -c 1 -W 10 10.11.0.11
	in_ns "$H" busybox ping -c 1 -W 10 10.11.0.12
	run acrun exec c1 ip route </dev/null
	assert_output_has 'default via 10.11.0.1 dev eth0'
}

@test "network: filters of others stay" {
	make_sandbox 1
	tc -n "$P-1" qdisc add dev eth0 clsact
	tc -n "$P-1" filter add dev eth0 ingress protocol ip prio 5 u32 match ip dst 10.11.0.77/32 flowid 1:1
	use_namespace "/run/netns/$P-1"
	create_container c1
	acrun start c1
	in_ns "$H" busybox ping -c 1 -W 10 10.11.0.11
	acrun delete --force c1
	run tc -n "$P-1" filter show dev eth0 ingress
	assert_output_has 'pref 5 '
	[[ $output != *mirred* ]]
}

@test "network: internetworking_model macvtap" {
	printf '[runtime]\ninternetworking_model = "macvtap"\n' >"$T/acrun.toml"
	make_sandbox 1
	use_namespace "/run/netns/$P-1"
	acrun --config "$T/acrun.toml" create --bundle "$BUNDLE" c1 </dev/null >"$T/c1.out" 2>&1
	acrun start c1
	in_ns "$P-1" ip -d link | grep -q 'macvtap mode passthru'
	in_ns "$H" busybox ping -c 1 -W 10 10.11.0.11
	in_guest c1 busybox ping -c 1 -W 10 fd11::1
	acrun delete --force c1
	assert_equal "$(devices_of "$P-1")" ""
	in_ns "$P-1" busybox ping -c 1 -W 10 10.11.0.1
}

@test "network: a machine that cannot be given interfaces boots with those of its namespace" {
	printf '[hypervisor.qemu]\nmachine_type = "microvm"\n' >"$T/acrun.toml"
	make_sandbox 1
	use_namespace "/run/netns/$P-1"
	acrun --config "$T/acrun.toml" create --bundle "$BUNDLE" c1 </dev/null >"$T/c1.out" 2>&1
	acrun start c1
	in_ns "$H" busybox ping -c 1 -W 10 10.11.0.11
	acrun --config "$T/acrun.toml" delete --force c1
	assert_equal "$(devices_of "$P-1")" ""
	acrun --config "$T/acrun.toml" create --bundle "$BUNDLE" c2 </dev/null >"$T/c2.out" 2>&1
	attach "$P-1" eth1 12
	run acrun start c2
	assert_status 1
	assert_output_has "interface 'eth1': this virtual machine cannot be given an interface while it runs: attach it before create"
}

@test "network: what cannot be connected is named, and leaves nothing" {
	local n
	ip netns add "$P-1"
	use_namespace "/run/netns/$P-1"
	ip -n "$P-1" link add odd0 type bridge
	ip -n "$P-1" addr add 10.14.0.1/24 dev odd0
	run acrun create --bundle "$BUNDLE" c1 </dev/null
	assert_status 1
	assert_output_has "interface 'odd0' of kind 'bridge' cannot be connected to a virtual machine"
	ip -n "$P-1" link del odd0
	for n in 51 52 53 54; do attach "$P-1" "e$n" "$n"; done
	# On ACRN the machine is made with as many as there are.
	if [[ $HV == qemu ]]; then
		attach "$P-1" e55 55
		run acrun create --bundle "$BUNDLE" c1 </dev/null
		assert_status 1
		assert_output_has "interface 'e55': the virtual machine has room for 4 interfaces and no more"
		assert_equal "$(devices_of "$P-1")" ""
		ip -n "$P-1" link del e55
	fi
	create_container c1
	# A container with the same namespace is one of the same pod, and the first has lost nothing by it.
	create_container c2
	assert_equal "$(jq .vmm.pid "$ROOT/c2/state.json")" "$(jq .vmm.pid "$ROOT/c1/state.json")"
	acrun start c1
	in_ns "$H" busybox ping -c 1 -W 10 10.11.0.54
	in_ns "$H" busybox ping -c 1 -W 10 10.11.0.51
}

@test "network: the host's own namespace is left alone" {
	edit_config '.linux.namespaces |= map(select(.type != "network"))'
	run acrun create --bundle "$BUNDLE" --strict c1 </dev/null
	assert_status 1
	assert_output_has "the host's network namespace cannot be used"
	use_namespace ""
	edit_config '.linux.namespaces += [{type: "network", path: "/proc/self/ns/net"}]'
	run acrun create --bundle "$BUNDLE" --strict c1 </dev/null
	assert_status 1
	assert_output_has "the host's network namespace cannot be used"
}
