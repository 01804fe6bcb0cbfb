/* Feeds each file of the given directories to the fuzz target once: a corpus as a regression. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Every fuzz_*.c defines it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20 };

static int replay_file(const char *dir, const char *name, uint8_t *buf)
{
	char path[4096];
	FILE *file;
	size_t len;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return -1;
	file = fopen(path, "rbe");
	if (!file) {
		perror(path);
		return -1;
	}
	len = fread(buf, 1, INPUT_MAX, file);
	(void)fclose(file);
	(void)LLVMFuzzerTestOneInput(buf, len);
	return 0;
}

static int replay_dir(const char *dir, uint8_t *buf)
{
	struct dirent *entry;
	DIR *d = opendir(dir);
	int count = 0;

	if (!d) {
		perror(dir);
		return -1;
	}
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		if (replay_file(dir, entry->d_name, buf) < 0) {
			count = -1;
			break;
		}
		count++;
	}
	(void)closedir(d);
	return count;
}

int main(int argc, char **argv)
{
	uint8_t *buf = calloc(1, INPUT_MAX);
	int total = 0;

	if (!buf)
		return 1;
	(void)LLVMFuzzerTestOneInput(buf, 0);
	for (int i = 1; i < argc; i++) {
		int count = replay_dir(argv[i], buf);

		if (count <= 0) {
			(void)fprintf(stderr, "%s: no inputs\n", argv[i]);
			free(buf);
			return 1;
		}
		total += count;
	}
	free(buf);
	printf("%d inputs\n", total);
	return 0;
}
