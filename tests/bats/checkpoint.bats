#!/usr/bin/env bats
# checkpoint and restore: a container goes on where it was, and nothing is taken for a checkpoint that is none.
load helpers

setup() {
	common_setup
	only_on qemu
	cat >"$T/acrun.toml" <<-END
		[hypervisor.qemu]
		shared_fs = "none"
		[storage]
		image_cache = "$T/cache"
	END
	export ACRUN_CONF_FILE=$T/acrun.toml
	IMAGE=$T/image
	# a pipe that somebody holds open at both ends: stdin of containers
	mkfifo "$T/in"
	exec 8<>"$T/in"
}

teardown() {
	exec 8>&-
	umount -l "$T/small" 2>/dev/null || true
	common_teardown
}

# start_counter ID: counts in memory alone, tells its number when it is asked, ends with the number it is told.
start_counter() {
	make_bundle -- sh -c 'n=0; tag=$(head -c 8 /dev/urandom | od -An -tx1 | tr -d " \n"); echo "$tag" >/made; echo tag $tag
		while read -r word arg; do n=$((n + 1)); case $word in end) exit $arg ;; esac
			echo "$word $n $tag $(cat /made)"; done'
	acrun run --detach --bundle "$BUNDLE" "$1" <"$T/in" >"$T/$1.out" 2>"$T/$1.err" 8>&-
	wait_for 30 grep -q tag "$T/$1.out"
	TAG=$(sed -n 's/^tag //p' "$T/$1.out")
}

# ask WORD ID N: the container's Nth answer.
ask() {
	echo "$1" >&8
	wait_for 30 grep -qx "$1 $3 $TAG $TAG" "$T/$2.out"
}

# restore ID [OPTIONS...]
restore() {
	local id=$1
	shift
	acrun restore --detach --bundle "$BUNDLE" --image-path "$IMAGE" "$@" "$id" <"$T/in" >"$T/$id.out" 2>"$T/$id.err" 8>&-
}

@test "checkpoint: memory, files, stdin and stdout go on, twice from one image; exit codes; the first one ends" {
	start_counter c1
	ask one c1 1
	run --separate-stderr acrun checkpoint --image-path "$IMAGE" c1
	assert_status 0
	assert_equal "$output$stderr" ""
	assert_equal "$(container_status c1)" stopped
	assert_equal "$(stat -c %a "$IMAGE")" 700
	acrun delete c1
	# a new id, a pid file written, output that was delivered does not come again
	restore c2 --pid-file "$T/pid"
	assert_equal "$(<"$T/pid")" "$(container_pid c2)"
	assert_equal "$(container_status c2)" running
	ask two c2 2
	assert_equal "$(<"$T/c2.out")" "two 2 $TAG $TAG"
	# all commands find it by its new name
	run --separate-stderr acrun exec c2 cat /made </dev/null
	assert_equal "$output" "$TAG"
	acrun pause c2
	acrun resume c2
	acrun delete --force c2
	# once more, under the old name and in the foreground
	echo "end 7" >&8
	run --separate-stderr acrun restore --bundle "$BUNDLE" --image-path "$IMAGE" c1 <"$T/in" 8>&-
	assert_status 7
	assert_equal "$output" ""
	# signals reach it, though the guest has counted those of another shim
	restore c3
	acrun kill c3 KILL
	wait_status c3 stopped
	acrun delete c3
}

@test "checkpoint: --leave-running; a paused container; a second checkpoint replaces the first; a restored one is saved again" {
	start_counter c1
	acrun checkpoint --leave-running --image-path "$IMAGE" c1
	ask one c1 1
	acrun pause c1
	acrun checkpoint --leave-running --image-path "$IMAGE" c1
	assert_equal "$(container_status c1)" paused
	acrun resume c1
	ask two c1 2
	assert_equal "$(find "$IMAGE" -name "state-*" | wc -l)" 1
	# both would read the same pipe
	acrun delete --force c1
	restore c2
	ask three c2 2
	acrun checkpoint --image-path "$IMAGE" c2
	acrun delete c2
	restore c2
	ask four c2 3
	assert_equal "$(<"$T/c2.out")" "four 3 $TAG $TAG"
}

@test "checkpoint: output that nobody has read yet is delivered once" {
	make_bundle -- sh -c 'echo ready; read -r x; i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); echo "line $i"; done; exit 3'
	mkfifo "$T/out"
	exec 7<>"$T/out"
	acrun run --detach --bundle "$BUNDLE" c1 <"$T/in" >"$T/out" 2>"$T/c1.err" 7>&- 8>&-
	read -r -u 7 word
	assert_equal "$word" ready
	echo >&8
	# one line is read, a pipe full of them is delivered, the rest is somewhere on the way
	read -r -u 7 word
	assert_equal "$word" "line 1"
	acrun checkpoint --image-path "$IMAGE" c1
	acrun delete c1
	# what the pipe holds: to the first byte that is not there
	dd if="$T/out" of="$T/first" iflag=nonblock bs=64k 2>/dev/null 7>&- || true
	exec 7>&-
	local status=0
	acrun restore --bundle "$BUNDLE" --image-path "$IMAGE" c2 </dev/null >"$T/rest" || status=$?
	assert_equal "$status" 3
	[[ -s $T/first && -s $T/rest ]]
	seq -f 'line %.0f' 20000 >"$T/all"
	{ echo "line 1"; cat "$T/first" "$T/rest"; } | cmp - "$T/all"
}

