#!/bin/bash
# Builds and tests everything; ends with "N passed, N failed, N skipped". Root is needed. See `./test.sh --help`.
set -uo pipefail
cd "$(dirname "$0")" || exit 1
top=$PWD

usage() {
	cat <<'EOF'
usage: ./test.sh [--quick] [--acrn] [BATS FILES...]
  --quick     only the dev build: no sanitizers, no clang
  --acrn      all of the bats suite on ACRN's stand-in too, on two releases, instead of a part of it on one
  BATS FILES  only these, instead of tests/bats/*.bats
A skipped test that tests/expected-skips does not name counts as a failure.
EOF
}

quick=
# What of the suite is run on ACRN, and on which releases: what depends most on the hypervisor, one release, some four minutes.
acrn=(-f lifecycle -f control -f crash -f hooks -f network 3.4)
bats_files=()
while [[ $# -gt 0 ]]; do
	case $1 in
	--quick) quick=1 ;;
	--acrn) acrn=(2.0 3.4) ;;
	-h | --help)
		usage
		exit 0
		;;
	-*)
		usage >&2
		exit 2
		;;
	*) bats_files+=("$1") ;;
	esac
	shift
done

passed=0 failed=0 skipped=0
failures=()

total() {
	if [[ ${#failures[@]} -gt 0 ]]; then
		printf '\nfailed:\n'
		printf '  %s\n' "${failures[@]}"
	fi
	printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
	[[ $failed -eq 0 ]]
}

say() { printf '\n== [%4d s] %s\n' "$SECONDS" "$*"; }

pass() { passed=$((passed + 1)); }

fail() {
	failed=$((failed + 1))
	failures+=("$1")
}

# A skip that is expected counts as one; any other is a failure.
skip() {
	if grep -qxF -- "$1" tests/expected-skips; then
		skipped=$((skipped + 1))
	else
		fail "$1 (skipped, but not in tests/expected-skips)"
	fi
}

# step NAME COMMAND...: one result.
step() {
	local name=$1
	shift
	say "$name"
	if "$@"; then
		pass
	else
		fail "$name"
		return 1
	fi
}

# must NAME COMMAND...: as step(), and without it nothing else makes sense.
must() {
	step "$@" || {
		total
		exit 1
	}
}

build() {
	local preset=$1
	shift
	cmake --preset "$preset" "$@" >/dev/null && cmake --build --preset "$preset"
}

# build_meanwhile: the other builds, while the tests of the first one wait for their machines. Nobody waits for these builds
# before built() asks for one.
build_meanwhile() {
	mkdir -p build/logs
	(
		exec </dev/null >build/logs/clang 2>&1
		nice -n 19 cmake --preset clang -DACRUN_BUILD_GUEST=OFF && nice -n 19 cmake --build --preset clang -j 1
	) &
	clang_pid=$!
	(
		exec </dev/null >build/logs/asan 2>&1
		nice -n 19 cmake --preset asan && nice -n 19 cmake --build --preset asan -j 1
	) &
	asan_pid=$!
}

# built PRESET PID: waits for one, and shows what it said if it failed.
built() {
	wait "$2" && return
	cat "build/logs/$1"
	return 1
}

lint() {
	local check dir=build/lint
	local -A pids=()
	mkdir -p "$dir"
	for check in format floors banned size backends headers shell; do
		BUILD_DIR=$top/build "tests/lint/$check.sh" "$top" >"$dir/$check" 2>&1 &
		pids[$check]=$!
	done
	for check in "${!pids[@]}"; do
		if wait "${pids[$check]}"; then
			pass
		else
			cat "$dir/$check"
			fail "lint: $check"
		fi
	done
}

# unit PRESET DIR: CTest's results, counted one by one.
unit() {
	local name result
	say "unit tests, $1"
	rm -f "$2/ctest.xml"
	ctest --preset "$1" --output-junit "$top/$2/ctest.xml" -j "$(nproc)" || true
	[[ -f $2/ctest.xml ]] || {
		fail "ctest of $1 gave no results"
		return
	}
	while IFS=$'\t' read -r name result; do
		case $result in
		run) pass ;;
		notrun | disabled) skip "$1: $name" ;;
		*) fail "unit, $1: $name" ;;
		esac
	done < <(sed -n 's/.*<testcase name="\([^"]*\)".* status="\([^"]*\)".*/\1\t\2/p' "$2/ctest.xml")
	rm -f "$2/ctest.xml"
}

