#!/bin/bash
# Builds the small kernel: Debian's kernel source with the symbols of kernel.config and no modules.
# See usage() below; README.md tells what it is good for and how it was decided.
set -euo pipefail
export LC_ALL=C
umask 022

HERE=$(cd -- "${BASH_SOURCE[0]%/*}" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$HERE/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/kernel.sh
. "$HERE/lib/kernel.sh"

SOURCE=linux-source-6.1 # what kernel.config was written for

usage()
{
	cat <<-EOF
	usage: kernel.sh --out DIR [--source-deb FILE] [--config FILE] [--cache DIR] [--jobs N]
	       kernel.sh --check [--source-deb FILE] [--config FILE] [--cache DIR]

	  --out DIR          where vmlinux-small, bzImage-small and kernel-small.json go
	  --check            do not compile: tell only whether each symbol takes effect
	  --source-deb FILE  a Debian package of kernel source; else the newest $SOURCE in the
	                     cache, else downloaded by apt-get into the cache
	  --config FILE      the symbols (default: kernel.config beside this script)
	  --cache DIR        the source package and built kernels; 2.5 GB of room are needed while
	                     it builds (default: \$XDG_CACHE_HOME/acrun or ~/.cache/acrun)
	  --jobs N           compilers at a time (default: one a processor)
	EOF
}

parse_options()
{
	OUT='' DEB='' CONFIG=$HERE/kernel.config CACHE='' JOBS='' CHECK=''
	while [ $# -gt 0 ]; do
		case $1 in
		--out | --source-deb | --config | --cache | --jobs)
			[ $# -ge 2 ] || die "'$1' needs a value" ;;
		--check) CHECK=1; shift; continue ;;
		-h | --help) usage; exit 0 ;;
		*) die "unknown argument '$1', see --help" ;;
		esac
		case $1 in
		--out) OUT=$2 ;;
		--source-deb) DEB=$2 ;;
		--config) CONFIG=$2 ;;
		--cache) CACHE=$2 ;;
		--jobs) JOBS=$2 ;;
		esac
		shift 2
	done
	[ -n "$OUT$CHECK" ] || die "--out is missing, see --help"
	[ -f "$CONFIG" ] || die "no list of symbols at '$CONFIG'"
	JOBS=${JOBS:-$(nproc)}
	[[ $JOBS =~ ^[1-9][0-9]{0,3}$ ]] || die "--jobs is '$JOBS', it must be a number from 1"
	if [ -z "$CACHE" ]; then
		[ -n "${XDG_CACHE_HOME:-${HOME:-}}" ] || die "--cache is missing, and HOME is not set"
		CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/acrun
	fi
}

# need_headers HEADER:PACKAGE... - stops with one line for each header that does not compile.
need_headers()
{
	local pair missing=0

	for pair; do
		if ! echo "#include <${pair%%:*}>" | gcc -E -x c - >/dev/null 2>&1; then
			printf "%s: header '%s' is missing, install the Debian package '%s'\n" \
				"${0##*/}" "${pair%%:*}" "${pair##*:}" >&2
			missing=1
		fi
	done
	[ "$missing" = 0 ] || exit 1
}

need_build_tools()
{
	need_tools make:make gcc:gcc ld:binutils objcopy:binutils readelf:binutils flex:flex \
		bison:bison bc:bc perl:perl lz4:lz4 xz:xz-utils dpkg-deb:dpkg tar:tar awk:mawk
	need_headers gelf.h:libelf-dev
}

find_source()
{
	if [ -n "$DEB" ]; then
		[ -f "$DEB" ] || die "no package of kernel source at '$DEB'"
		return
	fi
	DEB=$(newest_source "$CACHE" "$SOURCE")
	[ -z "$DEB" ] || return 0
	need_tools apt-get:apt
	say "downloading $SOURCE, 140 MB" >&2
	(cd "$CACHE" && apt-get -q -o APT::Sandbox::User=root download "$SOURCE") >&2 ||
		die "cannot download '$SOURCE'; run 'apt-get update' first, or put the package into '$CACHE'"
	DEB=$(newest_source "$CACHE" "$SOURCE")
	[ -n "$DEB" ] || die "apt-get left no '$SOURCE' in '$CACHE'"
}

# unpack_source DEST
unpack_source()
{
	local tar

	mkdir -p -- "$1"
	tar=$(dpkg-deb --fsys-tarfile "$DEB" | tar -t | grep -m 1 '/linux-source-[0-9.]*\.tar\.xz$') ||
		die "'$DEB' holds no kernel source"
	dpkg-deb --fsys-tarfile "$DEB" | tar -xO "$tar" | xz -T0 -dc |
		tar -x -C "$1" --strip-components=1 || die "cannot unpack '$DEB'"
}

# kernel_make TREE ARGUMENT... - with nothing of the caller's environment, and the same names and
# time in the kernel whoever builds it whenever.
kernel_make()
{
	local tree=$1

	shift
	env -i PATH="$PATH" HOME=/ LC_ALL=C make -C "$tree" ARCH=x86_64 KBUILD_BUILD_VERSION=1 \
		KBUILD_BUILD_USER=acrun KBUILD_BUILD_HOST=acrun \
		KBUILD_BUILD_TIMESTAMP="$(date -u -d "@$(stat -c %Y "$tree/Makefile")")" "$@"
}

