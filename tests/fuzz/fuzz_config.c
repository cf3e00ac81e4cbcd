/*
 * The config's text, as each program reads it. No secret file is opened: their
 * contents are made up. Errors stay within one line.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "config/internal.h"

static enum status made_up(char **out, const char *path, struct err *err)
{
	if (strlen(path) % 7 == 0)
		return err_set(err, ST_REJECTED, "cannot open %s", path);
	*out = mem_strdup("ws://u:p@h:1/x");
	return ST_OK;
}

static void parse(const struct buf *text, enum config_use use)
{
	AUTO(config) struct config *c = NULL;
	struct err err = { 0 };
	enum status st = config_parse(&c, "f.yaml", text, use, made_up, &err);

	if (st != ST_OK) {
		assert(st == ST_REJECTED && !c);
		assert(strncmp(err.msg, "f.yaml:", 7) == 0);
		assert(!strchr(err.msg, '\n'));
		return;
	}
	assert(c->contract_count >= 1 && c->contracts[0].address_count == 1);
	assert(use == CONFIG_CLI || (c->chain.chain_id && *c->database.url));
	for (size_t i = 1; i < c->chain.endpoint_count; i++)
		assert(c->chain.endpoints[i - 1].priority <=
		       c->chain.endpoints[i].priority);
	for (size_t i = 0; i < c->unread_count; i++)
		assert(use == CONFIG_CLI && config_unread(c, c->unread[i].key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_SECRET_BUF text = BUF_NULL;

	buf_init(&text, 256UL * 1024);
	buf_add(&text, data, size);
	if (buf_check(&text, "config", NULL) != ST_OK)
		return 0;
	parse(&text, CONFIG_INDEXER);
	parse(&text, CONFIG_BRIDGE);
	parse(&text, CONFIG_CLI);
	return 0;
}
