#include "runtime/storage/loan.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"

enum { MOUNTINFO_MAX = 16 << 20, LOAN_MAX = 64 << 10 };

/* A line of mountinfo; its strings are cut out of the text. */
struct line {
	const char *number; /* "254:3" */
	const char *root;
	const char *point;
	char *flags;
	const char *fstype;
	const char *source;
	char *options;
};

static const char *const types[] = { "erofs", "ext4", "xfs" };

static const struct {
	const char *word;
	unsigned long flag; /* 0: of no use to a mount(2) */
} flag_words[] = {
	{ "rw", 0 },
	{ "ro", 0 },
	{ "seclabel", 0 },
	{ "nosuid", MS_NOSUID },
	{ "nodev", MS_NODEV },
	{ "noexec", MS_NOEXEC },
	{ "noatime", MS_NOATIME },
	{ "nodiratime", MS_NODIRATIME },
	{ "relatime", MS_RELATIME },
	{ "sync", MS_SYNCHRONOUS },
	{ "dirsync", MS_DIRSYNC },
	{ "lazytime", MS_LAZYTIME },
};

/* Blanks and the like are written as "\040". */
static void unescape(char *text)
{
	char *out = text;

	while (*text) {
		unsigned char code = 0;
		int n = 0;

		while (n < 3 && *text == '\\' && text[n + 1] >= '0' && text[n + 1] <= '7')
			code = (unsigned char)(code * 8 + (text[++n] - '0'));
		*out++ = n == 3 ? (char)code : *text;
		text += n == 3 ? 4 : 1;
	}
	*out = '\0';
}

static char *next_word(char **text)
{
	char *word = strsep(text, " ");

	return word ? word : (char *)"";
}

/* False: the line makes no sense. */
static bool cut_line(char *text, struct line *line)
{
	char *words;

	(void)next_word(&text);
	(void)next_word(&text);
	line->number = next_word(&text);
	line->root = next_word(&text);
	line->point = next_word(&text);
	line->flags = next_word(&text);
	do
		words = next_word(&text);
	while (text && strcmp(words, "-") != 0);
	line->fstype = next_word(&text);
	line->source = next_word(&text);
	line->options = next_word(&text);
	if (!*line->options)
		return false;
	unescape((char *)line->point);
	unescape((char *)line->source);
	return true;
}

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, word, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			return true;
	}
	return false;
}

/* Sorts words into flags and options. Those that are no flags are the file system's. */
static int sort_words(char *list, struct arena *arena, struct loan *loan)
{
	char *word;

	while ((word = strsep(&list, ",")) != NULL) {
		size_t i = 0, n = sizeof(flag_words) / sizeof(flag_words[0]);

		while (i < n && strcmp(flag_words[i].word, word) != 0)
			i++;
		if (i < n)
			loan->flags |= (uint32_t)flag_words[i].flag;
		else
			loan->options = loan->options
						? arena_printf(arena, "%s,%s", loan->options, word)
						: arena_strdup(arena, word);
		if (i == n && !loan->options)
			return -ENOMEM;
	}
	return 0;
}

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && path[len] == '/';
}

static bool can_be_lent(const struct line *line)
{
	bool known = false;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		known |= strcmp(line->fstype, types[i]) == 0;
	/* a mount that forbids what the file system allows is not all of it */
	return known && strcmp(line->root, "/") == 0 && strncmp(line->number, "0:", 2) != 0 &&
	       (!has_word(line->flags, "ro") || has_word(line->options, "ro"));
}

/* How often the device is mounted. */
static size_t count(char *text, const char *number)
{
	struct line line;
	size_t n = 0;
	char *at;

	while ((at = strsep(&text, "\n")) != NULL)
		n += cut_line(at, &line) && strcmp(line.number, number) == 0;
	return n;
}

int loan_parse(const char *mountinfo, const char *path, struct arena *arena, struct loan *loan)
{
	char *text = arena_strdup(arena, mountinfo), *again = arena_strdup(arena, mountinfo);
	struct line line, found = { 0 };
	char *at;

	*loan = (struct loan){ 0 };
	if (!text || !again)
		return -ENOMEM;
	while ((at = strsep(&text, "\n")) != NULL) {
		if (!cut_line(at, &line))
			continue;
		/* of several at one place, the last lies on top */
		if (strcmp(line.point, path) == 0)
			found = line;
		else if (is_below(line.point, path))
			return 0;
	}
	if (!found.point || !can_be_lent(&found) || count(again, found.number) != 1)
		return 0;
	loan->path = found.point;
	loan->device = found.source;
	loan->fstype = found.fstype;
	loan->readonly = has_word(found.options, "ro");
	if (sort_words(found.flags, arena, loan) < 0 || sort_words(found.options, arena, loan) < 0)
		return -ENOMEM;
	return 1;
}

/* The text may name a device by a name that has gone, or was another's. */
static bool is_device(const char *device, dev_t wanted)
{
	struct stat st;

	return device[0] == '/' && stat(device, &st) == 0 && S_ISBLK(st.st_mode) &&
	       st.st_rdev == wanted;
}

