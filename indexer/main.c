/*
 * chaincast-indexer: arguments, config, log, and the daemon. Only wires.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/config.h"
#include "core/harden.h"
#include "core/log.h"
#include "indexer/indexer.h"

static int usage(FILE *out, int code)
{
	fputs(
	    "usage: chaincast-indexer -c FILE [--migrate]\n"
	    "\n"
	    "Copies the events of the configured contracts into Postgres and\n"
	    "follows the chain until SIGTERM.\n"
	    "\n"
	    "  -c, --config FILE  configuration (YAML)\n"
	    "      --migrate      apply missing migrations before starting\n"
	    "      --version      print the version\n",
	    out);
	return code;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "migrate", no_argument, NULL, 'm' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	AUTO(config) struct config *cfg = NULL;
	const char *path = NULL;
	bool hardened = harden_dumps(), migrate = false;
	struct err err;
	int c;

	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (c == 'c') {
			path = optarg;
		} else if (c == 'm') {
			migrate = true;
		} else if (c == 'v') {
			puts("chaincast-indexer " CX_VERSION);
			return 0;
		} else {
			return c == 'h' ? usage(stdout, 0) : usage(stderr, 2);
		}
	}
	if (!path || optind != argc)
		return usage(stderr, 2);
	log_init("chaincast-indexer", LOG_LVL_INFO, false);
	signal(SIGPIPE, SIG_IGN);
	if (config_load(&cfg, path, CONFIG_INDEXER, &err) != ST_OK) {
		log_broken("config_refused", F_STR("reason", err.msg));
		return 1;
	}
	log_init("chaincast-indexer", (enum log_level)cfg->log.level,
		 cfg->log.json);
	if (!hardened)
		log_odd("core_dumps_not_off");
	return indexer_run(cfg, migrate);
}
