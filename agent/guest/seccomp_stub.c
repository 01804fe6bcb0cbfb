#include "agent/guest/seccomp_stub.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

enum { LOAD = BPF_LD | BPF_W | BPF_ABS, RETURN = BPF_RET | BPF_K };

/* A row that does not concern the call goes on to the next: jumps count from behind themselves. */
static void write_row(const struct seccomp_stub_row *row, struct sock_filter *out)
{
	bool shared = row->audit_arch == AUDIT_ARCH_X86_64;
	const struct sock_filter code[SECCOMP_STUB_ROW_LEN] = {
		BPF_STMT(LOAD, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, row->audit_arch, 0, 4),
		BPF_STMT(LOAD, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SECCOMP_STUB_X32_BIT,
			 shared && !row->x32 ? 2 : 0, row->x32 ? 2 : 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, row->last, 0, 1),
		BPF_STMT(RETURN, SECCOMP_RET_ERRNO | ENOSYS),
	};

	memcpy(out, code, sizeof(code));
}

void seccomp_stub_write(const struct seccomp_stub_row *rows, size_t n, struct sock_filter *out)
{
	for (size_t i = 0; i < n; i++)
		write_row(&rows[i], out + i * SECCOMP_STUB_ROW_LEN);
}
