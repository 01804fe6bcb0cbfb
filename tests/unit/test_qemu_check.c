/* What check() says about a configuration that cannot work, and the last words of a VMM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/strbuf.h"
#include "hypervisor/hypervisor.h"
#include "hypervisor/vm.h"

struct fixture {
	char dir[64];
	char qemu[96], kernel[96], initrd[96];
	struct hypervisor_config cfg;
};

static void put(const char *path, const void *data, size_t len, mode_t mode)
{
	assert_int_equal(fs_replace_at(AT_FDCWD, path, data, len, mode, false), 0);
}

/* The head of a bzImage, as far as it is looked at. */
static void put_bzimage(const char *path)
{
	char image[0x210] = { 0 };

	memcpy(image + 0x202, "HdrS", 4);
	put(path, image, sizeof(image), 0644);
}

struct tiny_kernel {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr;
	struct {
		Elf64_Nhdr head;
		char name[4];
		uint32_t desc;
	} notes[2];
};

static struct tiny_kernel tiny_kernel(void)
{
	return (struct tiny_kernel){
		.ehdr = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64 },
			  .e_machine = EM_X86_64,
			  .e_phoff = offsetof(struct tiny_kernel, phdr),
			  .e_phentsize = sizeof(Elf64_Phdr),
			  .e_phnum = 1 },
		.phdr = { .p_type = PT_NOTE,
			  .p_offset = offsetof(struct tiny_kernel, notes),
			  .p_filesz = sizeof(((struct tiny_kernel *)0)->notes) },
		.notes = { { .head = { 4, 4, 6 }, .name = "Xen" },
			   { .head = { 4, 4, 18 }, .name = "Xen" } },
	};
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/test_qemu_check.XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	(void)snprintf(f->qemu, sizeof(f->qemu), "%s/qemu", f->dir);
	(void)snprintf(f->kernel, sizeof(f->kernel), "%s/kernel", f->dir);
	(void)snprintf(f->initrd, sizeof(f->initrd), "%s/initrd", f->dir);
	put(f->qemu, "x", 1, 0755);
	put_bzimage(f->kernel);
	put(f->initrd, "x", 1, 0644);
	f->cfg = (struct hypervisor_config){
		.path = f->qemu,
		.kernel = f->kernel,
		.initrd = f->initrd,
		.machine_type = "q35",
		.accelerator = "tcg",
		.entropy_source = "",
	};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int ret = fs_remove_tree_at(AT_FDCWD, f->dir);

	free(f);
	return ret;
}

/* The message, with the folder's name taken out. */
static void says(const struct fixture *f, const struct error *err, const char *want)
{
	auto_strbuf struct strbuf text = { 0 };
	const char *at = strstr(err->text, f->dir);

	if (at) {
		assert_int_equal(strbuf_add(&text, err->text, (size_t)(at - err->text)), 0);
		assert_int_equal(strbuf_adds(&text, at + strlen(f->dir)), 0);
	} else {
		assert_int_equal(strbuf_adds(&text, err->text), 0);
	}
	assert_string_equal(strbuf_str(&text), want);
}

static void complains(const struct fixture *f, int code, const char *want)
{
	struct error err;

	assert_int_equal(hypervisor_find("qemu")->check(&f->cfg, &err), code);
	says(f, &err, want);
}

static void test_fine(void **state)
{
	struct fixture *f = *state;
	struct tiny_kernel elf = tiny_kernel();
	struct error err;

	assert_int_equal(hypervisor_find("qemu")->check(&f->cfg, &err), 0);
	put(f->kernel, &elf, sizeof(elf), 0644);
	assert_int_equal(hypervisor_find("qemu")->check(&f->cfg, &err), 0);
	f->cfg.image = f->initrd;
	f->cfg.initrd = NULL;
	assert_int_equal(hypervisor_find("qemu")->check(&f->cfg, &err), 0);
}

static void test_program(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(unlink(f->qemu), 0);
	complains(f, -ENOENT,
		  "cannot run '/qemu': No such file or directory (install "
		  "qemu-system-x86, or set path in [hypervisor.qemu])");
	put(f->qemu, "x", 1, 0644);
	complains(f, -EACCES,
		  "cannot run '/qemu': Permission denied (install qemu-system-x86, or "
		  "set path in [hypervisor.qemu])");
	f->cfg.path = "qemu";
	complains(f, -EINVAL,
		  "'qemu' is not the absolute path of a program (set path in "
		  "[hypervisor.qemu])");
}

