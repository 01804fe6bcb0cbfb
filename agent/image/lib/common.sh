# shellcheck shell=bash
# What the other parts of the image build share: messages, tools, hashes.

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

say()
{
	printf 'image: %s\n' "$*"
}

# need_tools TOOL:PACKAGE... - stops with one line for each tool that is not there.
need_tools()
{
	local pair missing=0

	for pair; do
		if ! command -v "${pair%%:*}" >/dev/null; then
			printf "%s: '%s' is missing, install the Debian package '%s'\n" \
				"${0##*/}" "${pair%%:*}" "${pair##*:}" >&2
			missing=1
		fi
	done
	[ "$missing" = 0 ] || exit 1
}

# hash_files FILE... - one hash over the bytes of the files, in the order given.
hash_files()
{
	local sums

	sums=$(sha256sum -- "$@") || die "cannot read one of: $*"
	printf '%s\n' "$sums" | cut -d' ' -f1 | sha256sum | cut -d' ' -f1
}

# put_file SOURCE DEST - replaces DEST at once, so that a VM which starts meanwhile sees old or new.
put_file()
{
	cp --reflink=auto -- "$1" "$2.new.$$" || die "cannot write '$2'"
	chmod 0644 "$2.new.$$"
	mv -f -- "$2.new.$$" "$2"
}
