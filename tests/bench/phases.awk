# phases.awk TRACE...: an SVG picture of the phases of creates, one bar a trace file (trace events of `acrun --trace`).
# Of several creates in a file the one of median duration is drawn. Each bar has its own scale.

function number(text, key,    at) {
	at = index(text, "\"" key "\":")
	return at ? substr(text, at + length(key) + 3) + 0 : 0
}

function word(text, key,    at, rest) {
	at = index(text, "\"" key "\":\"")
	if (!at)
		return ""
	rest = substr(text, at + length(key) + 4)
	return substr(rest, 1, index(rest, "\"") - 1)
}

FNR == 1 {
	files++
	title[files] = FILENAME
	sub(/.*\//, "", title[files])
	sub(/^trace-/, "", title[files])
	sub(/\.json$/, "", title[files])
	runs[files] = 0
}

/"ph":"X"/ && word($0, "cat") == "create" {
	name = word($0, "name")
	id = word($0, "id")
	if (name == "create") {
		runs[files]++
		run_id[files, runs[files]] = id
		run_begin[files, runs[files]] = number($0, "ts")
		run_took[files, runs[files]] = number($0, "dur")
		next
	}
	n = ++count[files, id]
	phase_name[files, id, n] = name
	phase_begin[files, id, n] = number($0, "ts")
	phase_took[files, id, n] = number($0, "dur")
}

# Index of the run of median duration.
function median(file,    i, k, less, n) {
	n = runs[file]
	for (i = 1; i <= n; i++) {
		less = 0
		for (k = 1; k <= n; k++)
			if (run_took[file, k] < run_took[file, i] || (run_took[file, k] == run_took[file, i] && k < i))
				less++
		if (less == int((n - 1) / 2))
			return i
	}
	return 0
}

function text(x, y, size, anchor, words) {
	printf "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%d\" text-anchor=\"%s\">%s</text>\n", x, y, size, anchor, words
}

# One file: a bar of all phases, and a line for each that is worth one.
function draw(file, top,    run, id, scale, i, y, x, w, ms, label) {
	run = median(file)
	id = run_id[file, run]
	scale = (WIDTH - 2 * EDGE) / run_took[file, run]
	text(EDGE, top + 16, 15, "start", sprintf("create, %s: %.1f ms", title[file], run_took[file, run] / 1000))
	y = top + 28
	for (i = 1; i <= count[file, id]; i++) {
		x = EDGE + (phase_begin[file, id, i] - run_begin[file, run]) * scale
		w = phase_took[file, id, i] * scale
		ms = phase_took[file, id, i] / 1000
		printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"14\" fill=\"%s\"/>\n", x, y, (w < 0.8 ? 0.8 : w),
			COLOR[(i - 1) % COLORS + 1]
		label = sprintf("%s %.1f ms", phase_name[file, id, i], ms)
		if (x + w < WIDTH - LABEL)
			text(x + w + 6, y + 11, 11, "start", label)
		else if (x > LABEL)
			text(x - 6, y + 11, 11, "end", label)
		else
			text(x + 6, y + 11, 11, "start", label)
		y += ROW
	}
	return y + 14
}

END {
	WIDTH = 800
	EDGE = 20
	ROW = 17
	LABEL = 130
	COLORS = split("#88aacc #99ddee #88bb88 #ddcc88 #ee99a0 #cc88aa", COLOR, " ")
	height = 10
	for (f = 1; f <= files; f++) {
		if (!median(f)) {
			print "phases.awk: no create in " title[f] > "/dev/stderr"
			exit 1
		}
		height += 42 + ROW * count[f, run_id[f, median(f)]]
	}
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\">\n", WIDTH, height
	printf "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n", WIDTH, height
	top = 6
	for (f = 1; f <= files; f++)
		top = draw(f, top)
	print "</svg>"
}
