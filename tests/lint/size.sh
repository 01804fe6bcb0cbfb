#!/bin/bash
# A file has at most 600 lines, a function 60, a line 100 columns.
. "$(dirname "$0")/common.sh"

while read -r file; do
	hits=$(awk -v max_file=600 -v max_function=60 -v max_columns=100 '
		function columns(text,    i, c, n) {
			for (i = 1; i <= length(text); i++) {
				c = substr(text, i, 1)
				n += c == "\t" ? 8 - n % 8 : 1
			}
			return n
		}
		# A message in quotes is not broken, so that it can be searched for.
		columns($0) > max_columns && !/"/ { print FILENAME ":" FNR ": " columns($0) " columns, at most " max_columns }
		/^\{/ { start = FNR }
		/^\}/ && start {
			if (FNR - start - 1 > max_function)
				print FILENAME ":" start ": function of " FNR - start - 1 " lines, at most " max_function
			start = 0
		}
		END { if (FNR > max_file) print FILENAME ":1: " FNR " lines, at most " max_file }
	' "$file")
	[[ -z $hits ]] || complain "$hits"
done < <(sources '*.c' '*.h' '*.cpp')
finish
