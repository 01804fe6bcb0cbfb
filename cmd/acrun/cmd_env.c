#include "cmd/acrun/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "acrun_version.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/parse.h"
#include "base/spawn.h"
#include "cmd/acrun/document.h"
#include "oci/spec.h"
#include "runtime/check/check.h"
#include "runtime/check/host.h"
#include "runtime/factory/machine.h"

#define FORMAT_VERSION "1.0.24" /* whose tables and keys these are; ours beside them are marked */

enum { OUTPUT_MAX = 4096, VERSION_TIMEOUT_MS = 10000 };

struct env_options {
	bool help;
	bool json;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct env_options, help), NULL, "show help" },
	{ "json", 0, OPTION_FLAG, offsetof(struct env_options, json), NULL, "print JSON" },
};

struct env {
	struct arena arena;
	struct config config;
	struct host_facts host;
	const struct hypervisor_ops *hypervisor;
	const struct hypervisor_config *machine;
	uint32_t memory_slots;
	unsigned n_failed;
};

/* The first line that a program prints when asked for its version. */
static void put_version_of(struct document *doc, const char *path)
{
	const char *const argv[] = { path, "--version", NULL };
	struct spawn sp = { .path = path, .argv = argv, .ctty_fd = -1 };
	auto_strbuf struct strbuf out = { 0 };
	struct error ignored;
	int code = 0;

	if (spawn_run(&sp, NULL, 0, &out, OUTPUT_MAX, VERSION_TIMEOUT_MS, &code, &ignored) < 0 ||
	    code != 0 || out.len == 0) {
		document_str(doc, "Version", "");
		return;
	}
	out.data[strcspn(out.data, "\n")] = '\0';
	document_str(doc, "Version", out.data);
}

/* The number at *text, which is moved behind it and the full stop that follows. */
static int64_t take_number(const char **text)
{
	size_t len = strspn(*text, "0123456789");
	char digits[16];
	uint32_t number = 0;

	(void)snprintf(digits, sizeof(digits), "%.*s", (int)len, *text);
	if (parse_u32(digits, &number) < 0)
		return 0;
	*text += len + ((*text)[len] == '.');
	return number;
}

static void put_semver(struct document *doc)
{
	const char *text = ACRUN_VERSION;
	int64_t major = take_number(&text);
	int64_t minor = take_number(&text);
	int64_t patch = take_number(&text);

	document_open(doc, "Version");
	document_str(doc, "Semver", ACRUN_VERSION);
	document_int(doc, "Major", major);
	document_int(doc, "Minor", minor);
	document_int(doc, "Patch", patch);
	document_str(doc, "Commit", ACRUN_COMMIT);
	document_close(doc);
}

static void put_runtime(struct document *doc, const struct env *env)
{
	auto_free char *path = NULL;

	if (fs_realpath("/proc/self/exe", &path) < 0)
		path = NULL;
	document_open(doc, "Runtime");
	document_bool(doc, "Debug", env->config.runtime.enable_debug);
	document_bool(doc, "Trace", false);
	document_bool(doc, "DisableGuestSeccomp", false);
	document_bool(doc, "DisableNewNetNs", false);
	document_bool(doc, "SandboxCgroupOnly", false);
	document_strs(doc, "Experimental", NULL);
	document_str(doc, "Path", path);
	document_open(doc, "Version");
	document_str(doc, "OCI", OCI_VERSION);
	put_semver(doc);
	document_close(doc);
	document_open(doc, "Config");
	document_str(doc, "Path", env->config.file);
	document_strs(doc, "DropIns", env->config.drop_ins);
	document_close(doc);
	document_close(doc);
}

static void put_hypervisor(struct document *doc, const struct env *env)
{
	const struct hypervisor_config *m = env->machine;
	bool shares = (env->hypervisor->caps & HV_CAP_SHARED_DIR) &&
		      strcmp(m->shared_fs, "none") != 0;

	document_open(doc, "Hypervisor");
	document_str(doc, "Name", env->hypervisor->name);
	document_str(doc, "MachineType", m->machine_type);
	put_version_of(doc, m->path);
	document_str(doc, "Path", m->path);
	document_str(doc, "Accelerator", m->accelerator);
	document_str(doc, "BlockDeviceDriver", "virtio-blk");
	document_str(doc, "EntropySource", m->entropy_source);
	document_str(doc, "SharedFS", shares ? "virtio-9p" : "");
	document_str(doc, "VirtioFSDaemon", "");
	document_int(doc, "Msize9p", shares ? m->msize_9p : 0);
	document_int(doc, "DefaultVCPUs", m->default_vcpus);
	document_int(doc, "DefaultMemory", m->default_memory_mib);
	document_int(doc, "MemorySlots", env->memory_slots);
	document_int(doc, "PCIeRootPort", 0);
	document_bool(doc, "HotplugVFIOOnRootBus", false);
	document_bool(doc, "Debug", m->enable_debug);
	document_bool(doc, "UseVSock", false);
	document_str(doc, "CtlPath", m->control_path);
	document_str(doc, "Device", m->device);
	document_close(doc);
}

static void put_path(struct document *doc, const char *table, const char *path)
{
	document_open(doc, table);
	document_str(doc, "Path", path);
	document_close(doc);
}

