/* The config.json that `spec` writes: what runc's is, in the order of its members. */
#include "cmd/acrun/spec_text.h"

#include <string.h>
#include "oci/spec.h"

enum piece_kind { ALWAYS, ROOT_ONLY, ROOTLESS_ONLY };

/* clang-format off */
static const struct piece {
	enum piece_kind kind;
	const char *text;
} pieces[] = {
	{ ALWAYS,
	  "{\n"
	  "\t\"ociVersion\": \"" OCI_VERSION "\",\n"
	  "\t\"process\": {\n"
	  "\t\t\"terminal\": true,\n"
	  "\t\t\"user\": {\n"
	  "\t\t\t\"uid\": 0,\n"
	  "\t\t\t\"gid\": 0\n"
	  "\t\t},\n"
	  "\t\t\"args\": [\n"
	  "\t\t\t\"sh\"\n"
	  "\t\t],\n"
	  "\t\t\"env\": [\n"
	  "\t\t\t\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\n"
	  "\t\t\t\"TERM=xterm\"\n"
	  "\t\t],\n"
	  "\t\t\"cwd\": \"/\",\n"
	  "\t\t\"capabilities\": {\n"
	  "\t\t\t\"bounding\": [\n"
	  "\t\t\t\t\"CAP_AUDIT_WRITE\",\n"
	  "\t\t\t\t\"CAP_KILL\",\n"
	  "\t\t\t\t\"CAP_NET_BIND_SERVICE\"\n"
	  "\t\t\t],\n"
	  "\t\t\t\"effective\": [\n"
	  "\t\t\t\t\"CAP_AUDIT_WRITE\",\n"
	  "\t\t\t\t\"CAP_KILL\",\n"
	  "\t\t\t\t\"CAP_NET_BIND_SERVICE\"\n"
	  "\t\t\t],\n"
	  "\t\t\t\"permitted\": [\n"
	  "\t\t\t\t\"CAP_AUDIT_WRITE\",\n"
	  "\t\t\t\t\"CAP_KILL\",\n"
	  "\t\t\t\t\"CAP_NET_BIND_SERVICE\"\n"
	  "\t\t\t],\n"
	  "\t\t\t\"ambient\": [\n"
	  "\t\t\t\t\"CAP_AUDIT_WRITE\",\n"
	  "\t\t\t\t\"CAP_KILL\",\n"
	  "\t\t\t\t\"CAP_NET_BIND_SERVICE\"\n"
	  "\t\t\t]\n"
	  "\t\t},\n"
	  "\t\t\"rlimits\": [\n"
	  "\t\t\t{\n"
	  "\t\t\t\t\"type\": \"RLIMIT_NOFILE\",\n"
	  "\t\t\t\t\"hard\": 1024,\n"
	  "\t\t\t\t\"soft\": 1024\n"
	  "\t\t\t}\n"
	  "\t\t],\n"
	  "\t\t\"noNewPrivileges\": true\n"
	  "\t},\n"
	  "\t\"root\": {\n"
	  "\t\t\"path\": \"rootfs\",\n"
	  "\t\t\"readonly\": true\n"
	  "\t},\n"
	  "\t\"hostname\": \"acrun\",\n"
	  "\t\"mounts\": [\n"
	  "\t\t{\n"
	  "\t\t\t\"destination\": \"/proc\",\n"
	  "\t\t\t\"type\": \"proc\",\n"
	  "\t\t\t\"source\": \"proc\"\n"
	  "\t\t},\n"
	  "\t\t{\n"
	  "\t\t\t\"destination\": \"/dev\",\n"
	  "\t\t\t\"type\": \"tmpfs\",\n"
	  "\t\t\t\"source\": \"tmpfs\",\n"
	  "\t\t\t\"options\": [\n"
	  "\t\t\t\t\"nosuid\",\n"
	  "\t\t\t\t\"strictatime\",\n"
	  "\t\t\t\t\"mode=755\",\n"
	  "\t\t\t\t\"size=65536k\"\n"
	  "\t\t\t]\n"
	  "\t\t},\n"
	  "\t\t{\n"
	  "\t\t\t\"destination\": \"/dev/pts\",\n"
	  "\t\t\t\"type\": \"devpts\",\n"
	  "\t\t\t\"source\": \"devpts\",\n"
	  "\t\t\t\"options\": [\n"
	  "\t\t\t\t\"nosuid\",\n"
	  "\t\t\t\t\"noexec\",\n"
	  "\t\t\t\t\"newinstance\",\n"
	  "\t\t\t\t\"ptmxmode=0666\",\n"
	},
	{ ROOT_ONLY,
	  "\t\t\t\t\"mode=0620\",\n"
	  "\t\t\t\t\"gid=5\"\n"
	},
	{ ROOTLESS_ONLY,
	  "\t\t\t\t\"mode=0620\"\n"
	},
	{ ALWAYS,
	  "\t\t\t]\n"
	  "\t\t},\n"
	  "\t\t{\n"
	  "\t\t\t\"destination\": \"/dev/shm\",\n"
	  "\t\t\t\"type\": \"tmpfs\",\n"
	  "\t\t\t\"source\": \"shm\",\n"
	  "\t\t\t\"options\": [\n"
	  "\t\t\t\t\"nosuid\",\n"
	  "\t\t\t\t\"noexec\",\n"
	  "\t\t\t\t\"nodev\",\n"
	  "\t\t\t\t\"mode=1777\",\n"
	  "\t\t\t\t\"size=65536k\"\n"
	  "\t\t\t]\n"
	  "\t\t},\n"
	  "\t\t{\n"
	  "\t\t\t\"destination\": \"/dev/mqueue\",\n"
	  "\t\t\t\"type\": \"mqueue\",\n"
	  "\t\t\t\"source\": \"mqueue\",\n"
	  "\t\t\t\"options\": [\n"
	  "\t\t\t\t\"nosuid\",\n"
	  "\t\t\t\t\"noexec\",\n"
	  "\t\t\t\t\"nodev\"\n"
	  "\t\t\t]\n"
	  "\t\t},\n"
	  "\t\t{\n"
	  "\t\t\t\"destination\": \"/sys\",\n"
	},
	{ ROOT_ONLY,
	  "\t\t\t\"type\": \"sysfs\",\n"
	  "\t\t\t\"source\": \"sysfs\",\n"
	},
	{ ROOTLESS_ONLY,
	  "\t\t\t\"type\": \"none\",\n"
	  "\t\t\t\"source\": \"/sys\",\n"
	},
	{ ALWAYS,
	  "\t\t\t\"options\": [\n"
	},
	{ ROOTLESS_ONLY,
	  "\t\t\t\t\"rbind\",\n"
	},
	{ ALWAYS,
	  "\t\t\t\t\"nosuid\",\n"
	  "\t\t\t\t\"noexec\",\n"
	  "\t\t\t\t\"nodev\",\n"
	  "\t\t\t\t\"ro\"\n"
	  "\t\t\t]\n"
	  "\t\t},\n"
	  "\t\t{\n"
	  "\t\t\t\"destination\": \"/sys/fs/cgroup\",\n"
	  "\t\t\t\"type\": \"cgroup\",\n"
	  "\t\t\t\"source\": \"cgroup\",\n"
	  "\t\t\t\"options\": [\n"
	  "\t\t\t\t\"nosuid\",\n"
	  "\t\t\t\t\"noexec\",\n"
	  "\t\t\t\t\"nodev\",\n"
	  "\t\t\t\t\"relatime\",\n"
	  "\t\t\t\t\"ro\"\n"
	  "\t\t\t]\n"
	  "\t\t}\n"
	  "\t],\n"
	  "\t\"linux\": {\n"
	},
	{ ROOT_ONLY,
	  "\t\t\"resources\": {\n"
	  "\t\t\t\"devices\": [\n"
	  "\t\t\t\t{\n"
	  "\t\t\t\t\t\"allow\": false,\n"
	  "\t\t\t\t\t\"access\": \"rwm\"\n"
	  "\t\t\t\t}\n"
	  "\t\t\t]\n"
	  "\t\t},\n"
	},
	{ ROOTLESS_ONLY,
	  "\t\t\"uidMappings\": [\n"
	  "\t\t\t{\n"
	  "\t\t\t\t\"containerID\": 0,\n"
	  "\t\t\t\t\"hostID\": 0,\n"
	  "\t\t\t\t\"size\": 1\n"
	  "\t\t\t}\n"
	  "\t\t],\n"
	  "\t\t\"gidMappings\": [\n"
	  "\t\t\t{\n"
	  "\t\t\t\t\"containerID\": 0,\n"
	  "\t\t\t\t\"hostID\": 0,\n"
	  "\t\t\t\t\"size\": 1\n"
	  "\t\t\t}\n"
	  "\t\t],\n"
	},
	{ ALWAYS,
	  "\t\t\"namespaces\": [\n"
	  "\t\t\t{\n"
	  "\t\t\t\t\"type\": \"pid\"\n"
	},
	{ ROOT_ONLY,
	  "\t\t\t},\n"
	  "\t\t\t{\n"
	  "\t\t\t\t\"type\": \"network\"\n"
	},
	{ ALWAYS,
	  "\t\t\t},\n"
	  "\t\t\t{\n"
	  "\t\t\t\t\"type\": \"ipc\"\n"
	  "\t\t\t},\n"
	  "\t\t\t{\n"
	  "\t\t\t\t\"type\": \"uts\"\n"
	  "\t\t\t},\n"
	  "\t\t\t{\n"
	  "\t\t\t\t\"type\": \"mount\"\n"
	},
	{ ROOTLESS_ONLY,
	  "\t\t\t},\n"
	  "\t\t\t{\n"
	  "\t\t\t\t\"type\": \"user\"\n"
	},
	{ ALWAYS,
	  "\t\t\t}\n"
	  "\t\t],\n"
	  "\t\t\"maskedPaths\": [\n"
	  "\t\t\t\"/proc/acpi\",\n"
	  "\t\t\t\"/proc/asound\",\n"
	  "\t\t\t\"/proc/kcore\",\n"
	  "\t\t\t\"/proc/keys\",\n"
	  "\t\t\t\"/proc/latency_stats\",\n"
	  "\t\t\t\"/proc/timer_list\",\n"
	  "\t\t\t\"/proc/timer_stats\",\n"
	  "\t\t\t\"/proc/sched_debug\",\n"
	  "\t\t\t\"/sys/firmware\",\n"
	  "\t\t\t\"/proc/scsi\"\n"
	  "\t\t],\n"
	  "\t\t\"readonlyPaths\": [\n"
	  "\t\t\t\"/proc/bus\",\n"
	  "\t\t\t\"/proc/fs\",\n"
	  "\t\t\t\"/proc/irq\",\n"
	  "\t\t\t\"/proc/sys\",\n"
	  "\t\t\t\"/proc/sysrq-trigger\"\n"
	  "\t\t]\n"
	  "\t}\n"
	  "}\n"
	},
};
/* clang-format on */

int spec_text(bool rootless, struct strbuf *out)
{
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		if (pieces[i].kind == ALWAYS || (pieces[i].kind == ROOTLESS_ONLY) == rootless)
			(void)strbuf_adds(out, pieces[i].text);
	/* as runc, without a newline at the end */
	if (out->len > 0)
		out->data[--out->len] = '\0';
	return strbuf_error(out);
}
