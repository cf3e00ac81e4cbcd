/*
 * Loads the config: reads the file, has it parsed, walked and checked. Never
 * logs, never keeps the file's text.
 */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "config/internal.h"
#include "core/buf.h"

#define FILE_MAX (256UL * 1024)

static void strings_free(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static void contract_deinit(struct config_contract *c)
{
	free(c->name);
	free(c->addresses);
	free(c->abi_file);
	strings_free(c->events, c->event_count);
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->chain.endpoint_count; i++)
		config_wipe(c->chain.endpoints[i].url);
	for (size_t i = 0; i < c->contract_count; i++)
		contract_deinit(&c->contracts[i]);
	strings_free(c->cloudflare.allowed_origins,
		     c->cloudflare.allowed_origin_count);
	for (size_t i = 0; i < c->webhooks.url_count; i++)
		explicit_bzero(c->webhooks.urls[i],
			       strlen(c->webhooks.urls[i]));
	strings_free(c->webhooks.urls, c->webhooks.url_count);
	strings_free(c->webhooks.events, c->webhooks.event_count);
	free(c->media.delivery_url);
	free(c->chain.endpoints);
	free(c->contracts);
	free(c->policy.allow_hosts);
	free(c->policy.deny_hosts);
	strings_free(c->restream.unseal_key_texts,
		     c->restream.unseal_key_text_count);
	for (size_t i = 0; i < c->restream.unseal_key_count; i++)
		free(c->restream.unseal_keys[i].file);
	free(c->restream.unseal_keys);
	config_wipe(c->database.url);
	config_wipe(c->cloudflare.api_token);
	config_wipe(c->webhooks.secret);
	free(c->cloudflare.api_url);
	free(c->cloudflare.account_id);
	free(c->cloudflare.customer_code);
	free(c->health.indexer_listen);
	free(c->health.bridge_listen);
	for (size_t i = 0; i < c->signer_count; i++) {
		free(c->signers[i].keystore_file);
		free(c->signers[i].password_file);
		free(c->signers[i].key_file);
	}
	free(c->signers);
	for (size_t i = 0; i < c->unread_count; i++)
		free(c->unread[i].why);
	free(c->unread);
	free(c->path);
	free(c);
}

const char *config_unread(const struct config *c, const char *prefix)
{
	for (size_t i = 0; i < c->unread_count; i++) {
		if (strncmp(c->unread[i].key, prefix, strlen(prefix)) == 0)
			return c->unread[i].why;
	}
	return NULL;
}

const char *config_confirm_name(const struct config *c)
{
	switch (c->chain.confirm) {
	case CONFIRM_DEPTH:
		return "depth";
	case CONFIRM_SAFE:
		return "safe";
	case CONFIRM_FINALIZED:
		return "finalized";
	}
	abort();
}

static void wipe_document(yaml_document_t *doc)
{
	for (yaml_node_t *n = doc->nodes.start; n < doc->nodes.top; n++) {
		if (n->type == YAML_SCALAR_NODE)
			explicit_bzero(n->data.scalar.value,
				       n->data.scalar.length);
	}
	yaml_document_delete(doc);
}

static enum status parse(struct loader *l, const struct buf *text)
{
	yaml_parser_t p;
	enum status st = ST_OK;

	if (!yaml_parser_initialize(&p))
		abort();
	yaml_parser_set_input_string(&p, text->data, text->len);
	if (!yaml_parser_load(&p, &l->doc))
		/* The problem's text is libyaml's own and quotes nothing. */
		st = err_set(l->err, ST_REJECTED, "%s:%zu: not YAML: %s",
			     l->path, p.problem_mark.line + 1,
			     p.problem ? p.problem : "bad characters");
	yaml_parser_delete(&p);
	return st;
}

static enum status read_config(struct buf *b, const char *path, struct err *err)
{
	char chunk[4096];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, ST_REJECTED, "%s: cannot open: %s", path,
			       strerror(errno));
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(b, chunk, (size_t)n);
	explicit_bzero(chunk, sizeof(chunk));
	close(fd);
	if (n < 0)
		return err_set(err, ST_REJECTED, "%s: cannot read: %s", path,
			       strerror(errno));
	return buf_check(b, path, err);
}

enum status config_parse(struct config **out, const char *path,
			 const struct buf *text, enum config_use use,
			 enum status (*secret)(char **out, const char *path,
					       struct err *err),
			 struct err *err)
{
	AUTO(config) struct config *c = mem_zalloc(sizeof(*c));
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *dir =
	    mem_strndup(path, slash ? (size_t)(slash - path) + 1 : 0);
	struct err ignored = { 0 };
	struct loader l = { .path = path,
			    .dir = dir,
			    .use = use,
			    .c = c,
			    .secret = secret,
			    .err = err ? err : &ignored };
	enum status st;

	if (!text->len)
		return config_fail(&l, 0, "the file", "is empty");
	st = parse(&l, text);
	if (st != ST_OK)
		return st;
	c->path = mem_strdup(path);
	st = config_walk(&l);
	wipe_document(&l.doc);
	if (st == ST_OK)
		st = config_finish(&l);
	if (st == ST_OK)
		*out = STEAL(c);
	return st;
}

enum status config_load(struct config **out, const char *path,
			enum config_use use, struct err *err)
{
	AUTO_SECRET_BUF text = BUF_NULL;
	enum status st;

	buf_init(&text, FILE_MAX);
	st = read_config(&text, path, err);
	if (st != ST_OK)
		return st;
	return config_parse(out, path, &text, use, config_secret_file, err);
}