static void put_helper(struct document *doc, const char *table, const char *type,
		       const struct config_program *program)
{
	document_open(doc, table);
	document_str(doc, "Type", type);
	document_str(doc, "Version", ACRUN_VERSION);
	document_str(doc, "Path", program->path);
	document_bool(doc, "Debug", program->enable_debug);
	document_close(doc);
}

static void put_guest(struct document *doc, const struct env *env)
{
	put_path(doc, "Image", env->machine->image);
	document_open(doc, "Kernel");
	document_str(doc, "Path", env->machine->kernel);
	document_str(doc, "Parameters", env->machine->kernel_params);
	document_close(doc);
	put_path(doc, "Initrd", env->machine->initrd);
	put_helper(doc, "Proxy", "ccProxy", &env->config.proxy);
	put_helper(doc, "Shim", "ccShim", &env->config.shim);
	document_open(doc, "Agent");
	document_str(doc, "Type", "hyperstart");
	document_bool(doc, "Debug", env->machine->enable_debug);
	document_bool(doc, "Trace", false);
	document_str(doc, "TraceMode", "");
	document_str(doc, "TraceType", "");
	document_close(doc);
	document_open(doc, "Factory");
	document_str(doc, "EnableTemplate", env->config.factory.enable_template);
	document_str(doc, "TemplatePath", env->config.factory.template_path);
	document_int(doc, "VMCacheNumber", env->config.factory.vm_cache_number);
	document_str(doc, "VMCacheEndpoint", env->config.factory.vm_cache_endpoint);
	document_close(doc);
}

static void put_host(struct document *doc, const struct env *env)
{
	const struct host_facts *h = &env->host;

	document_open(doc, "Host");
	document_str(doc, "Kernel", h->kernel);
	document_str(doc, "Architecture", h->architecture);
	document_bool(doc, "VMContainerCapable", env->n_failed == 0);
	document_bool(doc, "SupportVSocks", access("/dev/vhost-vsock", F_OK) == 0);
	document_open(doc, "Distro");
	document_str(doc, "Name", h->distro_name);
	document_str(doc, "Version", h->distro_version);
	document_close(doc);
	document_open(doc, "CPU");
	document_str(doc, "Vendor", h->cpu_vendor);
	document_str(doc, "Model", h->cpu_model);
	document_int(doc, "CPUs", h->cpus);
	document_close(doc);
	document_open(doc, "Memory");
	document_int(doc, "Total", (int64_t)h->memory_total_kib);
	document_int(doc, "Free", (int64_t)h->memory_free_kib);
	document_int(doc, "Available", (int64_t)h->memory_available_kib);
	document_close(doc);
	document_close(doc);
}

static void count_failed(void *arg, const struct host_check *check)
{
	struct env *env = arg;

	env->n_failed += check->status == HOST_CHECK_FAIL;
}

/* What cannot be used is no reason not to tell what there is: only the configuration is needed. */
static int collect(const struct globals *globals, struct env *env, struct error *err)
{
	const struct check_request request = { .root = globals->root_abs,
					       .config = globals->config };
	const struct host_checks checks = { .add = count_failed, .arg = env };
	struct machine machine = MACHINE_INIT;
	struct error unusable;
	int ret = config_load(globals->config, &env->arena, &env->config, err);

	if (ret < 0)
		return ret;
	ret = host_facts_get(&env->arena, &env->host);
	if (ret == 0)
		ret = check_run(&request, &checks);
	if (ret < 0)
		return err_set(err, ret, "look at the host");
	ret = machine_choose(&machine, &env->config, &unusable);
	if (!machine.config)
		return err_msg(err, ret, "%s", unusable.text);
	env->hypervisor = machine.hypervisor;
	env->machine = machine.config;
	env->memory_slots = machine.memory_slots;
	return 0;
}

static int print_env(const struct env *env, enum document_form form)
{
	auto_document struct document doc = { .form = form };

	document_open(&doc, "Meta");
	document_str(&doc, "Version", FORMAT_VERSION);
	document_close(&doc);
	put_runtime(&doc, env);
	put_hypervisor(&doc, env);
	put_guest(&doc, env);
	put_host(&doc, env);
	document_open(&doc, "Netmon");
	document_str(&doc, "Version", "");
	document_str(&doc, "Path", "");
	document_bool(&doc, "Debug", false);
	document_bool(&doc, "Enable", false);
	document_close(&doc);
	return document_print(&doc);
}

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	const struct env_options *opts = options;
	struct env env = { 0 };
	int ret = collect(globals, &env, err);

	(void)argc;
	(void)argv;
	if (ret == 0) {
		ret = print_env(&env, opts->json ? DOCUMENT_JSON : DOCUMENT_TOML);
		if (ret < 0)
			ret = err_set(err, ret, "print the environment");
	}
	arena_done(&env.arena);
	return ret;
}

static const struct command_example examples[] = {
	{ "acrun env", "for a bug report" },
	{ "acrun env --json | jq .Hypervisor.Version", "for scripts" },
	{ NULL, NULL },
};

const struct command command_env = {
	.name = "env",
	.operands = "",
	.summary = "print versions, paths and settings in force, and what the host is",
	.examples = examples,
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct env_options),
	.min_args = 0,
	.max_args = 0,
	.run = run,
};
