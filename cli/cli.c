/*
 * What every command shares: options, arguments or standard input, files.
 */
#include "cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "abi/u256.h"

const char *cli_opt(const struct cli *cli, const char *name)
{
	for (int i = 0; i < cli->opt_count; i++)
		if (cli->opts[i].value && strcmp(cli->opts[i].name, name) == 0)
			return cli->opts[i].value;
	return NULL;
}

bool cli_flag(const struct cli *cli, const char *name)
{
	for (int i = 0; i < cli->opt_count; i++)
		if (!cli->opts[i].value && strcmp(cli->opts[i].name, name) == 0)
			return true;
	return false;
}

enum status cli_need(const char **out, const struct cli *cli, const char *name,
		     struct err *err)
{
	const char *value = cli_opt(cli, name);

	if (!value)
		return err_set(err, ST_REJECTED, "--%s is needed", name);
	*out = value;
	return ST_OK;
}

enum status cli_number(int64_t *out, const struct cli *cli, const char *name,
		       int64_t min, int64_t max, struct err *err)
{
	const char *text = cli_opt(cli, name);
	struct u256 v;
	uint64_t n;
	enum status st;

	if (!text)
		return ST_OK;
	st = u256_parse(&v, text, name, err);
	if (st != ST_OK)
		return st;
	if (!u256_to_u64(&n, &v) || n > (uint64_t)max || (int64_t)n < min)
		return err_set(err, ST_REJECTED,
			       "--%s %.40s: a number from %" PRId64
			       " to %" PRId64 " is needed",
			       name, text, min, max);
	*out = (int64_t)n;
	return ST_OK;
}

static enum status read_stream(struct buf *b, FILE *f, const char *what,
			       struct err *err)
{
	char chunk[4096];
	size_t n;

	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(b, chunk, n);
	explicit_bzero(chunk, sizeof(chunk));
	if (ferror(f))
		return err_set(err, ST_REJECTED, "%s: %s", what,
			       strerror(errno));
	return buf_check(b, what, err);
}

static void trim(struct buf *b)
{
	size_t start = 0;

	while (b->len > 0 && isspace(b->data[b->len - 1]))
		b->data[--b->len] = 0;
	while (start < b->len && isspace(b->data[start]))
		start++;
	if (start > 0) {
		memmove(b->data, b->data + start, b->len - start + 1);
		b->len -= start;
	}
}

enum status cli_arg(struct buf *out, const struct cli *cli, int i,
		    const char *what, struct err *err)
{
	enum status st;

	if (i < cli->argc && strcmp(cli->args[i], "-") != 0) {
		buf_add_str(out, cli->args[i]);
		st = buf_check(out, what, err);
	} else {
		st = read_stream(out, stdin, what, err);
	}
	if (st != ST_OK)
		return st;
	trim(out);
	if (out->len == 0)
		return err_set(err, ST_REJECTED,
			       "%s is needed, as an argument or on standard "
			       "input",
			       what);
	return ST_OK;
}

enum status cli_config_for(struct config **out, const struct cli *cli,
			   enum config_use use, struct err *err)
{
	if (!cli->config)
		return err_set(err, ST_REJECTED,
			       "name the config file with -c FILE or "
			       "CHAINCAST_CONFIG");
	return config_load(out, cli->config, use, err);
}

enum status cli_config(struct config **out, const struct cli *cli,
		       struct err *err)
{
	return cli_config_for(out, cli, CONFIG_CLI, err);
}

enum status cli_database(struct db **out, const struct config *c, bool timeout,
			 struct err *err)
{
	return cli_database_on(out, NULL, c, timeout, err);
}

enum status cli_database_on(struct db **out, uv_loop_t *loop,
			    const struct config *c, bool timeout,
			    struct err *err)
{
	const char *why = config_unread(c, "database.");
	struct db_opts opts = {
		.url = c->database.url,
		.application_name = "chaincast",
		.connect_timeout_s = c->database.connect_timeout_s,
		.statement_timeout_ms =
		    timeout ? c->database.statement_timeout_ms : 0,
	};

	if (why)
		return err_set(err, ST_REJECTED, "%s", why);
	if (!*opts.url)
		return err_set(err, ST_REJECTED, "%s: database.url: is missing",
			       c->path);
	return db_open(out, loop, &opts, err);
}

enum status cli_read_file(struct buf *b, const char *path, struct err *err)
{
	FILE *f = fopen(path, "re");
	enum status st;

	if (!f)
		return err_set(err, ST_REJECTED, "%s: %s", path,
			       strerror(errno));
	st = read_stream(b, f, path, err);
	fclose(f);
	return st;
}
