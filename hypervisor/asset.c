#include "hypervisor/asset.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	BZIMAGE_MAGIC_OFFSET = 0x202,
	NOTE_PVH_ENTRY = 18, /* XEN_ELFNOTE_PHYS32_ENTRY */
	PHDRS_MAX = 64,
	NOTES_MAX = 64 << 10,
};

static int open_asset(const char *path, const char *key, const char *table, struct error *err)
{
	auto_close int fd = -1;
	struct stat st;

	if (!path || !*path) {
		err_msg(err, -EINVAL, "no %s is configured", key);
		return err_hint(err, "set %s in [hypervisor.%s]", key, table);
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0) {
		err_set(err, -errno, "cannot open %s '%s'", key, path);
		return err_hint(err, "set %s in [hypervisor.%s]", key, table);
	}
	if (!S_ISREG(st.st_mode)) {
		err_msg(err, -EINVAL, "%s '%s' is not a regular file", key, path);
		return err_hint(err, "set %s in [hypervisor.%s]", key, table);
	}
	if (st.st_size == 0) {
		err_msg(err, -ENOEXEC, "%s '%s' is empty", key, path);
		return err_hint(err, "build or install it again");
	}
	return take_fd(&fd);
}

int asset_check_file(const char *path, const char *key, const char *table, struct error *err)
{
	auto_close int fd = open_asset(path, key, table, err);

	return fd < 0 ? fd : 0;
}

static bool read_at(int fd, void *out, size_t len, uint64_t offset)
{
	return offset <= INT64_MAX && pread(fd, out, len, (off_t)offset) == (ssize_t)len;
}

static size_t align4(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

static bool notes_have_pvh(const uint8_t *notes, size_t len)
{
	size_t pos = 0;

	while (pos <= len && len - pos >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;

		memcpy(&note, notes + pos, sizeof(note));
		pos += sizeof(note);
		if (note.n_namesz > len || note.n_descsz > len)
			return false;
		if (note.n_type == NOTE_PVH_ENTRY && note.n_namesz == 4 && len - pos >= 4 &&
		    !memcmp(notes + pos, "Xen", 4))
			return true;
		pos += align4(note.n_namesz) + align4(note.n_descsz);
	}
	return false;
}

/* Whether an ELF file has the note that tells a VMM where to enter an uncompressed kernel. */
static bool elf_has_pvh(int fd, const Elf64_Ehdr *ehdr)
{
	auto_free uint8_t *notes = NULL;

	if (ehdr->e_phentsize != sizeof(Elf64_Phdr) || ehdr->e_phnum > PHDRS_MAX)
		return false;
	notes = malloc(NOTES_MAX);
	for (unsigned i = 0; notes && i < ehdr->e_phnum; i++) {
		Elf64_Phdr phdr;
		size_t len;

		if (!read_at(fd, &phdr, sizeof(phdr), ehdr->e_phoff + i * sizeof(phdr)))
			return false;
		if (phdr.p_type != PT_NOTE)
			continue;
		len = phdr.p_filesz < NOTES_MAX ? phdr.p_filesz : NOTES_MAX;
		if (read_at(fd, notes, len, phdr.p_offset) && notes_have_pvh(notes, len))
			return true;
	}
	return false;
}

int asset_check_kernel(const char *path, const char *table, struct error *err)
{
	auto_close int fd = open_asset(path, "kernel", table, err);
	Elf64_Ehdr ehdr;
	char magic[4];

	if (fd < 0)
		return fd;
	if (read_at(fd, magic, sizeof(magic), BZIMAGE_MAGIC_OFFSET) && !memcmp(magic, "HdrS", 4))
		return 0;
	if (!read_at(fd, &ehdr, sizeof(ehdr), 0) || memcmp(ehdr.e_ident, ELFMAG, SELFMAG) != 0 ||
	    ehdr.e_ident[EI_CLASS] != ELFCLASS64 || ehdr.e_machine != EM_X86_64) {
		err_msg(err, -ENOEXEC, "kernel '%s' is neither a bzImage nor an x86-64 ELF file",
			path);
		return err_hint(err, "set kernel in [hypervisor.%s] to a vmlinux or bzImage",
				table);
	}
	if (!elf_has_pvh(fd, &ehdr)) {
		err_msg(err, -ENOEXEC, "kernel '%s' is an ELF file without a PVH entry", path);
		return err_hint(err, "build it with CONFIG_PVH=y, or use its bzImage");
	}
	return 0;
}
