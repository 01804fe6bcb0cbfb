#!/bin/bash
# Includes: nobody reaches upwards or across, headers come by their full path, own header first,
# *_internal.h stays at home, and each outside library is seen by its one file only.
. "$(dirname "$0")/common.sh"

# area <file>: the floor a file stands on.
area() {
	case $1 in
	agent/proto/* | agent/guest/* | agent/image/*) echo "${1%/"${1#*/*/}"}" ;;
	cmd/*/*) echo "${1%/"${1#*/*/}"}" ;;
	hypervisor/*/*) echo "${1%/"${1#*/*/}"}" ;;
	*) echo "${1%%/*}" ;;
	esac
}

# may <includer> <floor of the includer> <floor of the included>
may() {
	[[ $2 == "$3" ]] && return 0
	case $2 in
	base) return 1 ;;
	oci) [[ $3 == base ]] ;;
	agent/proto) [[ $3 == base || $3 == oci ]] ;;
	agent/guest) [[ $3 == base || $3 == oci || $3 == agent/proto ]] ;;
	hypervisor) [[ $3 == base || ($1 == hypervisor/registry.c && $3 == hypervisor/*) ]] ;;
	hypervisor/*) [[ $3 == base || $3 == hypervisor ]] ;;
	runtime) [[ $3 == base || $3 == oci || $3 == agent/proto || $3 == hypervisor ]] ;;
	cmd/acrun | cmd/acrun-cached)
		[[ $3 == runtime || $3 == hypervisor || $3 == agent/proto || $3 == oci || $3 == base ]] ;;
	cmd/acrun-man) [[ $3 == base || $3 == cmd/acrun ]] ;; # made of its tables
	cmd/acrun-proxy | cmd/acrun-shim) [[ $3 == base || $3 == agent/proto ]] ;;
	tests) return 0 ;;
	*) return 1 ;;
	esac
}

# <header prefix> <files that may include it, as a regular expression>
libraries='
yajl/ ^base/json\.c$
toml++/ ^base/toml\.cpp$
uuid/ ^base/uuid\.c$
seccomp.h ^(agent/guest/seccomp|base/confine)\.c$
libmnl/ ^runtime/net/netlink[a-z_]*\.c$
protobuf-c/ ^(runtime/factory|cmd/acrun-cached)/
nghttp2/ ^(runtime/factory|cmd/acrun-cached)/
cmocka.h ^tests/unit/
'

check_ours() {
	local file=$1 line=$2 header=$3
	if [[ $header == acrun_version.h ]]; then
		return
	fi
	if [[ $header != */* ]]; then
		complain "$file:$line: \"$header\": give the path from the root of the tree"
		return
	fi
	if [[ ! -f $header ]]; then
		complain "$file:$line: \"$header\": no such file"
		return
	fi
	if [[ $header == *_internal.h && ${header%/*} != "${file%/*}" ]]; then
		complain "$file:$line: \"$header\" is for its own folder only"
	fi
	local from to
	from=$(area "$file")
	to=$(area "$header")
	may "$file" "$from" "$to" || complain "$file:$line: $from may not include $to (\"$header\")"
}

check_library() {
	local file=$1 line=$2 header=$3 prefix allowed
	while read -r prefix allowed; do
		[[ -n $prefix && $header == "$prefix"* ]] || continue
		[[ $file =~ $allowed ]] || complain "$file:$line: <$header> is included by another file only ($allowed)"
	done <<<"$libraries"
}

include_re='^[[:space:]]*#[[:space:]]*include[[:space:]]*([<"])([^>"]+)[>"]'
while read -r file; do
	first=
	while IFS=: read -r line text; do
		[[ $text =~ $include_re ]] || continue
		kind=${BASH_REMATCH[1]} header=${BASH_REMATCH[2]}
		first=${first:-$header}
		if [[ $kind == '"' ]]; then
			check_ours "$file" "$line" "$header"
		else
			check_library "$file" "$line" "$header"
		fi
	done < <(grep -nE '^[[:space:]]*#[[:space:]]*include' "$file" || true)
	own=${file%.*}.h
	if [[ $file != *.h && -f $own && $first != "$own" && $first != "${file%.*}_internal.h" ]]; then
		complain "$file:1: its own header \"$own\" comes first"
	fi
done < <(sources '*.c' '*.h' '*.cpp')
finish