static int read_mount(const char *path, struct arena *arena, struct loan *loan, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret = fs_read_file_at(AT_FDCWD, "/proc/self/mountinfo", &text, MOUNTINFO_MAX);

	if (ret == 0)
		ret = loan_parse(strbuf_str(&text), path, arena, loan);
	return ret < 0 ? err_set(err, ret, "look for the mount at '%s'", path) : ret;
}

int loan_find(const char *path, struct arena *arena, struct loan *loan, struct error *err)
{
	auto_free char *real = NULL;
	struct stat st;
	int ret = fs_realpath(path, &real);

	if (ret < 0)
		return err_set(err, ret, "find '%s'", path);
	ret = read_mount(real, arena, loan, err);
	if (ret <= 0)
		return ret;
	if (stat(real, &st) < 0)
		return err_set(err, -errno, "look at '%s'", real);
	if (is_device(loan->device, st.st_dev))
		return 1;
	loan->device = arena_printf(arena, "/dev/block/%u:%u", major(st.st_dev), minor(st.st_dev));
	if (!loan->device)
		return err_set(err, -ENOMEM, "look at '%s'", real);
	return is_device(loan->device, st.st_dev);
}

static const struct json_row loan_rows[] = {
	{ .name = "path",
	  .kind = JSON_STR,
	  .offset = offsetof(struct loan, path),
	  .flags = JSON_REQUIRED },
	{ .name = "device",
	  .kind = JSON_STR,
	  .offset = offsetof(struct loan, device),
	  .flags = JSON_REQUIRED },
	{ .name = "fstype",
	  .kind = JSON_STR,
	  .offset = offsetof(struct loan, fstype),
	  .flags = JSON_REQUIRED },
	{ .name = "options",
	  .kind = JSON_STR,
	  .offset = offsetof(struct loan, options),
	  .flags = JSON_OMIT_EMPTY },
	{ .name = "flags", .kind = JSON_U32, .offset = offsetof(struct loan, flags) },
	{ .name = "readonly", .kind = JSON_BOOL, .offset = offsetof(struct loan, readonly) },
};
static const struct json_type loan_type = JSON_TYPE(loan, loan_rows);

int loan_save(int dir_fd, const struct loan *loan, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret = json_encode(&loan_type, loan, 2, &text);

	if (ret == 0)
		ret = fs_replace_at(dir_fd, LOAN_FILE, text.data, text.len, 0600, false);
	return ret < 0 ? err_set(err, ret, "write '%s'", LOAN_FILE) : 0;
}

int loan_load(int dir_fd, struct arena *arena, struct loan *loan, struct error *err)
{
	static const struct json_limits limits = { .max_depth = 2, .max_bytes = LOAN_MAX };
	auto_strbuf struct strbuf text = { 0 };
	int ret = fs_read_file_at(dir_fd, LOAN_FILE, &text, LOAN_MAX);

	if (ret == -ENOENT)
		return ret;
	if (ret < 0)
		return err_set(err, ret, "read '%s'", LOAN_FILE);
	ret = json_decode(&loan_type, strbuf_str(&text), text.len, &limits, arena, loan, err);
	return ret < 0 ? err_ctx(err, "read '%s'", LOAN_FILE) : 0;
}

int loan_make(const struct loan *loan, struct error *err)
{
	auto_close int fd = -1;

	if (loan->readonly)
		return 0;
	/* the file system alone: the flags of the mount stay as they are */
	fd = fspick(AT_FDCWD, loan->path, FSPICK_CLOEXEC | FSPICK_NO_AUTOMOUNT);
	if (fd < 0 || fsconfig(fd, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
	    fsconfig(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return err_set(err, -errno,
			       "make '%s' read-only on the host while the guest has '%s'",
			       loan->path, loan->device);
	return 0;
}

static int mount_again(const struct loan *loan, struct error *err)
{
	int ret;

	if (mount(loan->device, loan->path, loan->fstype, loan->flags, loan->options) == 0)
		return 0;
	ret = -errno;
	if (mount(loan->device, loan->path, loan->fstype, loan->flags | MS_RDONLY, loan->options) <
	    0)
		return err_set(err, -errno, "mount '%s' on '%s' again", loan->device, loan->path);
	if (ret != -EBUSY)
		return err_set(err, ret, "mount '%s' on '%s' again for writing", loan->device,
			       loan->path);
	return err_msg(err, ret,
		       "'%s' stays read-only and shows what it was: another mount namespace has "
		       "'%s' mounted too",
		       loan->path, loan->device);
}

int loan_end(const struct loan *loan, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	auto_close int fd = -1;
	struct loan now;
	struct stat st;
	int ret = loan->readonly ? 0 : read_mount(loan->path, &arena, &now, err);

	if (ret <= 0 || !now.readonly)
		return ret < 0 ? ret : 0;
	/* a loop device would vanish with its last user */
	fd = open(loan->device, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, -errno, "open '%s'", loan->device);
	if (stat(loan->path, &st) < 0 || !is_device(loan->device, st.st_dev))
		return 0;
	if (umount2(loan->path, UMOUNT_NOFOLLOW) < 0)
		return err_set(err, -errno, "unmount '%s', which is to be mounted anew",
			       loan->path);
	/* what was read before the guest wrote */
	(void)ioctl(fd, BLKFLSBUF, 0);
	return mount_again(loan, err);
}
