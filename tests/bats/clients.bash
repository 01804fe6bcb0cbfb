# shellcheck shell=bash
# What podman and docker are asked to do, the same with runc and with acrun, so that what they answer can be compared: their command
# lines are alike. The file that loads this defines
#   client ARGS...            the client with its private state, its stdin ours
#   client_run RUNTIME ARGS...     its `run` by that runtime
#   client_tty COMMAND...     the same, a command line that `script` runs, on a terminal of its own
# and has an image of busybox called acrun-test.

# say CODE LABEL COMMAND...: its exit code, output and errors, without names of runtimes. The code is to be CODE; + is any but 0.
say() {
	local wanted=$1 label=$2 code=0
	shift 2
	"$@" >"$T/say.out" 2>"$T/say.err" </dev/null || code=$?
	[[ $wanted != + || $code -eq 0 ]] || wanted=$code
	printf '== %s: %d\n' "$label" "$code"
	[[ $code == "$wanted" ]] || echo "== UNEXPECTED: that is not $wanted"
	# of what `script` passes on, the end of its input and what ends a line are no output
	tr -d '\r' <"$T/say.out" | cat - "$T/say.err" | sed -E 's/\^@//g; s/\b(ac)?runc? (create|exec|run) failed/RUNTIME \2 failed/g; s/\b(ac)?runc?: /RUNTIME: /g; s/c-(ac)?runc?/NAME/g; s/[0-9a-f]{64}/ID/g;
		/level=error msg="error waiting for container/d'
}

# feed TEXT COMMAND...: with that for its stdin.
feed() {
	local text=$1
	shift
	printf '%s' "$text" | "$@"
}

count_bytes() {
	"$@" | wc -c
}

# has_log NAME TIMES TEXT
has_log() {
	[[ $(client logs "$1" 2>&1 | grep -cx "$3") -eq $2 ]]
}

# status_of NAME: and its exit code.
status_of() {
	client inspect --format '{{.State.Status}} {{.State.ExitCode}}' "$1"
}

# tell_runs RUNTIME: containers that come and go.
tell_runs() {
	local run=(client_run "$1" --rm --network none)
	# shellcheck disable=SC2016
	say 42 run "${run[@]}" --env A=b --workdir /tmp acrun-test sh -c 'echo "$A $PWD"; echo err >&2; exit 42'
	say 127 'no such program' "${run[@]}" acrun-test no-such-program
	say 126 'no program' "${run[@]}" acrun-test /etc/passwd
	say 3 'input' feed $'a\nb\n' "${run[@]}" -i acrun-test sh -c 'wc -l; exit 3'
	say 0 '8 MiB of output' count_bytes "${run[@]}" acrun-test head -c 8388608 /dev/zero
	# shellcheck disable=SC2016
	say 0 'killed by itself' "${run[@]}" acrun-test sh -c 'kill -KILL $$'
	say 3 'a terminal' client_tty "$1" run --rm --network none -it acrun-test sh -c "'test -t 0 && test -t 1 && tty && exit 3'"
}

# tell_life RUNTIME: one container through all of it.
tell_life() {
	local c=c-$1 data=$T/data-$1
	mkdir -p "$data/in/d" "$data/out"
	echo new >"$data/in/d/f"
	say 0 'run -d' client_run "$1" --detach --name "$c" --network none --volume "$c:/data" acrun-test \
		sh -c 'trap "exit 7" TERM; trap "echo usr1" USR1; echo started; while :; do sleep 0.1; done'
	say 0 started wait_for 20 has_log "$c" 1 started
	say 12 exec client exec --env A=b --workdir /tmp --user 7:8 "$c" sh -c 'id -u; id -g; echo "$A $PWD"; echo err >&2; exit 12'
	say + 'exec: no such program' client exec "$c" no-such-program
	say 0 'exec: input' feed $'a\nb\n' client exec -i "$c" wc -l
	say 0 'exec: 8 MiB of output' count_bytes client exec "$c" head -c 8388608 /dev/zero
	say 4 'exec: a terminal' client_tty '' exec -it "$c" sh -c "'tty && exit 4'"
	say 0 'cp in' client cp "$data/in/d" "$c:/data/"
	say 0 'cp in, a file' client cp "$data/in/d/f" "$c:/etc/copied"
	say 0 'copied' client exec "$c" sh -c 'cat /data/d/f /etc/copied; echo more >>/data/d/f; ln -s /etc /tmp/link'
	echo newer >"$data/in/d/f"
	say 0 'cp in, over it' client cp "$data/in/d/f" "$c:/etc/copied"
	say 0 'copied over' client exec "$c" cat /etc/copied
	say 0 'cp out' client cp "$c:/data/d" "$data/out/"
	say 0 'cp out, through a link' client cp "$c:/tmp/link/copied" "$data/out/link"
	say 0 'what came out' cat "$data/out/d/f" "$data/out/link"
	say + 'cp of what is not there' client cp "$c:$T" "$data/out/none"
	say 0 pause client pause "$c"
	say 0 'is paused' status_of "$c"
	say 0 unpause client unpause "$c"
	say 0 stats client stats --no-stream --format '{{.Name}}' "$c"
	say 0 'uses memory' eval "client stats --no-stream --format '{{.MemUsage}}' $c | grep -c '^[1-9]'"
	say 0 'kill by another signal' client kill --signal USR1 "$c"
	say 0 'which it takes' wait_for 20 has_log "$c" 1 usr1
	say 0 restart client restart --time 10 "$c"
	say 0 restarted wait_for 20 has_log "$c" 2 started
	say 0 'has its volume and its files' client exec "$c" cat /data/d/f /etc/copied
	say 0 stop client stop --time 10 "$c"
	say 0 stopped status_of "$c"
	say 0 start client start "$c"
	say 0 kill client kill "$c"
	say 0 killed client wait "$c"
	say 0 start client start "$c"
	say + 'rm of what runs' eval "client rm $c >/dev/null 2>&1"
	say 0 'rm -f' client rm --force --volumes "$c"
	say + 'is no more' eval "client container inspect $c >/dev/null 2>&1"
}

# ten_at_once RUNTIME
ten_at_once() {
	local i pids=()
	for i in {0..9}; do
		client_run "$1" --rm --network none acrun-test sh -c "echo out $i; exit $i" >"$T/ten.$i" 2>&1 &
		pids+=($!)
	done
	for i in {0..9}; do
		say "$i" "container $i" eval "wait ${pids[$i]}; s=\$?; cat $T/ten.$i; (exit \$s)"
	done
}

# alike TELL...: what is told with both runtimes is the same.
alike() {
	local runtime tell
	for runtime in runc acrun; do
		for tell; do "$tell" "$runtime"; done >"$T/told.$runtime"
	done
	diff -u "$T/told.runc" "$T/told.acrun"
	! grep -B 1 -A 5 UNEXPECTED "$T/told.acrun"
}
