#!/usr/bin/env bats
# The proxy's socket, and who may not speak on it. (What else it refuses: tests/unit/test_proxy_badinput.c.)

load helpers

setup() {
	common_setup
	chmod 0755 "$T"
	proxy=$(cd "$(dirname "$ACRUN")/.." && pwd)/libexec/acrun/acrun-proxy
	"$proxy" -uri "unix://$T/p.sock" >"$T/log" 2>&1 3>&- &
	PROXY=$!
	wait_for 30 test -S "$T/p.sock"
	chmod 0777 "$T/p.sock"
}

teardown() {
	kill "$PROXY"
	common_teardown
}

# attach [PREFIX...]: asks the proxy for something and prints what it says; nothing when it hangs up.
attach() {
	"$@" /usr/bin/python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(30)
s.connect(sys.argv[1])
try:
    s.sendall(b"\0\2\3\0\0\0\0\2\0\0\0\2{}")
    print(s.recv(4096)[12:].decode())
except (BrokenPipeError, ConnectionResetError):
    print()
' "$T/p.sock"
}

@test "another user's connection is closed, and the log names it" {
	run -0 attach setpriv --reuid 65534 --regid 65534 --clear-groups
	[ "$output" = "" ]
	grep -Eq 'level=error msg="process [0-9]+: user 65534 may not connect; the connection was closed"' "$T/log"
	run -0 attach
	[[ $output == *"unknown containerID"* ]]
}
