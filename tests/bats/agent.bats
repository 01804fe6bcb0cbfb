#!/usr/bin/env bats
# The agent's calls in a real machine, through the proxy and on its bare channels.
load helpers

setup() { common_setup; }
teardown() { common_teardown; }

running() {
	make_bundle -- "$@"
	create_container c1
	acrun start c1
}

# hyper CALL [JSON|@FILE]: asks the agent of c1.
hyper() {
	"$FIXTURES/hyper.py" "$ROOT/c1/proxy.sock" c1 "$@"
}

@test "agent: nothing on the wire ends it; afterwards it runs a container" {
	make_bundle
	mkdir -p "$T/share/c1" "$T/vm"
	cp -al "$BUNDLE/rootfs" "$T/share/c1/rootfs"
	ACRUN=$ACRUN run timeout 280 "$FIXTURES/agent_abuse.py" "$T/share" "$BUNDLE" "$T/vm" 3>&-
	assert_status 0
	[[ $output == *'a container ran'* ]]
	assert_equal "${lines[-1]}" 'power off'
}

@test "agent: slow calls, and a create that hangs, hold up nobody" {
	local online hang
	make_bundle -- sleep 1000
	# looks its user up in a file that is never written
	mkdir "$T/other"
	cp -al "$BUNDLE/rootfs/." "$T/other"
	rm "$T/other/etc/passwd"
	mkfifo "$T/other/etc/passwd"
	mv "$T/other" "$BUNDLE/rootfs/other"
	create_container c1
	acrun start c1
	# waits 5 s for cpus that do not come
	hyper onlinecpumem '{"cpus": 99}' 2>"$T/online" &
	online=$!
	hyper newcontainer '{"id": "c2", "image": "c1", "rootfs": "rootfs/other", "process": {"user": "someone", "stdio": 0,
		"args": ["true"], "workdir": "/"}}' >"$T/hang" 2>&1 &
	hang=$!
	hyper waitevents '{"after": 1000, "timeoutMs": 50000}' >/dev/null &
	assert_equal "$(hyper ping '"echo"')" '"echo"'
	acrun ps c1 | grep -q 'sleep 1000'
	acrun exec c1 true
	acrun events --stats c1 | jq -e '.type == "stats"'
	kill -0 "$online"
	kill -0 "$hang"
	[[ ! -s $T/hang ]]
	wait "$online" || true
	grep -q 'the guest sees' "$T/online"
	kill "$hang"
}

@test "agent: files in pieces, into the container and out of it" {
	running sleep 1000
	head -c 3000000 /dev/urandom >"$T/file"
	local offset size=3000000
	for offset in 0 1000000 2000000; do
		tail -c +$((offset + 1)) "$T/file" | head -c 1000000 | base64 -w0 >"$T/piece"
		jq -Rc "{container: \"c1\", path: \"/tmp/new/file\", data: ., offset: $offset, size: $size, mode: 384, uid: 7}" \
			"$T/piece" >"$T/call"
		run ! in_container c1 /tmp/new/file
		hyper copyfile "@$T/call"
	done
	in_container c1 /tmp/new/file | cmp "$T/file" -
	assert_equal "$(acrun exec c1 stat -c '%a %u' /tmp/new/file)" '600 7'
	assert_equal "$(acrun exec c1 ls -A /tmp/new)" file
	hyper readfile '{"container": "c1", "file": "/tmp/new/file", "offset": 1000, "length": 2000000}' >"$T/part"
	tail -c +1001 "$T/file" | head -c 2000000 | cmp - "$T/part"
	run hyper copyfile '{"container": "c1", "path": "/tmp/x", "data": "AAAA", "offset": 5, "size": 8}'
	assert_status 1
	hyper copyfile '{"container": "c1", "path": "/tmp/x", "data": "AAAA", "size": 8}'
	run hyper copyfile '{"container": "c1", "path": "/tmp/x", "data": "AAAA", "offset": 4, "size": 8}'
	assert_status 1
	[[ $output == *'does not follow on the 3 bytes before it'* ]]
	# a link of the container's leads nowhere but into the container
	acrun exec c1 ln -s ../../../../../../../../etc/escaped /tmp/link
	run hyper readfile '{"container": "c1", "file": "/tmp/link"}'
	[[ $output == *'no such file or directory'* ]]
	run hyper readfile '{"container": "c1", "file": "/dev/null"}'
	[[ $output == *'not a regular file'* ]]
}

