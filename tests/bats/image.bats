#!/usr/bin/env bats
# The image build: what boots in the VM is made of Debian's packages, the same bytes each time.
#
# ACRUN_CACHE_DIR names a cache that holds the kernel package (the build's own, by default); without
# a package there, apt-get has to be able to fetch it.

bats_require_minimum_version 1.5.0

setup_file() {
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	export root build="$root/agent/image/build.sh"
	export cache=${ACRUN_CACHE_DIR:-$root/.cache}
	export agent=$BATS_FILE_TMPDIR/agent
	mkdir -p "$cache"
	printf 'int main(void) { return 0; }\n' >"$agent.c"
	"${CC:-cc}" -static -o "$agent" "$agent.c"
	export out=$BATS_FILE_TMPDIR/out
	"$build" --out "$out" --agent "$agent" --cache "$cache" >&2
}

# A directory of links to all programs in PATH but the named ones.
path_without() {
	local dir=$BATS_TEST_TMPDIR/bin name from
	local -a dirs

	mkdir -p "$dir"
	IFS=: read -ra dirs <<<"$PATH:/usr/sbin:/sbin"
	for from in "${dirs[@]}"; do
		[ ! -d "$from" ] || find "$from/" -maxdepth 1 ! -type d \
			-exec ln -st "$dir" {} + 2>/dev/null || true
	done
	for name; do
		rm -f "$dir/$name"
	done
	echo "$dir"
}

# The package that the shared cache holds, in a cache of its own.
private_cache() {
	mkdir -p "$BATS_TEST_TMPDIR/cache"
	find "$cache" -maxdepth 1 -name 'linux-image-*.deb' -exec ln -st "$BATS_TEST_TMPDIR/cache" {} +
	echo "$BATS_TEST_TMPDIR/cache"
}

@test "two builds in different directories give the same initrd" {
	local other=$BATS_TEST_TMPDIR/a/longer/path copy=$BATS_TEST_TMPDIR/copy

	cp "$agent" "$copy"
	touch -d '2001-02-03' "$copy"
	"$build" --out "$other" --agent "$copy" --cache "$(private_cache)"
	for file in initrd.cpio initrd-small.cpio vmlinux bzImage kernel.release guest.json; do
		cmp "$out/$file" "$other/$file"
	done
}

@test "a changed agent changes the initrd, in less than a second" {
	local start took best=999999999

	cp "$agent" "$BATS_TEST_TMPDIR/agent"
	"$build" --out "$BATS_TEST_TMPDIR/out" --agent "$agent" --cache "$cache"
	for _ in 1 2 3; do
		printf x >>"$BATS_TEST_TMPDIR/agent"
		start=${EPOCHREALTIME/[.,]/}
		"$build" --out "$BATS_TEST_TMPDIR/out" --agent "$BATS_TEST_TMPDIR/agent" --cache "$cache"
		took=$((${EPOCHREALTIME/[.,]/} - start))
		[ "$took" -ge "$best" ] || best=$took
	done
	run ! cmp -s "$out/initrd.cpio" "$BATS_TEST_TMPDIR/out/initrd.cpio"
	cmp "$out/vmlinux" "$BATS_TEST_TMPDIR/out/vmlinux"
	echo "best of three: $best us"
	[ "$best" -lt 1000000 ]
}

@test "the initrd holds init, the console, mount points and modules, all of root at time 0" {
	run cpio -itv --numeric-uid-gid --quiet <"$out/initrd.cpio"
	[ "$status" -eq 0 ]
	grep -Eq '^-rwxr-xr-x +1 0 +0 .* 1970 init$' <<<"$output"
	grep -Eq '^crw------- .* 5, +1 .* dev/console$' <<<"$output"
	grep -Eq '^drwxrwxrwt .* tmp$' <<<"$output"
	for dir in dev proc run sys newroot; do
		grep -Eq "^drwxr-xr-x .* $dir\$" <<<"$output"
	done
	grep -q ' lib/modules/virtio_console.ko$' <<<"$output"
	run ! grep -vE ' 0 +0 .* 1970 ' <<<"$output"
	cpio -i --quiet --to-stdout init <"$out/initrd.cpio" | cmp - "$agent"
}

@test "module lists are closed: what a module needs comes before it and is there" {
	cd "$BATS_TEST_TMPDIR"
	cpio -id --quiet 'lib/modules/*' <"$out/initrd.cpio"
	cd lib/modules
	[ "$(tail -n 1 early.list)" = virtio_console ]
	grep -qx 9pnet_virtio late.list
	grep -qx overlay late.list
	local -A loaded=() known=()
	local name dep deps
	while IFS=: read -r name deps; do
		[ -f "$name.ko" ]
		for dep in $deps; do
			[ -n "${known[$dep]:-}" ]
		done
		known[$name]=1
	done <deps
	[ "${#known[@]}" -eq "$(find . -name '*.ko' | wc -l)" ]
	while read -r name; do
		deps=$(sed -n "s/^$name://p" deps)
		for dep in $deps; do
			[ -n "${loaded[$dep]:-}" ]
		done
		loaded[$name]=1
	done < <(cat early.list late.list)
	grep -qx 'libcrc32c: crc32c_generic' deps
	grep -qx 'fs-ext4 ext4' aliases
}