@test "checkpoint: what cannot be saved or restored is refused, and nothing has changed" {
	run acrun checkpoint nobody
	assert_status 1
	assert_output_has "container does not exist"
	start_counter c1
	local option
	for option in --pre-dump --lazy-pages "--parent-path=../x" "--page-server=a:1"; do
		run acrun checkpoint "$option" --image-path "$IMAGE" c1
		assert_status 1
		assert_output_has "cannot be had"
	done
	run acrun restore --bundle "$BUNDLE" --image-path "$T" c2 8>&-
	assert_status 1
	assert_output_has "'$T' holds no complete checkpoint"
	acrun checkpoint --leave-running --tcp-established --work-path "$T" --image-path "$IMAGE" c1
	# damaged in the middle, cut, of another version, of another machine, open to others
	local state
	state=$(echo "$IMAGE"/state-*)
	cp "$state" "$T/whole"
	printf X | dd of="$state" bs=1 seek=1000000 conv=notrunc status=none
	run acrun restore --bundle "$BUNDLE" --image-path "$IMAGE" c2 8>&-
	assert_status 1
	assert_output_has "is not what was saved"
	truncate -s 1000000 "$state"
	run acrun restore --bundle "$BUNDLE" --image-path "$IMAGE" c2 8>&-
	assert_output_has "has 1000000 bytes instead of"
	cp "$T/whole" "$state"
	cp "$IMAGE/checkpoint.json" "$T/good.json"
	jq '.version = 9' "$T/good.json" >"$IMAGE/checkpoint.json"
	run acrun restore --bundle "$BUNDLE" --image-path "$IMAGE" c2 8>&-
	assert_output_has "is a checkpoint of version 9"
	jq '.machine.version = "1.2.3"' "$T/good.json" >"$IMAGE/checkpoint.json"
	run acrun restore --bundle "$BUNDLE" --image-path "$IMAGE" c2 8>&-
	assert_output_has "it was version 1.2.3"
	jq '.state = "../whole"' "$T/good.json" >"$IMAGE/checkpoint.json"
	run acrun restore --bundle "$BUNDLE" --image-path "$IMAGE" c2 8>&-
	assert_output_has "makes no sense"
	cp "$T/good.json" "$IMAGE/checkpoint.json"
	chmod 777 "$IMAGE"
	run acrun restore --bundle "$BUNDLE" --image-path "$IMAGE" c2 8>&-
	assert_output_has "others may write to it"
	run acrun state c2
	assert_status 1
	ask one c1 1
	# processes of exec
	acrun exec --detach c1 sleep 100 </dev/null >/dev/null 2>&1
	run acrun checkpoint --image-path "$IMAGE" c1
	assert_output_has "1 processes of exec run in it"
}

@test "checkpoint: with a shared directory, or before start, it is refused with what to do" {
	sed -i 's/"none"/"virtio-9p"/' "$ACRUN_CONF_FILE"
	make_bundle -- sleep 100
	create_container c1
	run acrun checkpoint --image-path "$IMAGE" c1
	assert_status 1
	assert_output_has "Container cannot be checkpointed in created state"
	acrun start c1
	run acrun checkpoint --image-path "$IMAGE" c1
	assert_status 1
	assert_output_has "virtio-9p"
	assert_output_has 'shared_fs = "none"'
	[[ ! -e $IMAGE ]]
	assert_equal "$(container_status c1)" running
}

@test "checkpoint: a full disk: the container goes on, what was there before stays" {
	start_counter c1
	mkdir "$T/small"
	mount -t tmpfs -o size=20m tmpfs "$T/small"
	run acrun checkpoint --image-path "$T/small/image" c1
	assert_status 1
	assert_output_has "no space left for the checkpoint in '$T/small/image'"
	[[ -z $(ls -A "$T/small/image") ]]
	assert_equal "$(container_status c1)" running
	ask one c1 1
}

@test "checkpoint: killed at any moment it leaves a container that goes on, and nothing for ever" {
	start_counter c1
	acrun checkpoint --leave-running --image-path "$IMAGE" c1
	local before delay n=0
	before=$(jq -r .state "$IMAGE/checkpoint.json")
	for delay in 0.02 0.1 0.3 0.6; do
		"$ACRUN" --root "$ROOT" checkpoint --leave-running --image-path "$IMAGE" c1 3>&- 8>&- &
		local pid=$!
		sleep "$delay"
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
		if [[ $(container_status c1) == paused ]]; then
			acrun resume c1
		fi
		n=$((n + 1))
		ask "w$n" c1 "$n"
	done
	acrun checkpoint --image-path "$IMAGE" c1
	[[ $(jq -r .state "$IMAGE/checkpoint.json") != "$before" ]]
	assert_equal "$(find "$IMAGE" -name "state-*" | wc -l)" 1
	acrun delete c1
	restore c2
	ask last c2 5
	# killed for good: delete needs no help
	"$ACRUN" --root "$ROOT" checkpoint --leave-running --image-path "$IMAGE" c2 3>&- 8>&- &
	sleep 0.4
	kill -KILL $! 2>/dev/null || true
	acrun delete --force c2
	assert_nothing_left
}
