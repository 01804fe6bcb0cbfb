#include "cmd/acrun/command.h"

#include <string.h>

/* In the order of their names. */
static const struct command *const commands[] = {
	&command_check,	 &command_checkpoint, &command_completion, &command_config,
	&command_create, &command_delete,     &command_env,	   &command_events,
	&command_exec,	 &command_factory,    &command_features,   &command_gc,
	&command_help,	 &command_kill,	      &command_list,	   &command_logs,
	&command_pause,	 &command_ps,	      &command_restore,	   &command_resume,
	&command_run,	 &command_spec,	      &command_start,	   &command_state,
	&command_update, &command_version,
};

const struct command *command_at(size_t i)
{
	return i < sizeof(commands) / sizeof(commands[0]) ? commands[i] : NULL;
}

const struct command *command_find(const char *name)
{
	for (size_t i = 0; command_at(i); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}