@test "the kernel is an ELF file that QEMU can enter, and no bigger than its code and data" {
	run readelf -hlW "$out/vmlinux"
	[ "$status" -eq 0 ]
	grep -q 'Type: *EXEC' <<<"$output"
	[ "$(od -An -t x1 -j 514 -N 4 "$out/bzImage" | tr -d ' ')" = 48647253 ]
	[ "$(stat -c %s "$out/vmlinux")" -lt 50000000 ]
	objcopy -O binary -j .notes "$out/vmlinux" "$BATS_TEST_TMPDIR/notes"
	od -An -v -t x1 "$BATS_TEST_TMPDIR/notes" | tr -d ' \n' |
		grep -q '040000000[48]0000001200000058656e00'
	[ "$(strings -n 20 "$out/vmlinux" | grep -cF "Linux version $(cat "$out/kernel.release")")" -ge 1 ]
}

@test "the manifest's hashes are those of the files" {
	for file in vmlinux bzImage initrd.cpio initrd-small.cpio kernel.release; do
		sum=$(sha256sum <"$out/$file")
		grep -qF "\"$file\": \"${sum%% *}\"" "$out/guest.json"
	done
	grep -qF "\"release\": \"$(cat "$out/kernel.release")\"" "$out/guest.json"
}

@test "a missing tool is named with its Debian package" {
	bin=$(path_without xz)
	run env PATH="$bin" "$build" --out "$BATS_TEST_TMPDIR/out" --agent "$agent" --cache "$(private_cache)"
	[ "$status" -eq 1 ]
	grep -qx "build.sh: 'xz' is missing, install the Debian package 'xz-utils'" <<<"$output"

	bin=$(path_without depmod objcopy)
	run env PATH="$bin" "$build" --out "$BATS_TEST_TMPDIR/out" --agent "$agent" --cache "$(private_cache)"
	[ "$status" -eq 1 ]
	grep -qx "build.sh: 'objcopy' is missing, install the Debian package 'binutils'" <<<"$output"
}

@test "no package in the cache and none from apt: the message says what to do" {
	bin=$(path_without apt-get apt-cache)
	printf '#!/bin/sh\nexit 100\n' >"$BATS_TEST_TMPDIR/fail"
	chmod +x "$BATS_TEST_TMPDIR/fail"
	cp "$BATS_TEST_TMPDIR/fail" "$bin/apt-get"
	cp "$BATS_TEST_TMPDIR/fail" "$bin/apt-cache"
	run env PATH="$bin" "$build" --out "$BATS_TEST_TMPDIR/out" --agent "$agent" --cache "$BATS_TEST_TMPDIR/empty"
	[ "$status" -eq 1 ]
	[[ $output == *"run 'apt-get update' first"* ]]
}

@test "a package in the cache is used without apt" {
	bin=$(path_without apt-get apt-cache)
	run env PATH="$bin" "$build" --out "$BATS_TEST_TMPDIR/out" --agent "$agent" --cache "$cache"
	[ "$status" -eq 0 ]
	cmp "$out/initrd.cpio" "$BATS_TEST_TMPDIR/out/initrd.cpio"
}

@test "an agent that is linked dynamically is refused" {
	"${CC:-cc}" -o "$BATS_TEST_TMPDIR/dynamic" "$agent.c"
	run "$build" --out "$BATS_TEST_TMPDIR/out" --agent "$BATS_TEST_TMPDIR/dynamic" --cache "$cache"
	[ "$status" -eq 1 ]
	[[ $output == *"is linked dynamically"* ]]
	[ ! -e "$BATS_TEST_TMPDIR/out/initrd.cpio" ]
}

@test "a damaged kernel image is refused" {
	mkdir -p "$BATS_TEST_TMPDIR/image"
	head -c 4000000 "$out/bzImage" >"$BATS_TEST_TMPDIR/image/bzImage"
	run bash -c 'set -euo pipefail; . "$1/agent/image/lib/common.sh"; . "$1/agent/image/lib/kernel.sh"
		extract_vmlinux "$2/bzImage" "$2/vmlinux"' - "$root" "$BATS_TEST_TMPDIR/image"
	[ "$status" -eq 1 ]
	[[ $output == *"is cut short"* ]]
	run bash -c 'set -euo pipefail; . "$1/agent/image/lib/common.sh"; . "$1/agent/image/lib/kernel.sh"
		extract_vmlinux "$2" "$3/vmlinux"' - "$root" "$agent" "$BATS_TEST_TMPDIR/image"
	[ "$status" -eq 1 ]
	[[ $output == *"is no bzImage"* ]]
}

