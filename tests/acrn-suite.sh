#!/bin/bash
# The bats suite on ACRN: on the stand-in for its device model, release by release. See `tests/acrn-suite.sh --help`.
set -uo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)

usage() {
	cat <<'END'
usage: tests/acrn-suite.sh [-j LANES] [-o DIR] [-f FILE]... [RELEASE...]
  -j LANES  bats files at a time (2)
  -o DIR    where the results go, RELEASE/FILE.tap (a temporary directory that is removed)
  -f FILE   only this file of tests/bats; again for more
  RELEASE   of the stand-in (2.0 3.4)
ACRUN names the program. What tests/acrn-exceptions names must fail, or is not run; an exception that passes is an error, and so is
one that names no test.
END
}

lanes=2 out='' files=() releases=()
while [[ $# -gt 0 ]]; do
	case $1 in
	-j | -o | -f)
		[[ $# -gt 1 ]] || {
			usage >&2
			exit 2
		}
		case $1 in
		-j) lanes=$2 ;;
		-o) out=$2 ;;
		-f) files+=("${2%.bats}") ;;
		esac
		shift
		;;
	-h | --help)
		usage
		exit 0
		;;
	-*)
		usage >&2
		exit 2
		;;
	*) releases+=("$1") ;;
	esac
	shift
done
[[ ${#releases[@]} -gt 0 ]] || releases=(2.0 3.4)
export ACRUN=${ACRUN:-$top/build/bin/acrun}
if [[ -z $out ]]; then
	out=$(mktemp -d)
	trap 'rm -rf "$out"' EXIT
fi

# exceptions[FILE/TEST]: the reason. The test's name is * for a file that is not run.
declare -A exceptions=()
bad=0

complain() {
	echo "not ok $*"
	bad=$((bad + 1))
}

has_test() {
	grep -qxF -- "@test \"$2\" {" "$top/tests/bats/$1.bats" 2>/dev/null
}

read_exceptions() {
	local file name reason
	while IFS='|' read -r file name reason; do
		[[ -n $file && $file != '#'* ]] || continue
		[[ -n $reason ]] || complain "tests/acrn-exceptions: no reason: $file|$name"
		if [[ $name == '*' ]]; then
			[[ -f $top/tests/bats/$file.bats ]] || complain "tests/acrn-exceptions: no file $file.bats"
		elif ! has_test "$file" "$name"; then
			complain "tests/acrn-exceptions: no such test: $file|$name"
		fi
		exceptions[$file/$name]=$reason
	done <"$top/tests/acrn-exceptions"
}

# Those that are run: all that are not excepted as a whole.
choose_files() {
	local path file
	if [[ ${#files[@]} -gt 0 ]]; then
		printf '%s\n' "${files[@]}"
		return
	fi
	for path in "$top"/tests/bats/*.bats; do
		file=$(basename "$path" .bats)
		[[ -n ${exceptions[$file/*]:-} ]] || echo "$(grep -c '^@test' "$path") $file"
	done | sort -rn | cut -d' ' -f2
}

run_file() {
	bats --tap "$3/tests/bats/$2.bats" </dev/null >"$1/$2.tap" 2>&1
}
export -f run_file

# judge RELEASE FILE TAP: each result, with what the exceptions make of it.
judge() {
	local release=$1 file=$2 tap=$3 line name planned=0 seen=0
	while IFS= read -r line; do
		name=${line#not ok }
		name=${name#ok }
		name=${name#* }
		case $line in
		1..*) planned=${line#1..} ;;
		'ok '* | 'not ok '*)
			seen=$((seen + 1))
			if [[ $line == not* && -n ${exceptions[$file/$name]:-} ]]; then
				echo "ok $release $file: $name # excepted:${exceptions[$file/$name]}"
			elif [[ $line == ok* && -n ${exceptions[$file/$name]:-} ]]; then
				complain "$release $file: $name # passes, although tests/acrn-exceptions names it"
			elif [[ $line == ok* ]]; then
				echo "ok $release $file: $name"
			else
				complain "$release $file: $name"
			fi
			;;
		'#'*) [[ $line != *'in test file'* ]] || echo "$line" ;;
		esac
	done <"$tap"
	[[ $seen -eq $planned && $seen -gt 0 ]] || complain "$release $file: $seen of $planned tests have reported a result"
}

run_release() {
	local release=$1 dir=$out/$1 file chosen
	mkdir -p "$dir"
	mapfile -t chosen < <(choose_files)
	printf '%s\n' "${chosen[@]}" | ACRUN_TEST_HYPERVISOR=acrn ACRUN_TEST_RELEASE=$release \
		BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-240} xargs -P "$lanes" -I FILE bash -c 'run_file "$@"' _ "$dir" FILE "$top"
	for file in "${chosen[@]}"; do
		judge "$release" "$file" "$dir/$file.tap"
	done
}

read_exceptions
for release in "${releases[@]}"; do
	begun=$SECONDS
	run_release "$release"
	echo "# release $release: $((SECONDS - begun)) s"
done
[[ $bad -eq 0 ]]
