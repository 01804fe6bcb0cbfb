#!/bin/bash
# Builds what boots in the VM: Debian's packaged kernel and an initrd that holds the agent and the
# modules it needs. See usage() below; README.md tells what is made and why it is made so.
set -euo pipefail
export LC_ALL=C
umask 022

HERE=$(cd -- "${BASH_SOURCE[0]%/*}" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$HERE/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/kernel.sh
. "$HERE/lib/kernel.sh"
# shellcheck source-path=SCRIPTDIR source=lib/modules.sh
. "$HERE/lib/modules.sh"
# shellcheck source-path=SCRIPTDIR source=lib/initrd.sh
. "$HERE/lib/initrd.sh"

usage()
{
	cat <<-'EOF'
	usage: build.sh --out DIR --agent FILE [--kernel-deb FILE] [--cache DIR] [--mkcpio FILE]

	  --out DIR          where vmlinux, bzImage, initrd.cpio, initrd-small.cpio, kernel.release
	                     and guest.json go
	  --agent FILE       the static program that becomes /init
	  --kernel-deb FILE  a Debian kernel package; else the newest one in the cache, else the one
	                     that linux-image-amd64 depends on, downloaded by apt-get into the cache
	  --cache DIR        packages and unpacked kernels (default: DIR of --out, then /cache)
	  --mkcpio FILE      an archive writer that is compiled already
	EOF
}

parse_options()
{
	OUT='' AGENT='' DEB='' CACHE='' MKCPIO=''
	while [ $# -gt 0 ]; do
		case $1 in
		--out | --agent | --kernel-deb | --cache | --mkcpio)
			[ $# -ge 2 ] || die "'$1' needs a value" ;;
		-h | --help) usage; exit 0 ;;
		*) die "unknown argument '$1', see --help" ;;
		esac
		case $1 in
		--out) OUT=$2 ;;
		--agent) AGENT=$2 ;;
		--kernel-deb) DEB=$2 ;;
		--cache) CACHE=$2 ;;
		--mkcpio) MKCPIO=$2 ;;
		esac
		shift 2
	done
	[ -n "$OUT" ] || die "--out is missing, see --help"
	[ -n "$AGENT" ] || die "--agent is missing, see --help"
	CACHE=${CACHE:-$OUT/cache}
}

# find_deb - sets DEB to the kernel package that is used.
find_deb()
{
	if [ -n "$DEB" ]; then
		[ -f "$DEB" ] || die "no kernel package at '$DEB'"
		return
	fi
	DEB=$(newest_deb "$CACHE")
	[ -z "$DEB" ] || return 0
	download_deb "$CACHE"
	DEB=$(newest_deb "$CACHE")
	[ -n "$DEB" ] || die "apt-get left no kernel package in '$CACHE'"
}

# write_package_facts DEST - what the manifest says of the kernel.
write_package_facts()
{
	# shellcheck disable=SC2016  # dpkg's own names
	dpkg-deb -W --showformat='${Package}\n${Version}\n' "$DEB" >"$1/package" ||
		die "'$DEB' is no Debian package"
}