# A package of kernel source whose make knows the symbols CONFIG_KNOWN* and counts how often it
# compiles: $1 is its directory, the rest are lines that vmlinux's recipe runs first.
fake_source() {
	local dir=$1 tree=$1/linux-source-6.1

	shift
	mkdir -p "$tree" "$dir/deb/DEBIAN" "$dir/deb/usr/src"
	{
		printf '%s\n' 'allnoconfig:' $'\tgrep "CONFIG_KNOWN" $(KCONFIG_ALLCONFIG) >.config' \
			'kernelrelease:' $'\t@echo 6.1.0-fake' 'bzImage:' $'\tmkdir -p arch/x86/boot' \
			$'\techo "$(KBUILD_BUILD_USER) $(KBUILD_BUILD_TIMESTAMP)" >arch/x86/boot/bzImage' 'vmlinux:'
		printf '\t%s\n' "$@" "echo compiled >>$dir/count" "cp $out/vmlinux vmlinux" "touch System.map"
	} >"$tree/Makefile"
	touch -d '2020-02-03 04:05:06 UTC' "$tree/Makefile"
	tar -C "$dir" -cJf "$dir/deb/usr/src/linux-source-6.1.tar.xz" linux-source-6.1
	printf 'Package: linux-source-6.1\nVersion: 1\nArchitecture: all\nMaintainer: none <n@example.org>\nDescription: fake\n' \
		>"$dir/deb/DEBIAN/control"
	dpkg-deb -b "$dir/deb" "$dir/linux-source-6.1_1_all.deb" >&2
	printf '# remark\nCONFIG_KNOWN=y\n' >"$dir/config"
}

# The fake source needs none of the kernel's own tools, only that they are found.
pretend_kernel_tools() {
	local tool

	mkdir -p "$BATS_TEST_TMPDIR/tools"
	for tool in flex bison bc lz4; do
		printf '#!/bin/sh\nexit 1\n' >"$BATS_TEST_TMPDIR/tools/$tool"
		chmod +x "$BATS_TEST_TMPDIR/tools/$tool"
	done
	: >"$BATS_TEST_TMPDIR/tools/gelf.h"
	export PATH=$BATS_TEST_TMPDIR/tools:$PATH C_INCLUDE_PATH=$BATS_TEST_TMPDIR/tools
}

@test "initrd-small holds what initrd holds, but no modules" {
	diff <(cpio -it --quiet <"$out/initrd.cpio" | grep -v '^lib/modules/') \
		<(cpio -it --quiet <"$out/initrd-small.cpio")
	cpio -it --quiet <"$out/initrd.cpio" | grep -q '^lib/modules/'
	cpio -i --quiet --to-stdout init <"$out/initrd-small.cpio" | cmp - "$agent"
}

@test "kernel.sh: wrong arguments are named" {
	check() { # MESSAGE ARGUMENT...
		run env -u XDG_CACHE_HOME HOME="$BATS_TEST_TMPDIR" "$root/agent/image/kernel.sh" "${@:2}"
		[ "$status" -eq 1 ]
		[ "$output" = "kernel.sh: $1" ]
	}
	check "--out is missing, see --help"
	check "unknown argument '--ouch', see --help" --ouch
	check "'--jobs' needs a value" --out "$BATS_TEST_TMPDIR/out" --jobs
	check "--jobs is '0', it must be a number from 1" --out "$BATS_TEST_TMPDIR/out" --jobs 0
	check "no list of symbols at '/nowhere'" --check --config /nowhere
	[ ! -e "$BATS_TEST_TMPDIR/out" ]
	run env -u XDG_CACHE_HOME -u HOME "$root/agent/image/kernel.sh" --check
	[ "$status" -eq 1 ]
	[ "$output" = "kernel.sh: --cache is missing, and HOME is not set" ]
}

@test "kernel.sh: all missing tools are named with their Debian packages" {
	bin=$(path_without flex bison)
	run env PATH="$bin" "$root/agent/image/kernel.sh" --check --cache "$BATS_TEST_TMPDIR/cache"
	[ "$status" -eq 1 ]
	grep -qx "kernel.sh: 'flex' is missing, install the Debian package 'flex'" <<<"$output"
	grep -qx "kernel.sh: 'bison' is missing, install the Debian package 'bison'" <<<"$output"
	[ ! -e "$BATS_TEST_TMPDIR/cache" ]
}

