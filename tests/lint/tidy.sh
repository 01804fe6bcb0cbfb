#!/bin/bash
# tidy.sh ROOT BUILD_DIR: clang-tidy, with .clang-tidy's choice, over what the compilation database names.
set -euo pipefail
root=$1
build=$2
command -v clang-tidy >/dev/null || { echo "clang-tidy is missing: scripts/install-deps.sh test"; exit 1; }
cd "$root"
mapfile -t files < <(sed -n 's|^ *"file": "\(.*\.c\)",*$|\1|p' "$build/compile_commands.json" | grep -v '/tests/' | LC_ALL=C sort -u)
[[ ${#files[@]} -gt 0 ]] || { echo "no sources in $build/compile_commands.json"; exit 1; }
# gcc's warning options that clang does not know are no finding.
printf '%s\0' "${files[@]}" | xargs -0 -n 4 -P "$(nproc)" clang-tidy --quiet -p "$build" \
	--extra-arg=-Wno-unknown-warning-option --warnings-as-errors='*'
