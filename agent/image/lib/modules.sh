# shellcheck shell=bash
# Which modules go into the initrd, in which order they load, and their bytes.

# resolve_modules MODULES_DEP LIST - prints "NAME PATH DEP..." for each module of LIST and for each
# module below it, a module behind all that it needs. Deps are complete and in load order.
resolve_modules()
{
	LC_ALL=C awk -v list="$2" '
	function name_of(path) {
		sub(/^.*\//, "", path)
		sub(/\.ko(\..*)?$/, "", path)
		gsub(/-/, "_", path)
		return path
	}
	function visit(name, parts, n, i, d, all) {
		if (name in done)
			return
		if (!(name in path)) {
			printf "build.sh: no module \047%s\047 in this kernel\n", name > "/dev/stderr"
			failed = 1
			exit 1
		}
		done[name] = 1
		n = split(extra[name] " " needs[name], parts, " ")
		all = ""
		for (i = 1; i <= n; i++) {
			visit(parts[i])
			all = merge(merge(all, closure[parts[i]]), parts[i])
		}
		closure[name] = all
		print name, path[name] all
	}
	function merge(all, more, parts, n, i) {
		n = split(more, parts, " ")
		for (i = 1; i <= n; i++)
			if (index(all " ", " " parts[i] " ") == 0)
				all = all " " parts[i]
		return all
	}
	FILENAME != list {
		file = $1
		sub(/:$/, "", file)
		n = name_of(file)
		path[n] = file
		needs[n] = ""
		# modules.dep names the deepest last
		for (i = NF; i > 1; i--)
			needs[n] = needs[n] " " name_of($i)
		next
	}
	/^[ \t]*(#|$)/ { next }
	{
		wanted[++count] = $1
		for (i = 2; i <= NF; i++)
			extra[$1] = extra[$1] " " $i
	}
	END {
		if (!failed)
			for (i = 1; i <= count; i++)
				visit(wanted[i])
		exit failed
	}' "$1" "$2"
}

# install_modules TREE DEST - from the unpacked module TREE into DEST: the .ko files side by side
# without debug and type data, and the lists that the agent reads.
install_modules()
{
	local tree=$1 dest=$2 kind name path rest
	local -A placed=()

	for kind in early late ondemand; do
		resolve_modules "$tree/modules.dep" "$HERE/modules.$kind" >"$dest/$kind.resolved" ||
			die "'modules.$kind' does not fit this kernel"
		while read -r name path rest; do
			[ -z "${placed[$name]:-}" ] || continue
			placed[$name]=1
			# A stripped module has no signature any more; Debian's kernel takes it, and
			# checking one costs more than loading the module.
			objcopy --strip-debug --remove-section=.BTF --remove-section=.comment \
				-- "$tree/$path" "$dest/$name.ko" || die "cannot strip module '$name'"
			chmod 0644 "$dest/$name.ko"
			printf '%s:%s\n' "$name" "${rest:+ $rest}" >>"$dest/deps"
			printf '%s\n' "$name" >>"$dest/$kind.list"
		done <"$dest/$kind.resolved"
	done
	rm -f -- "$dest"/*.resolved "$dest/ondemand.list"
	write_aliases "$tree/modules.alias" "$dest"
}

# write_aliases MODULES_ALIAS DEST - the names under which the kernel itself asks for one of our
# modules ("fs-ext4", "rtnl-link-veth"). Device patterns are left out: devices are known beforehand.
write_aliases()
{
	awk -v deps="$2/deps" '
	FILENAME == deps { sub(/:$/, "", $1); ours[$1] = 1; next }
	$1 == "alias" && NF == 3 && ($3 in ours) && $2 !~ /[:*?\[]/ { print $2, $3 }
	' "$2/deps" "$1" | LC_ALL=C sort -u >"$2/aliases"
}