# count_tap LABEL TAP: the results of one file.
count_tap() {
	local label=$1 tap=$2 line name planned=0 seen=0
	while IFS= read -r line; do
		name=${line#not ok }
		name=${name#ok }
		name=${name#* }
		case $line in
		1..*) planned=${line#1..} ;;
		'ok '*' # skip'*)
			seen=$((seen + 1))
			skip "${name%% # skip*}"
			;;
		'ok '*)
			seen=$((seen + 1))
			pass
			;;
		'not ok '*)
			seen=$((seen + 1))
			fail "bats, $label: $name"
			;;
		esac
	done <"$tap"
	[[ $seen -eq $planned && $seen -gt 0 ]] ||
		fail "bats, $label: ${tap##*/}: $seen of $planned tests reported a result"
}

# lane DIR FILE: the file's TAP goes into the directory, and to the reader in one piece.
lane() {
	local tap=$1/${2##*/}.tap start=$SECONDS
	bats --tap "$2" </dev/null >"$tap" 2>&1
	{
		flock 9
		printf '# %s: %d s\n' "$2" $((SECONDS - start))
		cat "$tap"
	} 9>"$1/lock"
}
export -f lane

# bats_suite LABEL ACRUN DIR FILES...: one file more at a time than there are processors, for they also wait; those with most
# tests first.
bats_suite() {
	local label=$1 acrun=$2 dir=$3 file
	shift 3
	say "bats, $label"
	rm -rf "$dir"
	mkdir -p "$dir"
	for file; do
		printf '%d %s\n' "$(grep -c '^@test' "$file")" "$file"
	done | sort -rn | cut -d' ' -f2- | tr '\n' '\0' |
		ACRUN=$acrun BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-180} xargs -0 -n1 -P $(($(nproc) + 1)) bash -c 'lane "$@"' _ "$dir"
	for file; do
		count_tap "$label" "$dir/${file##*/}.tap"
	done
}

# acrn_suite ARGS...: tests/acrn-suite.sh, its results counted one by one. What it expects to fail is no result.
acrn_suite() {
	local line seen=0
	say "bats on ACRN: $*"
	while IFS= read -r line; do
		printf '%s\n' "$line"
		case $line in
		'ok '*' # excepted:'*) ;;
		'ok '*)
			seen=$((seen + 1))
			pass
			;;
		'not ok '*) fail "bats on ACRN: ${line#not ok }" ;;
		esac
	done < <(ACRUN=$top/build/bin/acrun tests/acrn-suite.sh -o build/acrn "$@")
	[[ $seen -gt 0 ]] || fail "bats on ACRN gave no results"
}

# Sanitizers write their findings to files: a helper's stderr may go nowhere. A process that is killed in the middle of the
# leak check leaves a line on its registers; that alone is no finding.
sanitizer_reports() {
	local file status=0
	for file in "$1"/report.*; do
		if [[ -f $file ]] && grep -qv '^==[0-9]*==Unable to get registers from thread' "$file"; then
			head -n 40 "$file"
			status=1
		fi
	done
	return "$status"
}

if [[ $(id -u) -ne 0 ]]; then
	echo "test.sh needs root: it starts virtual machines, makes network devices and mounts. Run: sudo ./test.sh" >&2
	fail "not root"
	total
	exit 1
fi
some_files=${#bats_files[@]}
# The sanitizer build repeats what walks through most of the code.
asan_files=("${bats_files[@]}")
if [[ ${#bats_files[@]} -eq 0 ]]; then
	mapfile -t bats_files < <(find tests/bats -maxdepth 1 -name '*.bats' | LC_ALL=C sort)
	for name in lifecycle run errors crash; do
		[[ ! -f tests/bats/$name.bats ]] || asan_files+=("tests/bats/$name.bats")
	done
fi

must "packages" scripts/install-deps.sh build run demo test
must "build, dev" build dev
say "lint"
lint
unit dev build
[[ -n $quick ]] || build_meanwhile
if [[ ${#bats_files[@]} -gt 0 ]]; then
	bats_suite dev "$top/build/bin/acrun" build/bats "${bats_files[@]}"
else
	fail "no bats files"
fi
[[ $some_files -gt 0 ]] || acrn_suite "${acrn[@]}"

if [[ -z $quick ]]; then
	step "build, clang" built clang "$clang_pid"
	if step "build, asan" built asan "$asan_pid"; then
		reports=$top/build-asan/reports
		rm -rf "$reports"
		mkdir -p "$reports" && chmod 1777 "$reports"
		export ASAN_OPTIONS=log_path=$reports/report:exitcode=99:detect_leaks=1
		export UBSAN_OPTIONS=print_stacktrace=1:log_path=$reports/report
		unit asan build-asan
		[[ ${#asan_files[@]} -eq 0 ]] || bats_suite asan "$top/build-asan/bin/acrun" build-asan/bats "${asan_files[@]}"
		step "no sanitizer reports" sanitizer_reports "$reports"
	fi
fi
total
