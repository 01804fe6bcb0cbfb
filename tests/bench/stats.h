/* Samples, and the table and JSON made of them. */
#ifndef TESTS_BENCH_STATS_H
#define TESTS_BENCH_STATS_H

#include <stdint.h>
#include "base/arena.h"
#include "base/error.h"

enum { STATS_SAMPLES_MAX = 256, STATS_FIGURES_MAX = 40 };

/* One line of the table. */
struct figure {
	const char *name;
	const char *unit;	 /* "ms", "MiB/s", "KiB" */
	const struct figure *of; /* what its ratio is against; NULL: none */
	double samples[STATS_SAMPLES_MAX];
	uint32_t n;
};

/* One table, one JSON file. */
struct section {
	const char *name; /* of the file too */
	const char *title;
	struct figure figures[STATS_FIGURES_MAX];
	uint32_t n;
	struct arena arena; /* for names that are made */
};

/* Adds a line; name (not NULL), unit and `of` must stay. Never NULL: too many is a bug. */
struct figure *section_add(struct section *section, const char *name, const char *unit,
			   const struct figure *of);

/* One more sample; beyond STATS_SAMPLES_MAX they are left out. */
void figure_sample(struct figure *figure, double value);

/* 0 without samples. */
double figure_median(const struct figure *figure);
double figure_min(const struct figure *figure);
double figure_max(const struct figure *figure);

/* Prints the lines that have samples. Ratios are those of the medians. */
void section_print(const struct section *section);

/* Writes <dir>/<name>.json; dir NULL: nowhere. */
int section_keep(const struct section *section, const char *dir, struct error *err) must_check;

#endif