static void test_kernel(void **state)
{
	struct fixture *f = *state;
	struct tiny_kernel elf = tiny_kernel();

	assert_int_equal(unlink(f->kernel), 0);
	complains(f, -ENOENT,
		  "cannot open kernel '/kernel': No such file or directory (set kernel "
		  "in [hypervisor.qemu])");
	put(f->kernel, "", 0, 0644);
	complains(f, -ENOEXEC, "kernel '/kernel' is empty (build or install it again)");
	put(f->kernel, "#!/bin/sh\n", 10, 0644);
	complains(f, -ENOEXEC,
		  "kernel '/kernel' is neither a bzImage nor an x86-64 ELF file (set "
		  "kernel in [hypervisor.qemu] to a vmlinux or bzImage)");
	elf.ehdr.e_machine = EM_AARCH64;
	put(f->kernel, &elf, sizeof(elf), 0644);
	complains(f, -ENOEXEC,
		  "kernel '/kernel' is neither a bzImage nor an x86-64 ELF file (set "
		  "kernel in [hypervisor.qemu] to a vmlinux or bzImage)");
	assert_int_equal(unlink(f->kernel), 0);
	assert_int_equal(mkdir(f->kernel, 0755), 0);
	complains(f, -EINVAL,
		  "kernel '/kernel' is not a regular file (set kernel in "
		  "[hypervisor.qemu])");
}

/* Notes that lie about their sizes are read no further. */
static void test_kernel_without_pvh(void **state)
{
	static const char text[] = "kernel '/kernel' is an ELF file without a PVH entry (build it "
				   "with CONFIG_PVH=y, or use its bzImage)";
	struct fixture *f = *state;
	struct tiny_kernel elf = tiny_kernel();

	elf.notes[1].head.n_type = 17;
	put(f->kernel, &elf, sizeof(elf), 0644);
	complains(f, -ENOEXEC, text);
	elf = tiny_kernel();
	elf.notes[0].head.n_descsz = UINT32_MAX;
	put(f->kernel, &elf, sizeof(elf), 0644);
	complains(f, -ENOEXEC, text);
	elf = tiny_kernel();
	elf.phdr.p_offset = UINT64_MAX;
	put(f->kernel, &elf, sizeof(elf), 0644);
	complains(f, -ENOEXEC, text);
	elf = tiny_kernel();
	elf.ehdr.e_phnum = UINT16_MAX;
	put(f->kernel, &elf, sizeof(elf), 0644);
	complains(f, -ENOEXEC, text);
}

static void test_the_rest(void **state)
{
	struct fixture *f = *state;

	f->cfg.entropy_source = "/nowhere";
	complains(f, -ENOENT,
		  "cannot read entropy_source '/nowhere': No such file or directory (set "
		  "entropy_source in [hypervisor.qemu], \"\" for none)");
	f->cfg.initrd = "";
	complains(f, -EINVAL, "no initrd is configured (set initrd in [hypervisor.qemu])");
	f->cfg.initrd = "/nowhere";
	complains(f, -ENOENT,
		  "cannot open initrd '/nowhere': No such file or directory (set initrd "
		  "in [hypervisor.qemu])");
	f->cfg.machine_type = NULL;
	complains(f, -EINVAL,
		  "unknown machine_type '' in [hypervisor.qemu] (known: q35, pc, "
		  "microvm)");
}

static void launch_fails(const struct fixture *f, const struct vm_spec *spec, int code,
			 const char *want)
{
	struct vm vm;
	struct error err;

	assert_int_equal(hypervisor_find("qemu")->launch(&f->cfg, spec, &vm, &err), code);
	says(f, &err, want);
}

/* Nothing is started with a memory file that is not what it has to be. */
static void test_memory_file(void **state)
{
	struct fixture *f = *state;
	struct vm_spec spec = {
		.name = "x",
		.vcpus = 1,
		.memory_mib = 3,
		.control_listen_fd = -1,
		.console_listen_fd = -1,
		.log_fd = -1,
	};
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/memory", f->dir);
	spec.memory_file = path;
	spec.memory_shared = true;
	launch_fails(f, &spec, -ENOENT, "memory file '/memory': No such file or directory");
	put(path, "old", 3, 0600);
	launch_fails(f, &spec, -EINVAL, "memory file '/memory' has 3 bytes instead of 0");
	spec.memory_shared = false;
	spec.incoming = true;
	launch_fails(f, &spec, -EINVAL, "memory file '/memory' has 3 bytes instead of 3145728");
	spec.memory_file = f->dir;
	launch_fails(f, &spec, -EINVAL, "memory file '' is no regular file");
}

static void test_last_words(void **state)
{
	struct fixture *f = *state;
	char words[32];
	int fd;

	put(f->initrd, "first\n\n\tsecond\x1b[0m\r\n\n", 21, 0644);
	fd = open(f->initrd, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(vm_last_words(fd, words, sizeof(words)), 18);
	assert_string_equal(words, "first; ?second?[0m");
	assert_int_equal(vm_last_words(fd, words, 8), 7);
	assert_string_equal(words, "ond?[0m");
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(vm_last_words(fd, words, sizeof(words)), 0);
	assert_string_equal(words, "");
	(void)close(fd);
	assert_int_equal(vm_last_words(-1, words, sizeof(words)), 0);
}

#define CHECK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHECK_TEST(test_fine),	     CHECK_TEST(test_program),
		CHECK_TEST(test_kernel),     CHECK_TEST(test_kernel_without_pvh),
		CHECK_TEST(test_the_rest),   CHECK_TEST(test_memory_file),
		CHECK_TEST(test_last_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
