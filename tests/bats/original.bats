#!/usr/bin/env bats
# A guest whose agent is an original one, of dialect D1 or D3: played by ours, which the kernel's
# command line tells to pass for it.

load helpers

setup() {
	common_setup
	make_bundle -- sh -c 'echo "hello from $(hostname)"; cat /data/file; trap "exit 7" TERM; while :; do sleep 0.1; done'
	mkdir "$T/data"
	echo "shared words" >"$T/data/file"
	edit_config '.mounts += [{ destination: "/data", type: "bind", source: $ARGS.positional[0], options: ["rbind", "ro"] },
		{ destination: "/run", type: "tmpfs", source: "tmpfs", options: [] }]' --args -- "$T/data"
}

teardown() {
	common_teardown
}

use_dialect() {
	cat >"$T/acrun.toml" <<-END
		[hypervisor.$HV]
		kernel_params = "AGENT_DIALECT=$1"
		[factory]
		enable_template = "false"
	END
}

original() {
	acrun --config "$T/acrun.toml" "$@"
}

# What each of them does alike: the container's life, its output and exit code.
live() {
	original create --bundle "$BUNDLE" c1 </dev/null >"$T/out" 2>"$T/err"
	[ "$(container_status c1)" = created ]
	[ ! -s "$T/out" ]
	original start c1
	wait_for 30 grep -q "shared words" "$T/out"
	grep -q "hello from acrun" "$T/out"
	run -5 --separate-stderr original exec c1 sh -c 'echo "$0 executed"; cat; exit 5' it <<<"input"
	[ "$output" = "it executed
input" ]
	original kill c1 TERM
	wait_status c1 stopped
	original delete c1
}

@test "D3: the container's life, and a warning for each part that is left out" {
	use_dialect D3
	live
	grep -q "linux.maskedPaths is not applied: the guest's agent (D3) cannot do it" "$T/err"
	grep -q "process.rlimits is not applied" "$T/err"
	grep -q "mounts\[7\] (/run) is not applied" "$T/err"
	! grep -q "process.capabilities" "$T/err"
}

@test "D1: the same, with less" {
	use_dialect D1
	live
	grep -q "process.capabilities is not applied: the guest's agent (D1) cannot do it" "$T/err"
	grep -q "process.noNewPrivileges is not applied" "$T/err"
}
