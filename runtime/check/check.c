#include "runtime/check/check.h"

#include <inttypes.h>
#include <string.h>
#include "base/clock.h"
#include "runtime/check/check_internal.h"
#include "runtime/factory/factory.h"
#include "runtime/factory/machine.h"

/* Boots a machine as the template's maker does: all the way to a guest that answers. */
static void check_boot(const char *config, const struct host_checks *checks)
{
	enum factory_status status = FACTORY_NOT_ENABLED;
	int64_t begun = clock_now_ms();
	struct error err = { 0 };
	int ret = factory_init(config, &status, &err);

	if (ret < 0)
		host_check_add(checks, "boot", HOST_CHECK_FAIL,
			       "mend what fails above; --debug tells more", "%s", err.text);
	else if (status != FACTORY_ON)
		host_check_add(checks, "boot", HOST_CHECK_WARN,
			       "set enable_template = \"auto\" in [factory]",
			       "nothing was booted: there is no template to be made");
	else
		host_check_add(checks, "boot", HOST_CHECK_OK, NULL,
			       "a machine has booted, its template is there (%" PRId64 " ms)",
			       clock_now_ms() - begun);
}

/* With "auto": which hypervisors this host is not made for, and why. */
static void check_passed_over(const struct config *config, const struct hypervisor_ops *chosen,
			      const struct host_checks *checks)
{
	const struct hypervisor_ops *ops;

	if (strcmp(config->runtime.hypervisor, "auto") != 0)
		return;
	for (unsigned i = 0; (ops = hypervisor_at(i)) && ops != chosen; i++) {
		struct error why = { 0 };

		if (ops->fits_host && !ops->fits_host(&why))
			host_check_add(checks, ops->name, HOST_CHECK_OK, NULL, "not used: %s",
				       why.text);
	}
}

static void check_create(const struct machine *machine, const struct host_checks *checks)
{
	if (machine->hypervisor->try_create)
		machine->hypervisor->try_create(machine->config, checks);
	else
		host_check_add(checks, "create", HOST_CHECK_OK, NULL,
			       "%s has no machine without a program: --boot makes one",
			       machine->hypervisor->name);
}

static void check_configured(const struct check_request *request, const struct config *config,
			     const struct host_facts *facts, const struct host_checks *checks)
{
	struct machine machine = MACHINE_INIT;
	struct error err = { 0 };
	int ret = machine_choose(&machine, config, &err);

	host_check_add_result(
		checks, "hypervisor", ret, machine.hypervisor ? machine.hypervisor->name : "", &err,
		"see the hypervisor's table in the configuration (acrun config show)");
	check_passed_over(config, machine.hypervisor, checks);
	check_virtualization(facts, machine.hypervisor, checks);
	if (machine.hypervisor && machine.hypervisor->check_host)
		machine.hypervisor->check_host(machine.config, checks);
	check_files(config, &machine, request->root, checks);
	if (machine.config)
		check_memory(facts, machine.config, checks);
	if (request->create && machine.hypervisor)
		check_create(&machine, checks);
	if (request->boot && ret == 0)
		check_boot(request->config, checks);
}

int check_run(const struct check_request *request, const struct host_checks *checks)
{
	auto_arena struct arena arena = { 0 };
	struct host_facts facts;
	struct config config;
	struct error err = { 0 };
	int ret = host_facts_get(&arena, &facts);

	if (ret < 0)
		return ret;
	check_system(&facts, checks);
	ret = config_load(request->config, &arena, &config, &err);
	host_check_add_result(checks, "configuration", ret, ret < 0 ? "" : config.file, &err,
			      "correct the file; acrun config check FILE looks at it again");
	if (ret == 0)
		check_configured(request, &config, &facts, checks);
	return 0;
}
