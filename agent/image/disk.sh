#!/bin/bash
# Builds the disk that a guest without an initrd starts from: one partition, ext4, the agent as its init.
# Neither root nor a loop device is needed. See usage() below; README.md tells how it is used.
set -euo pipefail
export LC_ALL=C
umask 022

HERE=$(cd -- "${BASH_SOURCE[0]%/*}" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$HERE/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/initrd.sh
. "$HERE/lib/initrd.sh"

PATH=$PATH:/sbin:/usr/sbin

START_KIB=1024  # where the partition begins
SPARE_KIB=512   # beyond the agent: inodes, folders
WTIME_AT=1072   # of the superblock's time of last write, from the start of the file system
UUID=6163727e-6469-736b-8000-000000000001
DISK_ID=0x61637275

usage()
{
	cat <<-'EOF'
	usage: disk.sh --out FILE --agent FILE

	  --out FILE    the disk: a partition table, and an ext4 root as its first partition
	  --agent FILE  the static program that becomes /init and /sbin/init
	EOF
}

parse_options()
{
	OUT='' AGENT=''
	while [ $# -gt 0 ]; do
		case $1 in
		--out | --agent) [ $# -ge 2 ] || die "'$1' needs a value" ;;
		-h | --help) usage; exit 0 ;;
		*) die "unknown argument '$1', see --help" ;;
		esac
		case $1 in
		--out) OUT=$2 ;;
		--agent) AGENT=$2 ;;
		esac
		shift 2
	done
	[ -n "$OUT" ] || die "--out is missing, see --help"
	[ -n "$AGENT" ] || die "--agent is missing, see --help"
	# debugfs has no way to quote them
	case $OUT$AGENT in
	*[[:space:]\"\?]*) die "paths with blanks, quotes or '?' cannot be used: '$OUT', '$AGENT'" ;;
	esac
}

# fix_entry NAME MODE - owner, mode and times that do not depend on who builds, and when.
fix_entry()
{
	local field

	echo "set_inode_field /$1 mode $2"
	echo "set_inode_field /$1 uid 0"
	echo "set_inode_field /$1 gid 0"
	for field in atime mtime ctime crtime; do
		echo "set_inode_field /$1 $field @0"
	done
}

# What the initrd holds, as commands of debugfs, and the names by which kernel and modprobe look for us.
fill_commands()
{
	local kind name mode a b

	echo "set_current_time 19700101000000"
	while read -r kind name mode a b; do
		case $kind in
		dir)
			echo "mkdir /$name"
			fix_entry "$name" "04$mode"
			;;
		file)
			echo "write $a $name"
			fix_entry "$name" "010$mode"
			;;
		node)
			echo "cd /${name%/*}"
			echo "mknod ${name##*/} c $a $b"
			echo "cd /"
			fix_entry "$name" "02$mode"
			;;
		esac
	done < <(initrd_list "$AGENT" '')
	for name in init modprobe; do
		echo "cd /sbin"
		echo "symlink $name /init"
		echo "cd /"
		fix_entry "sbin/$name" 0120777
	done
	fix_entry '' 040755
	fix_entry lost+found 040700
	for name in mkfs_time lastcheck mtime; do
		echo "set_super_value $name @0"
	done
}

# run_debugfs DISK COMMANDS - it reports errors, but not by its status.
run_debugfs()
{
	local said

	said=$(E2FSPROGS_FAKE_TIME=1 debugfs -w -f "$2" "$1?offset=$((START_KIB * 1024))" 2>&1 >/dev/null) ||
		die "debugfs failed: $said"
	said=$(printf '%s\n' "$said" | sed '/^debugfs [0-9]/d')
	[ -z "$said" ] || die "debugfs: $said"
}

make_disk()
{
	local disk=$1 kib

	kib=$((($(stat -L -c %s -- "$AGENT") / 1024 + SPARE_KIB + 1023) / 1024 * 1024))
	truncate -s "$((START_KIB + kib))K" "$disk" || die "cannot write '$disk'"
	printf 'label: dos\nlabel-id: %s\nstart=%d, type=83, bootable\n' "$DISK_ID" "$((START_KIB * 2))" |
		sfdisk -q "$disk" || die "sfdisk failed"
	# No journal: all guests share it, and none writes to it.
	E2FSPROGS_FAKE_TIME=1 mke2fs -q -F -t ext4 -b 1024 -I 256 -N 64 -m 0 -U "$UUID" -L acrun \
		-O '^has_journal,^resize_inode,^64bit,^metadata_csum,^huge_file' \
		-E "offset=$((START_KIB * 1024)),hash_seed=$UUID,lazy_itable_init=0,nodiscard,root_owner=0:0" \
		"$disk" "${kib}K" || die "mke2fs failed"
	fill_commands >"$disk.commands"
	run_debugfs "$disk" "$disk.commands"
	# the one time that cannot be set: it is that of the write itself
	dd if=/dev/zero of="$disk" bs=1 count=4 seek="$((START_KIB * 1024 + WTIME_AT))" conv=notrunc \
		status=none || die "cannot write '$disk'"
}

main()
{
	local new

	parse_options "$@"
	need_tools mke2fs:e2fsprogs debugfs:e2fsprogs sfdisk:fdisk truncate:coreutils readelf:binutils
	check_agent "$AGENT"
	new=$OUT.new.$$
	# shellcheck disable=SC2064  # the value of now
	trap "rm -f -- '$new' '$new.commands'" EXIT
	make_disk "$new"
	chmod 0644 "$new"
	mv -f -- "$new" "$OUT"
	say "disk $(($(stat -c %s -- "$OUT") / 1024)) KiB in $OUT"
}

main "$@"
