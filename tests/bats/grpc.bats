#!/usr/bin/env bats
# The VM cache's gRPC against Python's: our server with its client, our client with its server.
load helpers

setup() {
	common_setup
	PEER=${ACRUN%/bin/acrun}/tests/grpc_cache
	PYTHON=(/usr/bin/python3 "$FIXTURES/grpc_peer.py" "$FIXTURES/../../runtime/factory" "$T/python" "$T/s")
	mkdir "$T/python"
}

teardown() { common_teardown; }

python_peer() {
	"${PYTHON[@]}" "$@" 3>&-
}

# serve_ours: waits until it listens; ends by itself with Quit, else in teardown. Ends of calls go to T/ends.
serve_ours() {
	"$PEER" serve "$T/s" >"$T/ends" 2>"$T/serve.err" 3>&- &
	SERVER=$!
	wait_for 10 test -S "$T/s"
}

serve_python() {
	"${PYTHON[@]}" serve >"$T/python.out" 2>"$T/python.err" 3>&- &
	SERVER=$!
	wait_for 60 grep -qx ready "$T/python.out"
}

stop_server() {
	kill -TERM "$SERVER"
	wait "$SERVER" || true
}

# ends CALL OUTCOME COUNT: how often the server was told so.
ends() {
	[[ $(grep -cxF "$1 $2" "$T/ends") -eq $3 ]]
}

@test "grpc: a Python client gets configuration, machine and status" {
	serve_ours
	run python_peer client cache
	assert_equal "$output" ok
	wait_for 5 ends /cache.CacheService/GetBaseVM delivered 1
	stop_server
}

@test "grpc: a Python client makes 600 calls on one channel" {
	serve_ours
	run python_peer client repeat
	assert_equal "$output" ok
	wait_for 5 ends /test.Test/Echo delivered 600
	stop_server
}

@test "grpc: messages of up to 4 MiB, a larger one is refused" {
	serve_ours
	run python_peer client big
	assert_equal "$output" ok
	wait_for 5 ends /test.Test/Echo delivered 7
	stop_server
}

@test "grpc: statuses and their texts, deadline, compression" {
	serve_ours
	run python_peer client errors
	assert_equal "$output" ok
	# the client's own clock may be the faster one
	wait_for 5 eval 'ends /test.Test/Never expired 1 || ends /test.Test/Never cancelled 1'
	stop_server
}

@test "grpc: a cancelled call is told, and so is a client that was killed" {
	serve_ours
	run python_peer client cancel
	assert_equal "$output" ok
	wait_for 5 ends /test.Test/Never cancelled 1
	"$PEER" call "$T/s" /test.Test/Never 60000 </dev/null 3>&- &
	local client=$!
	sleep 0.3
	kill -KILL "$client"
	wait_for 5 ends /test.Test/Never cancelled 2
	stop_server
}

@test "grpc: Quit is answered, then the server ends" {
	serve_ours
	run python_peer client quit
	assert_equal "$output" ok
	wait "$SERVER"
	ends /cache.CacheService/Quit delivered 1
}

@test "grpc: our client with a Python server: messages, statuses, deadline" {
	serve_python
	run "$PEER" vm "$T/s"
	assert_status 0
	assert_equal "${lines[0]}" "py 1000 -1 u 7 4294967295 0"
	assert_equal "${lines[3]}" "2: 2 2"
	head -c 1048576 /dev/urandom >"$T/big"
	"$PEER" call "$T/s" /test.Test/Echo 20000 <"$T/big" >"$T/echo"
	cmp "$T/big" "$T/echo"
	run "$PEER" call "$T/s" /test.Test/Fail 10000 <<<"ümläut"
	assert_status 1
	assert_output_has "50% für ümläut"
	assert_output_has "FAILED_PRECONDITION"
	run "$PEER" call "$T/s" /test.Test/Nothing 10000 </dev/null
	assert_status 1
	assert_output_has UNIMPLEMENTED
	local begun=$SECONDS
	run "$PEER" call "$T/s" /test.Test/Never 500 </dev/null
	assert_status 1
	[[ $((SECONDS - begun)) -le 5 ]]
	wait_for 5 grep -qx gone "$T/python.out"
	stop_server
}

@test "grpc: our client with our server, and with none" {
	serve_ours
	run "$PEER" vm "$T/s"
	assert_status 0
	assert_equal "${lines[0]}" "vm-1 9 4242 unix:///run/p.sock 2 512 1"
	wait_for 5 ends /cache.CacheService/GetBaseVM delivered 1
	"$PEER" call "$T/s" /cache.CacheService/Quit 10000 </dev/null
	wait "$SERVER"
	run "$PEER" vm "$T/s"
	assert_status 1
	assert_output_has "connect to '$T/s'"
}

@test "grpc: other users are turned away even if the socket lets them in" {
	serve_ours
	cp "$PEER" "$T/peer"
	chmod 755 "$T" "$T/peer"
	chmod 666 "$T/s"
	run "$T/peer" call "$T/s" /test.Test/Echo 5000 <<<"root"
	assert_equal "$output" root
	run setpriv --reuid 65534 --regid 65534 --clear-groups "$T/peer" call "$T/s" /test.Test/Echo 5000 <<<"nobody"
	assert_status 1
	assert_output_has "/test.Test/Echo"
	wait_for 5 ends /test.Test/Echo delivered 1
	[[ $(wc -l <"$T/ends") -eq 1 ]]
	stop_server
}
