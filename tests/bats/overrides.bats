#!/usr/bin/env bats
# What a bundle changes of its own machine, and what of it can have no effect.
load helpers

setup() {
	common_setup
	make_bundle -- sh -c 'grep MemTotal /proc/meminfo | tr -dc 0-9; echo; cat /proc/cmdline'
}
teardown() { common_teardown; }

annotate() {
	edit_config '.annotations["io.katacontainers.config.hypervisor." + $key] = $value' --arg key "$1" --arg value "$2"
}

run_one() {
	run --separate-stderr acrun --config "$T/acrun.toml" run "$@" --bundle "$BUNDLE" c1 </dev/null
}

@test "overrides: annotations change what the configuration lets them, and nothing else" {
	: >"$T/acrun.toml"
	annotate default_memory 700
	run_one
	assert_status 1
	assert_output_has "annotation io.katacontainers.config.hypervisor.default_memory is not enabled"
	assert_nothing_left
	printf '[hypervisor.%s]\nenable_annotations = ["default_memory", "kernel_params"]\n' "$HV" >"$T/acrun.toml"
	annotate kernel_params seen.from.inside=1
	run_one
	assert_status 0
	[[ ${lines[0]} -gt 600000 && ${lines[0]} -lt 720000 ]]
	[[ ${lines[1]} == *' seen.from.inside=1'* ]]
}

@test "overrides: the vm object chooses kernel parameters, sizes and the program" {
	local kernel=vmlinux
	[[ $HV != acrn ]] || kernel=bzImage
	: >"$T/acrun.toml"
	edit_config '.vm = {kernel: {path: $kernel, parameters: ["seen.from.inside=2"]}, hwConfig: {memory: 734003200}}' \
		--arg kernel "${ACRUN%/bin/acrun}/share/acrun/$kernel"
	run_one
	assert_status 0
	[[ ${lines[0]} -gt 600000 && ${lines[0]} -lt 720000 ]]
	[[ ${lines[1]} == *' seen.from.inside=2'* ]]
	edit_config '.vm.hypervisor = {path: "/no/such/program"}'
	run_one
	assert_status 1
	assert_output_has "/no/such/program"
	assert_nothing_left
}

@test "overrides: what has no effect is told with its path; with --strict it is an error" {
	: >"$T/acrun.toml"
	edit_config '.process.apparmorProfile = "some" | .annotations["io.katacontainers.config.agent.trace_mode"] = "static"'
	run_one
	assert_status 0
	[[ $stderr == *'process.apparmorProfile is not applied: '* ]]
	[[ $stderr == *'io.katacontainers.config.agent.trace_mode'*'is not applied: '* ]]
	run_one --strict
	assert_status 1
	assert_output_has 'agent.trace_mode'
	edit_config 'del(.annotations)'
	printf '[runtime]\nstrict = true\n' >"$T/acrun.toml"
	run_one
	assert_status 1
	assert_output_has 'process.apparmorProfile is not applied: '
	assert_nothing_left
}
