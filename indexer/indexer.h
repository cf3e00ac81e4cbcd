#ifndef CX_INDEXER_INDEXER_H
#define CX_INDEXER_INDEXER_H

#include <stdbool.h>

#include "config/config.h"

/**
 * indexer_run - the daemon: lead or stand by, catch up, follow, until SIGTERM
 * or SIGINT
 * @migrate: apply missing migrations first
 *
 * Return: the process's exit status: 0 after a signal, 1 after a failure that
 * was logged.
 */
int indexer_run(const struct config *cfg, bool migrate);

#endif
