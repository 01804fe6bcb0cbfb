# shellcheck shell=bash
# The initrd: the agent as /init, kernel modules, the directories the agent mounts on.

# build_mkcpio DIR - compiles the archive writer into DIR once for each version of its source.
build_mkcpio()
{
	local tool

	tool=$1/mkcpio-$(hash_files "$HERE/mkcpio.c" | cut -c1-16)
	if [ ! -x "$tool" ]; then
		need_tools "${CC:-cc}:gcc"
		"${CC:-cc}" -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -o "$tool.new.$$" "$HERE/mkcpio.c" ||
			die "cannot compile '$HERE/mkcpio.c'"
		mv -f -- "$tool.new.$$" "$tool"
	fi
	printf '%s\n' "$tool"
}

# initrd_list AGENT [MODULES] - the archive's entries in mkcpio's language.
initrd_list()
{
	local dir file

	for dir in dev etc lib lib/modules mnt newroot proc root run sbin sys usr var; do
		echo "dir $dir 0755"
	done
	echo "dir tmp 1777"
	# The kernel opens it for init before anything is mounted; without it init has no stdio.
	echo "node dev/console 0600 5 1"
	echo "node dev/null 0666 1 3"
	echo "file init 0755 $1"
	[ -n "$2" ] || return 0
	for file in "$2"/*; do
		echo "file lib/modules/${file##*/} 0644 $file"
	done
}

# check_agent FILE - init has no loader and no libraries beside it.
check_agent()
{
	[ -f "$1" ] || die "no agent at '$1'"
	[ "$(od -An -v -t x1 -N 4 -- "$1" | tr -d ' ')" = 7f454c46 ] || die "'$1' is no program (ELF)"
	if readelf -lW -- "$1" | grep -q INTERP; then
		die "'$1' is linked dynamically: the guest has no libraries, link it with -static"
	fi
}

# make_initrd MKCPIO AGENT MODULES DEST - MODULES is a directory, or '' for a kernel that has none.
make_initrd()
{
	local agent=$2 modules=$3 list

	case $agent$modules in
	*[[:space:]]*) die "paths with blanks cannot be archived: '$agent', '$modules'" ;;
	esac
	list=$4.list.$$
	initrd_list "$agent" "$modules" >"$list"
	if ! "$1" "$list" >"$4.new.$$"; then
		rm -f -- "$list" "$4.new.$$"
		die "cannot write '$4'"
	fi
	rm -f -- "$list"
	mv -f -- "$4.new.$$" "$4"
}
