/* What a guest is told that did not boot for its sandbox alone. */
#include <errno.h>
#include <sys/random.h>
#include <time.h>
#include "base/base64.h"
#include "runtime/agent_client/agent.h"

enum { SEED_LEN = 512, SEED_TEXT_LEN = BASE64_LEN(SEED_LEN) };

static int reseed(struct client *client, const struct client_wait *wait, struct error *err)
{
	unsigned char seed[SEED_LEN];
	char text[SEED_TEXT_LEN];
	const struct call_reseed body = { .seed = text };
	size_t got = 0;

	while (got < sizeof(seed)) {
		ssize_t n = getrandom(seed + got, sizeof(seed) - got, 0);

		if (n < 0 && errno != EINTR)
			return err_set(err, -errno, "get random numbers for the guest");
		got += n > 0 ? (size_t)n : 0;
	}
	base64_encode(seed, sizeof(seed), text);
	return agent_call(client, CALL_RESEED, NULL, &call_reseed_type, &body, wait, err);
}

int agent_give_identity(struct client *client, const struct client_wait *wait, struct error *err)
{
	struct call_settime body;
	struct timespec now;
	int ret = reseed(client, wait, err);

	if (ret < 0)
		return err_ctx(err, "give the guest fresh random numbers");
	(void)clock_gettime(CLOCK_REALTIME, &now);
	body = (struct call_settime){ .sec = now.tv_sec, .nsec = (uint32_t)now.tv_nsec };
	ret = agent_call(client, CALL_SETTIME, NULL, &call_settime_type, &body, wait, err);
	return ret < 0 ? err_ctx(err, "set the guest's clock") : 0;
}

int agent_online(struct client *client, uint32_t vcpus, uint32_t memory_mib,
		 const struct client_wait *wait, struct error *err)
{
	const struct call_onlinecpumem body = { .cpus = vcpus, .memory_mib = memory_mib };
	int ret = agent_call(client, CALL_ONLINECPUMEM, NULL, &call_onlinecpumem_type, &body, wait,
			     err);

	return ret < 0 ? err_ctx(err, "bring the guest's new CPUs and memory online") : 0;
}
