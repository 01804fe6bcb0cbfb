#!/bin/bash
# The name of a backend stands in its own folder, in hypervisor/registry.c and where configuration is read, nowhere else:
# all others ask for capabilities. Comments may name them.
. "$(dirname "$0")/common.sh"

while read -r file; do
	case $file in
	tests/* | hypervisor/*/* | hypervisor/registry.c | runtime/config/* | agent/image/*) continue ;;
	esac
	hits=$(awk -v strings=1 -f "$here/strip.awk" "$file" | grep -niE 'acrn|qemu' | sed "s|^\([0-9]*\):.*|$file:\1: names a hypervisor: ask its capabilities|" || true)
	[[ -z $hits ]] || complain "$hits"
done < <(sources '*.c' '*.h' '*.cpp')
finish
