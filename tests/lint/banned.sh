#!/bin/bash
# Functions we do not call (banned.txt), // comments, and notes to ourselves that name no issue.
. "$(dirname "$0")/common.sh"

mapfile -t files < <(sources '*.c' '*.h' '*.cpp')
[[ ${#files[@]} -gt 0 ]] || finish

stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
for file in "${files[@]}"; do
	awk -v strings=0 -f "$here/strip.awk" "$file" | awk -v f="$file" '{ print f ":" NR ":" $0 }'
done >"$stripped"

while IFS= read -r row; do
	[[ -n $row && $row != \#* ]] || continue
	what=${row%% ; *}
	rest=${row#* ; }
	allowed=${rest%% ; *}
	instead=${rest#* ; }
	while IFS= read -r hit; do
		file=${hit%%:*}
		[[ $allowed != - && $file =~ $allowed ]] && continue
		text=${hit#*:*:}
		complain "${hit%":$text"}: banned: $(grep -oE "\b($what)\b *\(" <<<"$text" | head -1) use $instead"
	done < <(grep -E "^[^:]*:[0-9]*:(.*[^a-zA-Z0-9_.>])?($what) *\(" "$stripped" || true)
done <"$here/banned.txt"

for file in "${files[@]}"; do
	[[ $file == *.cpp ]] && continue
	hits=$(awk -v report=1 -f "$here/strip.awk" "$file")
	[[ -z $hits ]] || complain "$hits"
done

hits=$(grep -nE '\b(TO''DO|FIX''ME|XX''X|HA''CK)\b' "${files[@]}" /dev/null | grep -vE 'TO''DO\(#[0-9]+\)' || true)
[[ -z $hits ]] || complain "$hits"
finish