# prepare_kernel DEST - unpacks DEB and leaves in DEST: vmlinux, bzImage, kernel.release, modules/.
prepare_kernel()
{
	local dest=$1 tree release

	tree=$dest/tree
	mkdir -p -- "$tree" "$dest/modules"
	write_package_facts "$dest"
	dpkg-deb -x "$DEB" "$tree" || die "cannot unpack '$DEB'"
	release=$(cd "$tree/boot" 2>/dev/null && ls -d vmlinuz-* 2>/dev/null) ||
		die "'$DEB' holds no kernel"
	release=${release#vmlinuz-}
	[ -d "$tree/lib/modules/$release" ] || die "'$DEB' holds no modules for '$release'"
	# Debian makes modules.dep at installation
	PATH=$PATH:/sbin:/usr/sbin depmod -b "$tree" "$release" || die "depmod failed for '$release'"
	mv -- "$tree/boot/vmlinuz-$release" "$dest/bzImage"
	extract_vmlinux "$dest/bzImage" "$dest/vmlinux"
	shrink_vmlinux "$dest/vmlinux"
	check_pvh "$dest/vmlinux"
	install_modules "$tree/lib/modules/$release" "$dest/modules"
	printf '%s\n' "$release" >"$dest/kernel.release"
	(cd "$dest" && sha256sum vmlinux bzImage kernel.release) >"$dest/sums"
	rm -rf -- "$tree"
}

# cached_kernel - prints the directory with the prepared kernel, made now if its inputs are new.
cached_kernel()
{
	local key dir work

	key=$(hash_files "$DEB" "$HERE/build.sh" "$HERE/lib/common.sh" "$HERE/lib/kernel.sh" \
		"$HERE/lib/modules.sh" "$HERE"/modules.{early,late,ondemand})
	dir=$CACHE/kernel-${key:0:16}
	if [ ! -d "$dir" ]; then
		need_tools dpkg-deb:dpkg objcopy:binutils readelf:binutils awk:mawk od:coreutils
		PATH=$PATH:/sbin:/usr/sbin need_tools depmod:kmod
		say "preparing the kernel of ${DEB##*/}" >&2
		work=$(mktemp -d "$CACHE/.kernel.XXXXXXXX") || die "cannot write to '$CACHE'"
		# shellcheck disable=SC2064  # the value of now
		trap "rm -rf -- '$work'" EXIT
		chmod 0755 "$work"
		prepare_kernel "$work"
		# Another build may have been faster: then its result stands, and it is the same.
		mv -T -- "$work" "$dir" 2>/dev/null || [ -d "$dir" ] || die "cannot make '$dir'"
	fi
	printf '%s\n' "$dir"
}

# json_list - the lines of stdin as the elements of a JSON array of strings
json_list()
{
	awk '{ printf "%s\"%s\"", (NR > 1 ? ", " : ""), $1 }'
}

# write_manifest KERNEL_DIR DEST
write_manifest()
{
	local kernel=$1 package version

	{ read -r package && read -r version; } <"$kernel/package"
	cat <<-EOF >"$2.new.$$"
	{
	  "kernel": {
	    "package": "$package",
	    "version": "$version",
	    "release": "$(<"$kernel/kernel.release")",
	    "key": "${kernel##*/}"
	  },
	  "modules": {
	    "early": [$(json_list <"$kernel/modules/early.list")],
	    "late": [$(json_list <"$kernel/modules/late.list")],
	    "all": [$(sed 's/:.*//' "$kernel/modules/deps" | json_list)]
	  },
	  "sha256": {
	$(awk '{ printf "    \"%s\": \"%s\",\n", $2, $1 }' "$kernel/sums")
	    "initrd.cpio": "$(sha256sum <"$OUT/initrd.cpio" | cut -d' ' -f1)",
	    "initrd-small.cpio": "$(sha256sum <"$OUT/initrd-small.cpio" | cut -d' ' -f1)"
	  }
	}
	EOF
	mv -f -- "$2.new.$$" "$2"
}

main()
{
	local kernel file

	parse_options "$@"
	need_tools sha256sum:coreutils sort:coreutils find:findutils sed:sed awk:mawk readelf:binutils
	mkdir -p -- "$OUT" "$CACHE" || die "cannot make '$OUT' and '$CACHE'"
	check_agent "$AGENT"
	find_deb
	kernel=$(cached_kernel)
	[ -n "$MKCPIO" ] || MKCPIO=$(build_mkcpio "$CACHE")
	make_initrd "$MKCPIO" "$AGENT" "$kernel/modules" "$OUT/initrd.cpio"
	# for a kernel without modules, whether or not there is one: it never lags behind the agent
	make_initrd "$MKCPIO" "$AGENT" '' "$OUT/initrd-small.cpio"
	if ! grep -qs "\"key\": \"${kernel##*/}\"" "$OUT/guest.json" ||
		[ ! -f "$OUT/vmlinux" ] || [ ! -f "$OUT/bzImage" ] || [ ! -f "$OUT/kernel.release" ]; then
		for file in vmlinux bzImage kernel.release; do
			put_file "$kernel/$file" "$OUT/$file"
		done
	fi
	write_manifest "$kernel" "$OUT/guest.json"
	say "kernel $(<"$OUT/kernel.release"), initrd $(($(stat -c %s "$OUT/initrd.cpio") / 1024)) KiB in $OUT"
}

main "$@"
