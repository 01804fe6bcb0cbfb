#include "runtime/factory/factory.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "acrun_version.h"
#include "runtime/factory/cache.h"
#include "runtime/factory/template.h"

struct factory {
	struct arena arena;
	struct config config;
	struct machine shape;
};

static int load(struct factory *factory, const char *config_path, struct error *err)
{
	*factory = (struct factory){ .shape = MACHINE_INIT };
	return config_load(config_path, &factory->arena, &factory->config, err);
}

static bool is_enabled(const struct factory *factory)
{
	return strcmp(factory->config.factory.enable_template, "false") != 0 &&
	       (factory->shape.hypervisor->caps & HV_CAP_SNAPSHOT);
}

static int with_template(const char *config_path, bool make, enum factory_status *status,
			 struct error *err)
{
	struct template template = TEMPLATE_INIT;
	struct factory factory;
	int ret = load(&factory, config_path, err);

	*status = FACTORY_NOT_ENABLED;
	if (ret == 0)
		ret = machine_choose(&factory.shape, &factory.config, err);
	if (ret == 0 && is_enabled(&factory)) {
		ret = make ? template_get(&template, &factory.config, &factory.shape, err)
			   : template_find(&template, &factory.config, &factory.shape, err);
		*status = ret == 0 ? FACTORY_ON : FACTORY_OFF;
	}
	template_done(&template);
	arena_done(&factory.arena);
	return ret;
}

static int become_server(struct factory *factory, bool debug, struct error *err)
{
	const char *path = arena_printf(&factory->arena, "%s/" ACRUN_REL_LIBEXECDIR "/acrun-cached",
					factory->config.prefix);
	const char *argv[] = { "acrun-cached", "-config", factory->config.file, NULL, NULL };

	if (!path)
		return err_set(err, -ENOMEM, "start the VM cache");
	if (debug)
		argv[3] = "-debug";
	/* execve() takes but does not change what the pointers point to */
	(void)execve(path, (char *const *)argv, environ);
	return err_set(err, -errno, "exec '%s'", path);
}

int factory_serve(const char *config_path, bool debug, struct error *err)
{
	struct factory factory;
	int ret = load(&factory, config_path, err);

	if (ret == 0 && factory.config.factory.vm_cache_number > 0)
		ret = become_server(&factory, debug, err);
	arena_done(&factory.arena);
	return ret;
}

int factory_cache_status(const char *config_path, struct arena *arena, struct cache_status *status,
			 struct error *err)
{
	struct factory factory;
	int ret = load(&factory, config_path, err);

	if (ret == 0 && factory.config.factory.vm_cache_number > 0) {
		ret = cache_get_status(factory.config.factory.vm_cache_endpoint, arena, status,
				       err);
		ret = ret < 0 ? ret : 1;
	}
	arena_done(&factory.arena);
	return ret;
}

int factory_init(const char *config_path, enum factory_status *status, struct error *err)
{
	return with_template(config_path, true, status, err);
}

int factory_status(const char *config_path, enum factory_status *status, struct error *err)
{
	int ret = with_template(config_path, false, status, err);

	/* One that does not fit is as good as none. */
	return *status == FACTORY_OFF ? 0 : ret;
}

int factory_destroy(const char *config_path, struct error *err)
{
	struct factory factory;
	int ret = load(&factory, config_path, err);

	if (ret == 0)
		ret = cache_quit(factory.config.factory.vm_cache_endpoint, err);
	if (ret == 0)
		ret = template_remove_all(factory.config.factory.template_path, err);
	arena_done(&factory.arena);
	return ret;
}