@test "agent: waitprocess answers with the end, waitevents remembers it" {
	local wait
	running sleep 1000
	assert_equal "$(hyper waitprocess '{"container": "c1"}')" '{"exited":false,"status":0}'
	hyper waitprocess '{"container": "c1", "timeoutMs": 50000}' >"$T/exit" &
	wait=$!
	acrun exec c1 sh -c 'exit 7' || true
	hyper waitevents '{"container": "c1", "after": 0}' | jq -e '.events[0] | .type == "exit" and .status == 7'
	acrun kill c1 TERM
	wait "$wait"
	assert_equal "$(cat "$T/exit")" '{"exited":true,"status":143}'
}

@test "agent: interfaces, routes, neighbours and names of both families" {
	running sleep 1000
	hyper updateinterface '{"device": "lo", "mtu": 1400, "addresses": [{"address": "10.9.9.9/24"}, {"address": "fd09::9/64"}]}'
	run acrun exec c1 ip addr show lo
	[[ $output == *'mtu 1400'* && $output == *'10.9.9.9/24'* && $output == *'fd09::9/64'* && $output == *'127.0.0.1/8'* ]]
	hyper updateinterface '{"device": "lo", "exact": true, "addresses": [{"address": "127.0.0.1/8", "scope": 254}, {"address": "fd09::8/64"}]}'
	run acrun exec c1 ip addr show lo
	[[ $output != *10.9.9.9* && $output != *fd09::9* && $output == *fd09::8/64* ]]
	hyper updateroutes '{"routes": [{"dest": "10.8.0.0/16", "device": "lo", "metric": 7}, {"dest": "fd08::/64", "device": "lo", "metric": 9}]}'
	[[ $(acrun exec c1 ip route) == *'10.8.0.0/16 dev lo'*'metric 7'* ]]
	[[ $(acrun exec c1 ip -6 route) == *'fd08::/64 dev lo'*'metric 9'* ]]
	hyper updateroutes '{"exact": true, "routes": [{"dest": "fd08::/64", "device": "lo", "metric": 9}]}'
	[[ $(acrun exec c1 ip route) != *10.8.0.0* ]]
	[[ $(acrun exec c1 ip -6 route) == *'fd08::/64 dev lo'* ]]
	run hyper updateroutes '{"routes": [{"dest": "10.8.0.0/16", "device": "eth77"}]}'
	[[ $output == *'device "eth77"'* ]]
	hyper updateneighbours '{"neighbours": [{"address": "10.9.9.1", "device": "lo", "lladdr": "02:00:00:00:00:01"},
		{"address": "fd09::1", "device": "lo", "lladdr": "02:00:00:00:00:02"}]}'
	# all of IPv4 is one neighbour on this device
	[[ $(acrun exec c1 ip -4 neigh show nud all) == *'dev lo lladdr 02:00:00:00:00:01'*PERMANENT* ]]
	[[ $(acrun exec c1 ip -6 neigh show nud all) == *'fd09::1 dev lo lladdr 02:00:00:00:00:02'*PERMANENT* ]]
	run hyper updateinterface '{"mac": "02:00:00:00:00:77", "name": "eth0", "timeoutMs": 100}'
	[[ $output == *'has appeared in the guest within 100 ms'* ]]
	assert_equal "$(hyper setdns '{"container": "c1", "content": "nameserver 10.0.0.53\n"}')" '{"applied":true}'
	assert_equal "$(acrun exec c1 cat /etc/resolv.conf)" 'nameserver 10.0.0.53'
	assert_equal "$(hyper setdns '{"container": "c1", "content": "nameserver fd00::53\n"}')" '{"applied":true}'
	assert_equal "$(acrun exec c1 cat /etc/resolv.conf)" 'nameserver fd00::53'
	# the bundle's own file was not touched
	[[ ! -s $BUNDLE/rootfs/etc/resolv.conf ]]
}

@test "agent: a mount of the container's own at /etc/resolv.conf stays" {
	echo 'nameserver 192.0.2.1' >"$T/resolv.conf"
	make_bundle -- sleep 1000
	edit_config '.mounts += [{destination: "/etc/resolv.conf", type: "bind", source: $file, options: ["bind", "ro"]}]' \
		--arg file "$T/resolv.conf"
	create_container c1
	acrun start c1
	assert_equal "$(hyper setdns '{"container": "c1", "content": "nameserver 10.0.0.53\n"}')" '{"applied":false}'
	assert_equal "$(acrun exec c1 cat /etc/resolv.conf)" 'nameserver 192.0.2.1'
}
