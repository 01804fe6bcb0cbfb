#!/usr/bin/env bats
# Commands that need no machine, and how the command line behaves. One test boots a machine, to have it crash.
load helpers

setup() {
	common_setup
	TREE=$(cd "$(dirname "$ACRUN")/.." && pwd)
}

# Looking for leftovers takes longer than most of these tests, which start no process that could be left.
teardown() {
	if [[ -n ${BOOTED:-} ]]; then
		common_teardown
	else
		rm -rf "$T"
	fi
}

# commands: the names that help lists.
commands() {
	"$ACRUN" help | awk '/^COMMANDS:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }'
}

@test "cli: features needs no configuration, no privilege, no environment" {
	cd /
	output=$(env -i setpriv --reuid=65534 --clear-groups --no-new-privs "$ACRUN" features)
	assert_equal "$(jq -r '.ociVersionMin, (.linux.seccomp.actions | length)' <<<"$output" | xargs)" "1.0.0 8"
	[[ $output == $'{\n    "ociVersionMin"'* ]]
}

@test "cli: features says nothing that runc does not know the name of" {
	local words='[.hooks[], .mountOptions[], .linux.namespaces[], .linux.capabilities[], (.linux.seccomp | .actions[], .operators[], .archs[])] | sort[]'
	comm -23 <("$ACRUN" features | jq -r "$words") <(runc features | jq -r "$words") >"$T/only-ours"
	# namespaces of time and mapped mounts are newer than some runcs
	assert_equal "$(grep -vx -e idmap -e ridmap -e time "$T/only-ours")" ""
}

@test "cli: spec writes what runc spec writes" {
	local flags
	for flags in "" --rootless; do
		mkdir -p "$T/ours" "$T/theirs"
		rm -f "$T/ours/config.json" "$T/theirs/config.json"
		# shellcheck disable=SC2086
		acrun spec $flags -b "$T/ours"
		# shellcheck disable=SC2086
		runc spec $flags -b "$T/theirs"
		sed -i -E 's/("ociVersion": )"[^"]*"/\1""/; s/("hostname": )"[^"]*"/\1""/' "$T/ours/config.json" "$T/theirs/config.json"
		cmp "$T/ours/config.json" "$T/theirs/config.json"
	done
	run acrun spec -b "$T/ours"
	assert_status 1
	assert_output_has "File config.json exists. Remove it first"
}

