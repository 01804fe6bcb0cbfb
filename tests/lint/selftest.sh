#!/bin/bash
# The checks find what they are there for: each must be clean on a good tree and fail on the same tree with one bad line.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
count=0
wrong=0

good_tree() {
	rm -rf "$tmp/t"
	mkdir -p "$tmp"/t/{base,oci,agent/proto,agent/guest,hypervisor/{qemu,acrn},runtime/{net,config},cmd/{acrun,acrun-shim},tests/unit,scripts}
	cd "$tmp/t"
	cp "$here/../../.clang-format" .
	printf '#ifndef B\n#define B\n\nint b(void);\n\n#endif\n' >base/b.h
	printf '#include "base/b.h"\n\n#include <errno.h>\n\n/* strcpy() and qemu may stand here, http://too */\nint b(void)\n{\n\tconst char *s = "system() // no";\n\n\treturn s[0] + EIO;\n}\n' >base/b.c
	printf 'int my_strcpy(int);\n' >base/c.h
	printf '#include "base/b.h"\n' | tee oci/o.h agent/proto/p.h agent/guest/g.h hypervisor/h.h hypervisor/acrn/acrn.h runtime/r.h runtime/net/n.h cmd/acrun/m.h cmd/acrun-shim/s.h runtime/config/c.c >base/b_internal.h
	printf '#include "hypervisor/acrn/acrn.h"\n\nint qemu_ops;\n' >hypervisor/registry.c
	printf '#!/bin/bash\necho "$1"\n' >scripts/x.sh
}

# expect <check> <what the output must hold> <file> <line to add>
expect() {
	local check=$1 word=$2 file=$3 line=$4 output
	count=$((count + 1))
	good_tree
	if ! output=$("$here/$check.sh" "$tmp/t" 2>&1); then
		echo "$check: complains about a good tree: $output"
		wrong=$((wrong + 1))
		return
	fi
	printf '%b\n' "$line" >>"$file"
	if output=$("$here/$check.sh" "$tmp/t" 2>&1); then
		echo "$check: does not see in $file: ${line:0:60}"
		wrong=$((wrong + 1))
	elif [[ $output != *"$word"* ]]; then
		echo "$check: complains of the wrong thing about $file: $output"
		wrong=$((wrong + 1))
	fi
}

inc() { printf '#include "%s"' "$1"; }
expect floors 'may not include' base/b.h "$(inc oci/o.h)"
expect floors 'may not include' oci/o.h "$(inc agent/proto/p.h)"
expect floors 'may not include' agent/proto/p.h "$(inc agent/guest/g.h)"
expect floors 'may not include' agent/guest/g.h "$(inc runtime/r.h)"
expect floors 'may not include' hypervisor/h.h "$(inc oci/o.h)"
expect floors 'may not include' hypervisor/h.h "$(inc hypervisor/acrn/acrn.h)"
expect floors 'may not include' runtime/r.h "$(inc hypervisor/acrn/acrn.h)"
expect floors 'may not include' runtime/r.h "$(inc cmd/acrun/m.h)"
expect floors 'may not include' runtime/net/n.h "$(inc agent/guest/g.h)"
expect floors 'may not include' cmd/acrun-shim/s.h "$(inc runtime/r.h)"
expect floors 'own folder' oci/o.h "$(inc base/b_internal.h)"
expect floors 'path from the root' base/b.c "$(inc b.h)"
expect floors 'no such file' base/b.c "$(inc base/gone.h)"
expect floors 'comes first' base/c.c "#include <errno.h>\n$(inc base/c.h)"
expect floors 'another file only' oci/o.h '#include <yajl/yajl_gen.h>'
expect floors 'another file only' runtime/r.h '#include <seccomp.h>'
expect banned 'banned: strcpy' base/b.c 'int x = strcpy(a, b);'
expect banned 'banned: sprintf' runtime/r.h '\tsprintf (a, b);'
expect banned 'banned: system' cmd/acrun/m.h '\tx = 1; /* a */ system("ls");'
expect banned 'banned: fork' runtime/r.h '\tpid = fork();'
expect banned 'banned: exit' base/b.c '\texit(1);'
expect banned '// comment' base/b.c 'int y; // why'
expect banned 'FIX''ME' base/b.c '/* FIX''ME later */'
expect size 'function of' base/b.c "int f(void)\n{$(printf '\\n\\ta();%.0s' {1..61})\n}"
expect size 'lines, at most 600' base/b.c "$(printf 'int a;\\n%.0s' {1..600})"
expect size 'columns' base/b.c "/* $(printf 'x%.0s' {1..100}) */"
expect backends 'names a hypervisor' runtime/r.h '#define X "qemu-system"'
expect backends 'names a hypervisor' hypervisor/h.h 'extern int acrn_ops;'
expect format 'not formatted' base/b.c 'int  z ;'
expect headers 'not self-contained' oci/o.h 'struct thing { size_t n; };'
expect shell 'SC' scripts/x.sh 'cd $1; rm -rf $UNSET/*; [ $a = b ] && for'

if [[ $wrong -gt 0 ]]; then
	echo "$wrong of $count self-tests of the lint checks failed"
	exit 1
fi
echo "$count self-tests of the lint checks passed"