@test "kernel.sh: a missing header is named with its Debian package" {
	bin=$(path_without gcc flex bison bc lz4)
	for tool in gcc flex bison bc lz4; do
		printf '#!/bin/sh\nexit 1\n' >"$bin/$tool"
		chmod +x "$bin/$tool"
	done
	run env PATH="$bin" "$root/agent/image/kernel.sh" --check --cache "$BATS_TEST_TMPDIR/cache"
	[ "$status" -eq 1 ]
	[ "$output" = "kernel.sh: header 'gelf.h' is missing, install the Debian package 'libelf-dev'" ]
}

@test "kernel.sh: symbols that did not take effect are errors that name them" {
	pretend_kernel_tools
	fake_source "$BATS_TEST_TMPDIR"
	printf 'CONFIG_KNOWN=y\nCONFIG_LOST=y\n# CONFIG_OFF is not set\n' >"$BATS_TEST_TMPDIR/config"
	run "$root/agent/image/kernel.sh" --out "$BATS_TEST_TMPDIR/out" --cache "$BATS_TEST_TMPDIR" --config "$BATS_TEST_TMPDIR/config"
	[ "$status" -eq 1 ]
	grep -q "^kernel.sh: 'CONFIG_LOST=y' did not take effect" <<<"$output"
	grep -q "^kernel.sh: '# CONFIG_OFF is not set' did not take effect" <<<"$output"
	run ! grep -q CONFIG_KNOWN <<<"$output"
	[ ! -e "$BATS_TEST_TMPDIR/count" ]
	printf 'CONFIG_KNOWN\n' >"$BATS_TEST_TMPDIR/config"
	run "$root/agent/image/kernel.sh" --check --cache "$BATS_TEST_TMPDIR" --config "$BATS_TEST_TMPDIR/config"
	[ "$status" -eq 1 ]
	[[ $output == *"has the line 'CONFIG_KNOWN', it must be CONFIG_NAME=value"* ]]
	[ -z "$(find "$BATS_TEST_TMPDIR" -maxdepth 1 -name '.small.????????')" ]
}

@test "kernel.sh: what is built once is kept, until the source or a symbol changes" {
	pretend_kernel_tools
	fake_source "$BATS_TEST_TMPDIR"
	build_fake() {
		"$root/agent/image/kernel.sh" --out "$BATS_TEST_TMPDIR/out$1" --cache "$BATS_TEST_TMPDIR" \
			--config "$BATS_TEST_TMPDIR/config"
	}
	build_fake 1
	printf '# another remark\nCONFIG_KNOWN=y\n' >"$BATS_TEST_TMPDIR/config"
	TZ=Asia/Tokyo KBUILD_BUILD_USER=somebody build_fake 2
	[ "$(wc -l <"$BATS_TEST_TMPDIR/count")" -eq 1 ]
	for file in vmlinux-small bzImage-small kernel-small.json; do
		cmp "$BATS_TEST_TMPDIR/out1/$file" "$BATS_TEST_TMPDIR/out2/$file"
	done
	grep -qx 'acrun Mon Feb *3 04:05:06 .*UTC.*' "$BATS_TEST_TMPDIR/out1/bzImage-small"
	sum=$(sha256sum <"$BATS_TEST_TMPDIR/out1/vmlinux-small")
	grep -qF "\"vmlinux-small\": \"${sum%% *}\"" "$BATS_TEST_TMPDIR/out1/kernel-small.json"
	grep -qF '"release": "6.1.0-fake"' "$BATS_TEST_TMPDIR/out1/kernel-small.json"
	echo CONFIG_KNOWN_TOO=y >>"$BATS_TEST_TMPDIR/config"
	build_fake 3
	[ "$(wc -l <"$BATS_TEST_TMPDIR/count")" -eq 2 ]
}

@test "kernel.sh: a failed build shows its end, and leaves no kernel behind" {
	pretend_kernel_tools
	fake_source "$BATS_TEST_TMPDIR" 'echo the compiler is unhappy; false'
	run "$root/agent/image/kernel.sh" --out "$BATS_TEST_TMPDIR/out" --cache "$BATS_TEST_TMPDIR" --config "$BATS_TEST_TMPDIR/config"
	[ "$status" -eq 1 ]
	grep -q 'the compiler is unhappy' <<<"$output"
	grep -q "all of it is in '$BATS_TEST_TMPDIR/kernel-small.log'" <<<"$output"
	[ -s "$BATS_TEST_TMPDIR/kernel-small.log" ]
	[ -z "$(find "$BATS_TEST_TMPDIR" -maxdepth 1 -name 'kernel-small-*')" ]
	[ -z "$(find "$BATS_TEST_TMPDIR" -maxdepth 1 -name '.small.????????')" ]
	[ ! -e "$BATS_TEST_TMPDIR/out/vmlinux-small" ]
}
