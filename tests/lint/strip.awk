# Removes comments, and with -v strings=0 what stands inside quotes, keeping the line numbers.
function out(c) { line = line c }
BEGIN { in_comment = 0; if (strings == "") strings = 1 }
{
	line = ""
	n = length($0)
	for (i = 1; i <= n; i++) {
		c = substr($0, i, 1)
		two = substr($0, i, 2)
		if (in_comment) {
			if (two == "*/") { in_comment = 0; i++; out(" ") }
			continue
		}
		if (two == "/*") { in_comment = 1; i++; continue }
		if (two == "//") {
			if (report) print FILENAME ":" FNR ": a // comment: write /* */"
			break
		}
		if (c == "\"" || c == "'") {
			out(c)
			for (i++; i <= n; i++) {
				d = substr($0, i, 1)
				if (d == "\\") { if (strings) out(substr($0, i, 2)); i++; continue }
				if (d == c) break
				if (strings) out(d)
			}
			out(c)
			continue
		}
		out(c)
	}
	if (!report) print line
}
