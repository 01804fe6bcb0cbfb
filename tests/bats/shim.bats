#!/usr/bin/env bats
# The shim by itself, before a proxy that the test plays: what the original did, and did wrong.

load helpers

setup() {
	common_setup
	SHIM=$(cd "$(dirname "$ACRUN")/.." && pwd)/libexec/acrun/acrun-shim
}
teardown() { common_teardown; }

shim_case() {
	run timeout 120 python3 "$FIXTURES/shim_peer.py" "$SHIM" "$1"
	assert_equal "$output" ok
}

@test "shim: its arguments, and what it refuses" { shim_case arguments; }
@test "shim: stdin in frames, its end in an empty one" { shim_case stdin; }
@test "shim: every signal that can be caught arrives once, SIGCHLD never" { shim_case signals; }
@test "shim: a terminal: size at the start and once a resize, raw, and as it was afterwards" { shim_case terminal; }
@test "shim: output is written before it ends" { shim_case drain; }
@test "shim: the exit code is its own, an empty one is none" { shim_case exit; }
@test "shim: a reader that leaves kills nothing" { shim_case reader; }
@test "shim: a refusal is told" { shim_case refused; }
@test "shim: a lost proxy is looked for, and given up in the end" { shim_case lost; }
@test "shim: what is no frame ends it with an error" { shim_case garbage; }