# configure TREE LOG - what does not stand in the list is off.
configure()
{
	cp -- "$CONFIG" "$1/small.config"
	kernel_make "$1" KCONFIG_ALLCONFIG=small.config allnoconfig >"$2" 2>&1 || build_failed "$2"
	check_symbols "$1/.config"
}

# check_symbols DOTCONFIG - kconfig drops without a word what it does not know and what lacks
# something: a kernel that boots without half its cgroups would be the result.
check_symbols()
{
	local line lost=0

	while IFS= read -r line; do
		case $line in
		'' | '# CONFIG_'*' is not set' | CONFIG_*=*) ;;
		'#'*) continue ;;
		*) die "'$CONFIG' has the line '$line', it must be CONFIG_NAME=value" ;;
		esac
		if [ -n "$line" ] && ! grep -qxF -- "$line" "$1"; then
			printf "%s: '%s' did not take effect: this kernel does not know it, or it needs another symbol\n" \
				"${0##*/}" "$line" >&2
			lost=1
		fi
	done <"$CONFIG"
	[ "$lost" = 0 ] || die "'$CONFIG' does not fit the source in '${DEB##*/}'"
}

build_failed()
{
	cp -- "$1" "$CACHE/kernel-small.log" 2>/dev/null || true
	tail -n 20 -- "$1" >&2
	die "the kernel cannot be built, see above; all of it is in '$CACHE/kernel-small.log'"
}

# compile TREE LOG
compile()
{
	kernel_make "$1" -s -j "$JOBS" vmlinux bzImage >"$2" 2>&1 || build_failed "$2"
}

# collect TREE DEST - the results, and what explains an address in a kernel's last words
collect()
{
	mv -- "$1/vmlinux" "$2/vmlinux-small"
	shrink_vmlinux "$2/vmlinux-small"
	check_pvh "$2/vmlinux-small"
	mv -- "$1/arch/x86/boot/bzImage" "$2/bzImage-small"
	mv -- "$1/System.map" "$2/System.map"
	mv -- "$1/.config" "$2/config"
	kernel_make "$1" -s kernelrelease >"$2/kernel.release" || die "the kernel has no name"
}

# write_manifest DEST KEY
write_manifest()
{
	cat <<-END >"$1/kernel-small.json"
	{
	  "source": "${DEB##*/}",
	  "release": "$(<"$1/kernel.release")",
	  "compiler": "$(gcc --version | head -n 1 | tr -d '"\\')",
	  "key": "$2",
	  "sha256": {
	    "vmlinux-small": "$(sha256sum <"$1/vmlinux-small" | cut -d' ' -f1)",
	    "bzImage-small": "$(sha256sum <"$1/bzImage-small" | cut -d' ' -f1)"
	  }
	}
	END
}

# cache_key - of all that shapes the kernel: source, symbols, tools, and the steps above. Remarks
# do not count, so that rewording one does not cost ten minutes.
cache_key()
{
	{
		hash_files "$DEB"
		sed -E '/^(#( |$)|$)/{/^# CONFIG_.* is not set$/!d}' "$CONFIG"
		gcc --version | head -n 1
		ld --version | head -n 1
		declare -f unpack_source kernel_make configure compile collect shrink_vmlinux
	} | sha256sum | cut -c1-16
}

# build_kernel KEY DEST - DEST appears when it is complete.
build_kernel()
{
	local work

	work=$(mktemp -d "$CACHE/.small.XXXXXXXX") || die "cannot write to '$CACHE'"
	# shellcheck disable=SC2064  # the value of now
	trap "rm -rf -- '$work'" EXIT
	say "building the small kernel from ${DEB##*/}: about ten minutes of two processors" >&2
	mkdir -- "$work/result"
	chmod 0755 "$work/result"
	unpack_source "$work/tree"
	configure "$work/tree" "$work/log"
	compile "$work/tree" "$work/log"
	collect "$work/tree" "$work/result"
	write_manifest "$work/result" "$1"
	mv -T -- "$work/result" "$2" || die "cannot make '$2'"
	rm -rf -- "$work"
}

check_only()
{
	local work

	work=$(mktemp -d "$CACHE/.small.XXXXXXXX") || die "cannot write to '$CACHE'"
	# shellcheck disable=SC2064  # the value of now
	trap "rm -rf -- '$work'" EXIT
	unpack_source "$work/tree"
	configure "$work/tree" "$work/log"
	say "each symbol of '$CONFIG' takes effect in ${DEB##*/}"
}

main()
{
	local key dir file lock

	parse_options "$@"
	need_build_tools
	mkdir -p -- "$CACHE" || die "cannot make '$CACHE'"
	CACHE=$(cd -- "$CACHE" && pwd)
	find_source
	if [ -n "$CHECK" ]; then
		check_only
		return
	fi
	mkdir -p -- "$OUT" || die "cannot make '$OUT'"
	key=$(cache_key)
	dir=$CACHE/kernel-small-$key
	exec {lock}>"$CACHE/.small.lock"
	flock "$lock" # the second of two builds of the same finds it made
	[ -d "$dir" ] || build_kernel "$key" "$dir"
	exec {lock}>&-
	for file in vmlinux-small bzImage-small kernel-small.json; do
		cmp -s "$dir/$file" "$OUT/$file" || put_file "$dir/$file" "$OUT/$file"
	done
	say "kernel $(<"$dir/kernel.release"), $(($(stat -c %s "$OUT/vmlinux-small") / 1024)) KiB in $OUT"
}

main "$@"
