# shellcheck shell=bash
# Debian's kernel package: find it, unpack it, get the bare kernel out of its bzImage.

# newest_deb DIR - the newest generic kernel package in DIR, nothing if there is none.
newest_deb()
{
	find "$1" -maxdepth 1 -name 'linux-image-[0-9]*-amd64_*_amd64.deb' \
		! -name '*-cloud-*' ! -name '*-rt-*' ! -name '*-dbg_*' ! -name '*-unsigned_*' |
		sort -V | tail -n 1
}

# newest_source DIR NAME - the newest package NAME of kernel source in DIR, nothing if there is none.
newest_source()
{
	find "$1" -maxdepth 1 -name "$2_*_all.deb" | sort -V | tail -n 1
}

# download_deb DIR - fetches the package that linux-image-amd64 stands for.
download_deb()
{
	local name hint="run 'apt-get update' first, or put the package of a Debian kernel into '$1'"

	need_tools apt-cache:apt apt-get:apt
	name=$(apt-cache depends --no-recommends --no-suggests linux-image-amd64 2>/dev/null |
		awk '$1 == "Depends:" && $2 ~ /^linux-image-[0-9].*-amd64$/ { print $2; exit }') || name=
	[ -n "$name" ] || die "apt knows no kernel package behind 'linux-image-amd64'; $hint"
	say "downloading $name" >&2
	(cd "$1" && apt-get -q -o APT::Sandbox::User=root download "$name") >&2 ||
		die "cannot download '$name'; $hint"
}

# number FILE OFFSET BYTES - a little-endian number in a file.
number()
{
	od -An -v -t "u$3" -j "$2" -N "$3" -- "$1" | tr -d ' '
}

# unpack_with FILE MAGIC - the decompressor for data that begins with MAGIC (hex), as words.
unpack_with()
{
	case $1 in
	fd377a585a00*) need_tools xz:xz-utils && echo xz -dc ;;
	02214c18*) need_tools lz4:lz4 && echo lz4 -dc ;;
	28b52ffd*) need_tools zstd:zstd && echo zstd -dcq ;;
	1f8b*) need_tools gzip:gzip && echo gzip -dc ;;
	*) die "the kernel's compression is not known, its data begin with $1" ;;
	esac
}

# extract_vmlinux BZIMAGE DEST - by the offsets of the boot protocol's header (2.08 and later).
extract_vmlinux()
{
	local image=$1 dest=$2 sects offset len start magic tool want got trailer=4

	[ "$(od -An -v -t x1 -j 514 -N 4 -- "$image" | tr -d ' ')" = 48647253 ] ||
		die "'$image' is no bzImage"
	[ "$(number "$image" 518 2)" -ge $((0x0208)) ] ||
		die "'$image' is too old: its header does not tell where the kernel is"
	sects=$(number "$image" 497 1)
	[ "$sects" -gt 0 ] || sects=4
	offset=$(number "$image" 584 4)
	len=$(number "$image" 588 4)
	start=$(((sects + 1) * 512 + offset))
	[ "$((start + len))" -le "$(stat -c %s -- "$image")" ] || die "'$image' is cut short"
	magic=$(od -An -v -t x1 -j "$start" -N 6 -- "$image" | tr -d ' ')
	tool=$(unpack_with "$magic") || exit 1
	# The length of the result follows the data; in gzip's format it is part of them.
	want=$(number "$image" $((start + len - 4)) 4)
	[ "${tool%% *}" != gzip ] || trailer=0
	# shellcheck disable=SC2086  # words on purpose
	(set +o pipefail; tail -c +$((start + 1)) -- "$image" | head -c $((len - trailer)) | $tool) >"$dest" ||
		die "cannot unpack the kernel in '$image'"
	got=$(stat -c %s -- "$dest")
	[ "$got" = "$want" ] || die "the kernel in '$image' has $got bytes, not $want"
}

# check_pvh VMLINUX - QEMU enters an ELF kernel by its Xen note 18 (PHYS32_ENTRY) only.
check_pvh()
{
	local notes

	[ "$(od -An -v -t x1 -N 4 -- "$1" | tr -d ' ')" = 7f454c46 ] || die "'$1' is no ELF file"
	objcopy -O binary -j .notes -- "$1" "$1.notes" || die "'$1' has no notes to read"
	notes=$(od -An -v -t x1 -- "$1.notes" | tr -d ' \n')
	rm -f -- "$1.notes"
	# name size 4, entry of 4 or 8 bytes, type 0x12, "Xen"
	[[ $notes =~ 040000000[48]0000001200000058656e00 ]] ||
		die "the kernel was built without CONFIG_PVH: QEMU cannot start it directly"
}

# shrink_vmlinux VMLINUX - drops what the start does not read: symbols and debug data, the table of
# relocations behind the file, and early scratch space (all zeroes, used by encrypted guests alone)
# which makes 21 MB of reserved memory stand in the file.
shrink_vmlinux()
{
	objcopy --strip-all --remove-section=.init.scratch -- "$1" "$1.small" || die "cannot strip '$1'"
	mv -f -- "$1.small" "$1"
}
