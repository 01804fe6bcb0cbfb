#include "tests/bench/stats.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"

struct figure *section_add(struct section *section, const char *name, const char *unit,
			   const struct figure *of)
{
	struct figure *figure = &section->figures[section->n];

	assert(section->n < STATS_FIGURES_MAX);
	section->n++;
	figure->name = name;
	figure->unit = unit;
	figure->of = of;
	return figure;
}

void figure_sample(struct figure *figure, double value)
{
	if (figure->n < STATS_SAMPLES_MAX)
		figure->samples[figure->n++] = value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double figure_median(const struct figure *figure)
{
	double sorted[STATS_SAMPLES_MAX];

	if (figure->n == 0)
		return 0;
	memcpy(sorted, figure->samples, figure->n * sizeof(*sorted));
	qsort(sorted, figure->n, sizeof(*sorted), compare);
	return (sorted[figure->n / 2] + sorted[(figure->n - 1) / 2]) / 2;
}

double figure_min(const struct figure *figure)
{
	double min = figure->n ? figure->samples[0] : 0;

	for (uint32_t i = 1; i < figure->n; i++)
		min = figure->samples[i] < min ? figure->samples[i] : min;
	return min;
}

double figure_max(const struct figure *figure)
{
	double max = figure->n ? figure->samples[0] : 0;

	for (uint32_t i = 1; i < figure->n; i++)
		max = figure->samples[i] > max ? figure->samples[i] : max;
	return max;
}

static bool has_ratio(const struct figure *figure)
{
	return figure->of && figure->n > 0 && figure_median(figure->of) > 0;
}

static double ratio(const struct figure *figure)
{
	return figure_median(figure) / figure_median(figure->of);
}

void section_print(const struct section *section)
{
	printf("\n%-46s %10s %10s %10s %7s  %s\n", section->title, "median", "min", "max", "ratio",
	       "of");
	for (uint32_t i = 0; i < section->n; i++) {
		const struct figure *figure = &section->figures[i];

		if (figure->n == 0)
			continue;
		printf("%-40.40s %5s %10.2f %10.2f %10.2f", figure->name, figure->unit,
		       figure_median(figure), figure_min(figure), figure_max(figure));
		if (has_ratio(figure))
			printf(" %7.2f  %s", ratio(figure), figure->of->name);
		putchar('\n');
	}
	(void)fflush(stdout);
}

static void format_figure(const struct figure *figure, struct strbuf *out)
{
	strbuf_adds(out, "{\"name\":");
	json_quote(out, figure->name);
	strbuf_adds(out, ",\"unit\":");
	json_quote(out, figure->unit);
	strbuf_addf(out, ",\"median\":%.3f,\"min\":%.3f,\"max\":%.3f", figure_median(figure),
		    figure_min(figure), figure_max(figure));
	if (has_ratio(figure)) {
		strbuf_addf(out, ",\"ratio\":%.3f,\"of\":", ratio(figure));
		json_quote(out, figure->of->name);
	}
	strbuf_adds(out, ",\"samples\":[");
	for (uint32_t i = 0; i < figure->n; i++)
		strbuf_addf(out, "%s%.3f", i ? "," : "", figure->samples[i]);
	strbuf_adds(out, "]}");
}

int section_keep(const struct section *section, const char *dir, struct error *err)
{
	auto_strbuf struct strbuf out = { 0 };
	auto_close int dir_fd = dir ? fs_open_dir_at(AT_FDCWD, dir) : -1;
	bool first = true;
	char name[64];
	int ret;

	if (!dir)
		return 0;
	if (dir_fd < 0)
		return err_set(err, dir_fd, "open '%s'", dir);
	strbuf_addf(&out, "{\"section\":\"%s\",\"figures\":[\n", section->name);
	for (uint32_t i = 0; i < section->n; i++) {
		if (section->figures[i].n == 0)
			continue;
		strbuf_adds(&out, first ? "" : ",\n");
		format_figure(&section->figures[i], &out);
		first = false;
	}
	strbuf_adds(&out, "\n]}\n");
	(void)snprintf(name, sizeof(name), "%s.json", section->name);
	ret = strbuf_error(&out);
	if (ret == 0)
		ret = fs_replace_at(dir_fd, name, out.data, out.len, 0644, false);
	return ret < 0 ? err_set(err, ret, "write '%s/%s'", dir, name) : 0;
}
