/* chaincast-bridge: makes the media provider match what the chain says. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "bridge/bridge.h"
#include "core/harden.h"
#include "core/log.h"

int main(int argc, char **argv)
{
	AUTO(config) struct config *cfg = NULL;
	bool hardened = harden_dumps();
	struct err err;

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("chaincast-bridge %s\n", CX_VERSION);
		return 0;
	}
	if (argc != 3 || strcmp(argv[1], "-c") != 0) {
		(void)fprintf(stderr, "usage: chaincast-bridge -c FILE\n");
		return 2;
	}
	/* What is large goes back to the system at once: by itself the library
	 * would raise this limit, and lists and results would stay. */
	(void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	signal(SIGPIPE, SIG_IGN); /* a lost peer is an error, not an end */
	if (config_load(&cfg, argv[2], CONFIG_BRIDGE, &err) != ST_OK) {
		(void)fprintf(stderr, "chaincast-bridge: %s\n", err.msg);
		return 1;
	}
	log_init("chaincast-bridge", (enum log_level)cfg->log.level,
		 cfg->log.json);
	if (!hardened)
		log_odd("core_dumps_not_off");
	return bridge_run(cfg);
}
