#!/bin/bash
# clang-format has nothing to change.
. "$(dirname "$0")/common.sh"
command -v clang-format >/dev/null || { echo "clang-format is missing: scripts/install-deps.sh test"; exit 1; }
# One process looks at all; only when it finds something are they asked one by one.
sources '*.c' '*.h' '*.cpp' | xargs -r clang-format --dry-run -Werror --ferror-limit=1 2>/dev/null && finish
while read -r file; do
	clang-format --dry-run -Werror --ferror-limit=1 "$file" 2>/dev/null ||
		complain "$file: not formatted: run clang-format -i $file"
done < <(sources '*.c' '*.h' '*.cpp')
finish
