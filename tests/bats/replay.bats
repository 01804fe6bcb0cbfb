#!/usr/bin/env bats
# Our agent, in a machine, spoken to as Clear Containers' proxy spoke to its own: the recordings in
# tests/fixtures/transcripts, frame by frame.

load helpers

setup() {
	common_setup
	prefix=$(cd "$(dirname "$ACRUN")/.." && pwd)
	# The containers' names in the recordings.
	"$FIXTURES/mkbundle.sh" "$T/share/c1"
	for name in c2 ccr; do
		cp -al "$T/share/c1" "$T/share/$name"
	done
}

teardown() {
	common_teardown
}

replay() {
	run -0 "$prefix/tests/replay_agent" "$prefix/share/defaults/acrun/configuration.toml" "$T/share" \
		"$FIXTURES/transcripts/$1.txt"
	[[ $output == *"$2 messages of the agent are as recorded"* ]]
}

@test "what the whole of Clear Containers says to its agent" {
	replay runtime-shim-proxy-agent 20
}

@test "what its proxy says to its agent" {
	replay proxy-agent 41
}

@test "what was said to its agent directly" {
	replay agent-d3 50
}

@test "what made the original agents fail" {
	replay agent-defects 29
}
