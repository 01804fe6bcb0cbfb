#!/bin/bash
# Each header compiles by itself. BUILD_DIR is where the generated acrun_version.h lies.
. "$(dirname "$0")/common.sh"
empty=$(mktemp --suffix=.c)
trap 'rm -f "$empty"' EXIT
while read -r file; do
	case $file in
	tests/*) continue ;;
	esac
	errors=$(gcc -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -I. ${BUILD_DIR:+-I"$BUILD_DIR/include"} \
		-include "$file" "$empty" 2>&1) || complain "$file: not self-contained: $(head -1 <<<"$errors")"
done < <(sources '*.h')
finish
