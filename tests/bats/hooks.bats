#!/usr/bin/env bats
# The hooks that run on the host: when, with what on their stdin, and what their failure does.
load helpers

setup() {
	common_setup
	make_bundle -- true
	printf '#!/bin/sh\ncat >"%s/hook.$1"\necho "$1" >>"%s/hooks"\n' "$T" "$T" >"$T/hook"
	chmod 755 "$T/hook"
}
teardown() { common_teardown; }

# add_hook KIND [EXIT]: KIND's hook notes its name and stdin.
add_hook() {
	edit_config '.hooks[$kind] += [{path: $path, args: ["hook", $kind], env: ["PATH=/usr/bin:/bin"]}]' \
		--arg kind "$1" --arg path "$T/hook"
}

# fail_hook KIND
fail_hook() {
	printf '#!/bin/sh\necho "no luck" >&2\nexit 6\n' >"$T/bad"
	chmod 755 "$T/bad"
	edit_config '.hooks[$kind] = [{path: $path}]' --arg kind "$1" --arg path "$T/bad"
}

@test "hooks: prestart and createRuntime at create, poststart at start, poststop at delete" {
	local kind
	for kind in prestart createRuntime poststart poststop; do add_hook "$kind"; done
	set_args sleep 300
	create_container c1
	assert_equal "$(tr '\n' ' ' <"$T/hooks")" "prestart createRuntime "
	acrun start c1
	assert_equal "$(tail -n 1 "$T/hooks")" poststart
	acrun kill c1 KILL
	wait_status c1 stopped
	acrun delete c1
	assert_equal "$(tail -n 1 "$T/hooks")" poststop
	assert_equal "$(jq -r '.id + " " + .bundle' "$T/hook.prestart")" "c1 $BUNDLE"
	assert_equal "$(jq -r '.status' "$T/hook.prestart")" creating
	assert_equal "$(jq -r '.status' "$T/hook.poststart")" running
	assert_equal "$(jq -r '.status' "$T/hook.poststop")" stopped
	[[ $(jq -r '.pid' "$T/hook.createRuntime") -gt 1 ]]
	[[ $(jq -r '.ociVersion' "$T/hook.prestart") == 1.* ]]
}

@test "hooks: a prestart hook finds the container's network namespace by the pid" {
	printf '#!/bin/sh\npid=$(jq -r .pid)\nreadlink "/proc/$pid/ns/net" >"%s/netns"\n' "$T" >"$T/hook"
	add_hook prestart
	create_container c1
	assert_equal "$(cat "$T/netns")" "$(readlink "/proc/$(container_pid c1)/ns/net")"
	[[ $(cat "$T/netns") != "$(readlink /proc/self/ns/net)" ]]
	acrun delete c1
}

@test "hooks: a failing prestart or createRuntime hook fails the create and leaves nothing" {
	local kind
	for kind in prestart createRuntime; do
		edit_config 'del(.hooks)'
		fail_hook "$kind"
		run acrun create --bundle "$BUNDLE" c1 </dev/null
		assert_status 1
		assert_output_has "error running $kind hook #0"
		assert_output_has "no luck"
		assert_nothing_left
	done
}

@test "hooks: a failing poststart hook fails the start, a failing poststop hook only warns" {
	fail_hook poststart
	set_args sleep 300
	create_container c1
	run acrun start c1
	assert_status 1
	assert_output_has "error running poststart hook #0"
	wait_status c1 stopped
	acrun delete c1
	edit_config 'del(.hooks)'
	fail_hook poststop
	create_container c2
	run acrun delete c2
	assert_status 0
	assert_output_has "error running poststop hook #0"
}

@test "hooks: one that hangs is ended at its timeout" {
	printf '#!/bin/sh\nsleep 300\n' >"$T/hang"
	chmod 755 "$T/hang"
	edit_config '.hooks.prestart = [{path: $path, timeout: 1}]' --arg path "$T/hang"
	local begun=$SECONDS
	run acrun create --bundle "$BUNDLE" c1 </dev/null
	assert_status 1
	assert_output_has "timeout of 1 s"
	[[ $((SECONDS - begun)) -lt 30 ]]
}
