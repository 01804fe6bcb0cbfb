#include "agent/guest/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "agent/guest/fail.h"
#include "agent/guest/guest.h"
#include "agent/guest/inroot.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "oci/hooks.h"

/* What a hook finds its program by, in whatever root. */
#define PROGRAM_PATH "/proc/self/fd/3"
enum { PROGRAM_FD = 3 };

static struct oci_state make_state(const struct launch *launch, int status)
{
	return (struct oci_state){
		.oci_version = launch->spec->oci_version,
		.id = launch->id,
		.pid = getpid(),
		.status = status,
		.bundle = launch->bundle ? launch->bundle : "",
		.annotations = launch->spec->annotations,
	};
}

size_t hooks_count(const struct oci_spec *spec)
{
	return spec->hooks ? spec->hooks->create_container.len : 0;
}

int hooks_open(const struct oci_spec *spec, int *programs, struct error *err)
{
	size_t n = hooks_count(spec);
	auto_close int share = n > 0 ? fs_open_dir_at(AT_FDCWD, GUEST_SHARE_DIR) : -1;

	for (size_t i = 0; i < n; i++) {
		const struct oci_hook *rows = spec->hooks->create_container.items;

		programs[i] = share < 0 ? share : inroot_open(share, rows[i].path);
		if (programs[i] < 0)
			return fail_set(err, programs[i],
					"error running createContainer hook #%zu: open '%s'", i,
					rows[i].path);
	}
	return 0;
}

static int enter_root(void *arg, struct error *err)
{
	const int *root_fd = arg;

	if (fchdir(*root_fd) < 0 || chroot(".") < 0)
		return fail_set(err, -errno, "enter the container's root");
	return 0;
}

static int run_create(const struct launch *launch, size_t i, int root_fd, int program,
		      struct error *err)
{
	const struct oci_hook *rows = launch->spec->hooks->create_container.items;
	const struct oci_state state = make_state(launch, OCI_STATUS_CREATING);
	struct spawn how = { .path = PROGRAM_PATH,
			     .fds = { { .from = program, .to = PROGRAM_FD } },
			     .n_fds = 1,
			     .cwd = GUEST_ROOT_DIR,
			     .setsid = true };
	int ret = oci_hook_run("createContainer", i, &rows[i], &state, &launch->process->env, &how,
			       err);

	if (ret != -ENOENT)
		return ret;
	err_clear(err);
	how.prepare = enter_root;
	how.prepare_arg = &root_fd;
	how.cwd = "/";
	ret = oci_hook_run("createContainer", i, &rows[i], &state, &launch->process->env, &how,
			   err);
	if (ret == -ENOENT)
		return err_hint(err, "what interprets or links the program is neither in the guest "
				     "nor in the container: link it statically");
	return ret;
}

int hooks_run_create(const struct launch *launch, int root_fd, const int *programs,
		     struct error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < hooks_count(launch->spec); i++)
		ret = run_create(launch, i, root_fd, programs[i], err);
	return ret;
}

int hooks_run_start(const struct launch *launch, struct error *err)
{
	const struct oci_hooks *hooks = launch->spec->hooks;
	const struct oci_state state = make_state(launch, OCI_STATUS_CREATED);
	const struct spawn how = { .setsid = true };
	int ret = 0;

	for (size_t i = 0; hooks && ret == 0 && i < hooks->start_container.len; i++)
		ret = oci_hook_run("startContainer", i,
				   &((const struct oci_hook *)hooks->start_container.items)[i],
				   &state, &launch->process->env, &how, err);
	return ret;
}