@test "cli: the version has the lines that clients read" {
	run acrun --version
	assert_status 0
	[[ ${lines[0]} =~ ^acrun\ version\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	[[ ${lines[1]} =~ ^commit:\ [0-9a-f] ]]
	[[ ${lines[2]} =~ ^spec:\ 1\.[0-9]+\.[0-9]+$ ]]
	assert_equal "$(acrun version)" "$output"
	assert_equal "$(acrun -v)" "$output"
}

@test "cli: unknown commands leave as runc's do, and the nearest one is named" {
	local words
	for words in "stats" "help stats" "stats --help"; do
		# shellcheck disable=SC2086
		run acrun $words
		assert_status 3
		assert_output_has "No help topic for 'stats' (did you mean \"state\"?)"
	done
	run acrun state --timming x
	assert_status 1
	assert_output_has "flag provided but not defined: --timming (did you mean --timing?)"
}

@test "cli: each command has help, a man page with prose, and its options are in both" {
	local command option
	for command in $(commands); do
		run acrun "$command" --help
		assert_status 0
		[[ ${lines[0]} == NAME: && ${lines[1]} == "   acrun $command - "* ]]
		assert_equal "$(acrun help "$command")" "$output"
		[[ -s $BATS_TEST_DIRNAME/../../docs/man/$command.mdoc ]] || {
			echo "docs/man/$command.mdoc is missing" >&2
			return 1
		}
		for option in $(grep -oE -- '--[a-z0-9-]+' <<<"${output#*OPTIONS:}" | sort -u); do
			[[ $output != *EXAMPLES*"$option"* ]] || continue
			grep -qF -- "Fl -${option#--}" "$TREE/share/man/man8/acrun-$command.8"
		done
	done
}

@test "cli: the man pages are clean" {
	local page
	for page in "$TREE"/share/man/man8/acrun*.8; do
		run mandoc -T lint -W warning "$page"
		assert_equal "$output" ""
	done
}

@test "cli: completion is valid in all three shells, and completes in bash" {
	acrun completion bash >"$T/bash"
	acrun completion zsh >"$T/zsh"
	acrun completion fish >"$T/fish"
	bash -n "$T/bash"
	zsh -n "$T/zsh"
	fish -n "$T/fish"
	mkdir -p "$ROOT/left-over"
	cat >"$T/try" <<-'END'
		acrun() { "$ACRUN" "$@"; }
		source "$1"
		shift
		COMP_WORDS=("$@")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_acrun
		echo "${COMPREPLY[*]}"
	END
	assert_equal "$(ACRUN=$ACRUN bash "$T/try" "$T/bash" acrun fe)" "features"
	assert_equal "$(ACRUN=$ACRUN bash "$T/try" "$T/bash" acrun list --format "")" "table json"
	assert_equal "$(ACRUN=$ACRUN bash "$T/try" "$T/bash" acrun --log x kill --al)" "--all"
	assert_equal "$(ACRUN=$ACRUN bash "$T/try" "$T/bash" acrun factory s)" "status"
	rmdir "$ROOT/left-over"
}

@test "cli: colours on a terminal only, and not when they are not wanted" {
	local escape=$'\033'
	[[ $(acrun help) != *"$escape"* ]]
	TERM=xterm script -qec "'$ACRUN' help" "$T/typescript" >/dev/null
	grep -qF "${escape}[1mCOMMANDS" "$T/typescript"
	NO_COLOR=1 TERM=xterm script -qec "'$ACRUN' help" "$T/typescript" >/dev/null
	run ! grep -qF "$escape" "$T/typescript"
	grep -qF COMMANDS: "$T/typescript"
}

@test "cli: check tells a remedy with all that is not ok, alike in all forms" {
	run acrun check --json
	assert_status 0
	assert_equal "$(jq '[.checks[] | select(.status != "ok" and .remedy == "")] | length' <<<"$output")" 0
	assert_equal "$(jq '[.checks[] | select(.name == "hypervisor" and .status == "ok")] | length' <<<"$output")" 1
	jq -r '.checks[].name' <<<"$output" >"$T/json"
	acrun check --toml | sed -n 's/^name = "\(.*\)"$/\1/p' >"$T/toml"
	acrun check | awk '/^(ok|warn|fail) / { print $2 }' >"$T/text"
	diff "$T/json" "$T/toml"
	diff "$T/json" "$T/text"
}

@test "cli: check fails on what makes machines impossible, and goes on" {
	printf '[hypervisor.qemu]\npath = "/nowhere/qemu"\n[runtime]\nhypervisor = "qemu"\n' >"$T/conf.toml"
	run acrun --config "$T/conf.toml" check
	assert_status 1
	assert_output_has "cannot run '/nowhere/qemu'"
	assert_output_has "remedy: "
	assert_output_has "memory"
	assert_output_has "System is not capable of running acrun"
	printf '[runtime]\nhypervisr = "qemu"\n' >"$T/conf.toml"
	run acrun --config "$T/conf.toml" check
	assert_status 1
	assert_output_has "$T/conf.toml:2:"
}

@test "cli: env is the same facts as TOML and as JSON" {
	acrun env >"$T/env.toml"
	acrun env --json >"$T/env.json"
	python3 - "$T/env.toml" "$T/env.json" <<-'END'
		import json, sys, tomllib
		toml = tomllib.load(open(sys.argv[1], "rb"))
		other = json.load(open(sys.argv[2]))
		for facts in toml, other:
		    for changing in "Free", "Available":
		        del facts["Host"]["Memory"][changing]
		assert toml == other, (toml, other)
		assert toml["Host"]["VMContainerCapable"] is True
		assert "version" in toml["Hypervisor"]["Version"]
	END
}

@test "cli: config show tells who set a key, and prints a valid configuration" {
	mkdir "$T/config.d"
	printf '[hypervisor.qemu]\ndefault_memory = 300\n' >"$T/conf.toml"
	printf '[hypervisor.qemu]\nmsize_9p = 8192\n' >"$T/config.d/10.toml"
	acrun --config "$T/conf.toml" config show >"$T/shown.toml"
	grep -qE "^default_memory = 300 +# $T/conf.toml:2$" "$T/shown.toml"
	grep -qE "^msize_9p = 8192 +# $T/config.d/10.toml:2$" "$T/shown.toml"
	grep -qE '^default_vcpus = 1 +# default$' "$T/shown.toml"
	mkdir "$T/again"
	cp "$T/shown.toml" "$T/again"
	run acrun config check "$T/again/shown.toml"
	assert_status 0
	assert_equal "$output" "$T/again/shown.toml: ok"
	assert_equal "$(acrun --config "$T/conf.toml" config show --json |
		jq -c '.keys[] | select(.table == "hypervisor.qemu" and .key == "default_memory") | [.value, .line]')" '["300",2]'
	printf '[hypervisor.qemu]\ndefault_memry = 300\n' >"$T/conf.toml"
	run acrun config check "$T/conf.toml"
	assert_status 1
	assert_output_has "$T/conf.toml:2"
	assert_output_has "default_memory"
}

@test "cli: gc removes what creates left half-made, and only that" {
	mkdir -p "$ROOT/empty" "$ROOT/damaged" "$ROOT/locked"
	echo '{' >"$ROOT/damaged/state.json"
	exec 8<"$ROOT/locked"
	flock 8
	run acrun gc --dry-run
	assert_status 0
	assert_equal "$(cut -f1 <<<"$output" | xargs)" "damaged empty"
	[[ -d $ROOT/empty && -d $ROOT/damaged ]]
	run acrun gc
	assert_status 0
	assert_equal "$(find "$ROOT" -mindepth 1 -maxdepth 1 -printf '%f\n')" "locked"
	exec 8<&-
	run acrun gc
	assert_status 0
	assert_equal "$(state_left)" ""
}

@test "cli: logs follow the console to the end, and gc removes a crashed machine" {
	BOOTED=1
	make_bundle -- /bin/sleep 1000
	create_container c1
	echo old >"$ROOT/c1/console.log.1"
	printf 'one\ntwo\n\033[31mred\n' >>"$ROOT/c1/console.log"
	assert_equal "$(acrun logs c1)" $'old\none\ntwo\n\033[31mred'
	assert_equal "$(acrun logs -n 2 c1)" $'two\n\033[31mred'
	TERM=xterm script -qec "'$ACRUN' --root '$ROOT' logs -n 1 c1" "$T/typescript" >/dev/null
	grep -qF '?[31mred' "$T/typescript"
	acrun logs -f -n 1 c1 >"$T/followed" 2>&1 &
	local follower=$!
	wait_for 10 grep red "$T/followed"
	# each line is seen before the next thing happens: the file grows, is replaced, and grows again
	wait_for 10 follows_line three
	mv "$ROOT/c1/console.log" "$ROOT/c1/console.log.1"
	wait_for 10 follows_line four
	acrun gc
	assert_equal "$(container_status c1)" created
	kill -KILL "$(jq .vmm.pid "$ROOT/c1/state.json")"
	wait "$follower"
	wait_status c1 stopped
	wait_for 10 gc_tells_of_machine
	acrun gc
	assert_equal "$(state_left)" ""
}

# follows_line WORD: adds it to the console (once), and is it in what was followed?
follows_line() {
	grep -qx "$1" "$ROOT/c1/console.log" 2>/dev/null || echo "$1" >>"$ROOT/c1/console.log"
	grep -qx "$1" "$T/followed"
}

gc_tells_of_machine() {
	[[ $(acrun gc -n) == *"its machine is gone"* ]]
}

@test "cli: gc ends processes whose directory was removed" {
	BOOTED=1
	make_bundle -- /bin/sleep 1000
	create_container c1
	[[ -n $(leftover_pids) ]]
	rm -rf --one-file-system "$ROOT/c1"
	assert_equal "$(acrun gc -n)" $'c1\tits processes have outlived its directory'
	acrun gc
	wait_for 10 no_leftover_pids
}

@test "cli: the CLI loads five shared libraries at most" {
	local n
	n=$(ldd "$ACRUN" | grep -c '=>') || true
	[[ $n -le 5 ]] || ldd "$ACRUN" | grep -qE 'lib[at]san' # the sanitizers bring theirs
}

# take_pidfd SOCKET: waits there for a descriptor, and prints the pid it is about.
take_pidfd() {
	python3 - "$1" <<-'END'
		import re, socket, sys
		server = socket.socket(socket.AF_UNIX)
		server.bind(sys.argv[1])
		server.listen()
		name, fds, _, _ = socket.recv_fds(server.accept()[0], 64, 1)
		print(name.decode(), re.search(r"^Pid:\s*(\d+)", open(f"/proc/self/fdinfo/{fds[0]}").read(), re.M)[1])
	END
}

@test "cli: a pidfd goes to its socket; what no machine can have is refused with the reason" {
	BOOTED=1
	make_bundle -- /bin/sleep 1000
	run acrun create --preserve-fds 2 --bundle "$BUNDLE" c1
	assert_status 1
	assert_output_has "--preserve-fds 2: descriptors of the host do not reach into a virtual machine"
	run acrun create --pidfd-socket "$T/none" --bundle "$BUNDLE" c1
	assert_status 1
	assert_output_has "connect to the pidfd socket '$T/none'"
	assert_equal "$(state_left)" ""
	take_pidfd "$T/pidfd.sock" >"$T/pidfd" &
	wait_for 10 test -S "$T/pidfd.sock"
	create_container c1 --pidfd-socket "$T/pidfd.sock"
	wait $!
	assert_equal "$(<"$T/pidfd")" "pidfd $(container_pid c1)"
	run acrun exec --cgroup /sub c1 true
	assert_status 255
	assert_output_has "--cgroup /sub: a container has one cgroup"
}
