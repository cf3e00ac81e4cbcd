/*
 * chaincast abi …: topics, call data and logs for people who debug. Works on
 * its arguments alone: no config, no network.
 */
#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "abi/abi.h"
#include "abi/hex.h"
#include "cli/cli.h"
#include "core/json.h"

#define INPUT_MAX (8u << 20)
/* what JSON arguments take is bounded by INPUT_MAX per argument */
#define ARENA_MAX ((size_t)4 << 30)

static void print_json(cJSON *json)
{
	AUTO_FREE char *text = mem_check(cJSON_Print(json));

	puts(text);
}

static unsigned decode_flags(const struct cli *cli)
{
	return (cli_flag(cli, "any-layout") ? ABI_ANY_LAYOUT : 0) |
	       (cli_flag(cli, "any-padding") ? ABI_ANY_PADDING : 0);
}

/* NULL in @out where --abi is not given */
static enum status open_abi(struct abi **out, const struct cli *cli,
			    struct err *err)
{
	const char *path = cli_opt(cli, "abi");
	enum status st;
	AUTO_BUF text = BUF_NULL;

	buf_init(&text, INPUT_MAX);
	*out = NULL;
	if (!path)
		return ST_OK;
	st = cli_read_file(&text, path, err);
	if (st != ST_OK)
		return st;
	return abi_load_text(out, buf_str(&text), text.len, path, err);
}

/* in the ABI when there is one, else @name is a signature */
static enum status pick(const struct abi_entry **out, struct arena *a,
			const struct abi *abi, enum abi_entry_kind kind,
			const char *name, struct err *err)
{
	enum status st;

	if (abi)
		return abi_find(out, abi, kind, name, err);
	st = abi_entry_parse(out, a, name, kind, err);
	if (st == ST_OK && (*out)->kind != kind)
		return err_set(err, ST_REJECTED, "%s: of another kind",
			       (*out)->signature);
	return st;
}

static void add_string(cJSON *obj, const char *key, const char *value)
{
	mem_check(cJSON_AddStringToObject(obj, key, value));
}

/* the entry and its values, as JSON or a line each */
static void print_values(const struct cli *cli, const char *kind,
			 const struct abi_entry *e,
			 const struct abi_value *values)
{
	AUTO_JSON cJSON *out = mem_check(cJSON_CreateObject());
	const struct abi_type *in;
	AUTO_BUF type = BUF_NULL;

	assert(e);
	in = e->inputs;
	buf_init(&type, INPUT_MAX);
	if (cli->json) {
		add_string(out, kind, e->name);
		add_string(out, "signature", e->signature);
		cJSON_AddItemToObject(out, "args",
				      abi_params_to_json(in, values));
		print_json(out);
		return;
	}
	puts(e->signature);
	for (size_t i = 0; i < in->n_fields; i++) {
		AUTO_JSON cJSON *item = abi_to_json(&in->fields[i], &values[i]);
		AUTO_FREE char *text = mem_check(cJSON_PrintUnformatted(item));

		buf_reset(&type);
		abi_type_add(&type, &in->fields[i]);
		printf("  %s%s%s = %s\n", in->fields[i].name,
		       in->fields[i].name[0] ? " " : "", buf_str(&type), text);
	}
}

static enum status run_topic(struct cli *cli, struct err *err)
{
	AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
	AUTO_JSON cJSON *out = NULL;
	const struct abi_entry *e;
	char topic[HEX_HASH_SIZE], selector[HEX_SIZE(4)];
	enum status st;
	AUTO_BUF text = BUF_NULL;

	buf_init(&text, ABI_TEXT_MAX);
	st = cli_arg(&text, cli, 0, "a signature", err);
	if (st == ST_OK)
		st = abi_entry_parse(&e, a, buf_str(&text), ABI_ENTRY_EVENT,
				     err);
	if (st != ST_OK)
		return st;
	hex_hash(topic, &e->hash);
	if (!cli->json) {
		puts(topic);
		return ST_OK;
	}
	out = mem_check(cJSON_CreateObject());
	add_string(out, "signature", e->signature);
	add_string(out, "topic", topic);
	add_string(out, "selector", hex_encode(selector, e->selector, 4));
	print_json(out);
	return ST_OK;
}

static bool is_integer(const char *text)
{
	text += *text == '-';
	return *text && text[strspn(text, "0123456789")] == '\0';
}

/* An argument is JSON, except that numbers (which JSON would round), 0x… and
 * plain words for a string, address or bytes need no quotes. */
static enum status arg_json(cJSON **out, const struct abi_type *t,
			    const char *text, struct err *err)
{
	bool compound =
	    t->kind == ABI_ARRAY || t->kind == ABI_LIST || t->kind == ABI_TUPLE;
	const char *what = t->name[0] ? t->name : "argument";

	if (t->kind == ABI_BOOL || compound || text[0] == '"' ||
	    (t->kind == ABI_STRING && text[0] == '{'))
		return json_parse(out, text, strlen(text), what, err);
	if ((t->kind == ABI_UINT || t->kind == ABI_INT) && !is_integer(text) &&
	    strncmp(text, "0x", 2) != 0)
		return err_set(err, ST_REJECTED, "%s: not a number", what);
	*out = mem_check(cJSON_CreateString(text));
	return ST_OK;
}

static enum status read_args(struct abi_value *values, struct arena *a,
			     const struct abi_type *in, char **args,
			     struct err *err)
{
	for (size_t i = 0; i < in->n_fields; i++) {
		AUTO_JSON cJSON *json = NULL;
		enum status st;

		st = arg_json(&json, &in->fields[i], args[i], err);
		if (st == ST_OK)
			st = abi_from_json(&values[i], a, &in->fields[i], json,
					   err);
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

/* all arguments as one JSON array or object on standard input */
static enum status read_stdin(struct abi_value *all, struct arena *a,
			      const struct cli *cli, const struct abi_type *in,
			      struct err *err)
{
	AUTO_JSON cJSON *json = NULL;
	enum status st;
	AUTO_BUF text = BUF_NULL;

	buf_init(&text, INPUT_MAX);
	st = cli_arg(&text, cli, cli->argc, "a JSON array of arguments", err);
	if (st == ST_OK)
		st = json_parse(&json, buf_str(&text), text.len, "arguments",
				err);
	if (st == ST_OK)
		st = abi_from_json(all, a, in, json, err);
	return st;
}

static enum status encode_and_print(struct cli *cli, struct arena *a,
				    const struct abi_entry *f, char **args,
				    int argc, struct err *err)
{
	size_t n = f->inputs->n_fields;
	struct abi_value *values = arena_array(a, n, sizeof(*values));
	struct abi_value all = abi_list(values, n);
	AUTO_JSON cJSON *out = NULL;
	AUTO_BUF data = BUF_NULL, hex = BUF_NULL;
	enum status st;

	buf_init(&data, INPUT_MAX);
	buf_init(&hex, HEX_SIZE(INPUT_MAX));
	if (argc == 0 && n > 0)
		st = read_stdin(&all, a, cli, f->inputs, err);
	else if ((size_t)argc != n)
		return err_set(err, ST_REJECTED,
			       "%.100s takes %zu arguments, got %d",
			       f->signature, n, argc);
	else
		st = read_args(values, a, f->inputs, args, err);
	if (st == ST_OK)
		st = abi_encode_call(&data, f, all.list.items, n, err);
	if (st != ST_OK)
		return st;
	hex_add(&hex, data.data, data.len);
	if (!cli->json) {
		puts(buf_str(&hex));
		return ST_OK;
	}
	out = mem_check(cJSON_CreateObject());
	add_string(out, "function", f->name);
	add_string(out, "signature", f->signature);
	add_string(out, "data", buf_str(&hex));
	print_json(out);
	return ST_OK;
}

static enum status run_encode_call(struct cli *cli, struct err *err)
{
	AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
	AUTO(abi) struct abi *abi = NULL;
	const char *name = cli_opt(cli, "function");
	const struct abi_entry *f;
	char **args = cli->args;
	int argc = cli->argc;
	enum status st;

	if (!name) {
		if (argc == 0)
			return err_set(err, ST_REJECTED,
				       "a signature, or --abi and --function, "
				       "is needed");
		name = *args++;
		argc--;
	}
	st = open_abi(&abi, cli, err);
	if (st == ST_OK)
		st = pick(&f, a, abi, ABI_ENTRY_FUNCTION, name, err);
	if (st != ST_OK)
		return st;
	return encode_and_print(cli, a, f, args, argc, err);
}

/* The function whose selector the data has. */
static enum status by_selector(const struct abi_entry **out,
			       const struct abi *abi, const struct buf *data,
			       struct err *err)
{
	if (data->len < 4)
		return err_set(err, ST_REJECTED,
			       "call data without a selector");
	*out = abi_by_selector(abi, ABI_ENTRY_FUNCTION, data->data);
	if (!*out)
		return err_set(err, ST_REJECTED,
			       "the ABI has no function with selector "
			       "0x%02x%02x%02x%02x",
			       data->data[0], data->data[1], data->data[2],
			       data->data[3]);
	return ST_OK;
}

static enum status run_decode_call(struct cli *cli, struct err *err)
{
	AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
	AUTO(abi) struct abi *abi = NULL;
	const char *name = cli_opt(cli, "function");
	const struct abi_value *values;
	const struct abi_entry *f = NULL;
	AUTO_BUF text = BUF_NULL, data = BUF_NULL;
	enum status st;
	int at = 0;

	buf_init(&text, HEX_SIZE(INPUT_MAX));
	buf_init(&data, INPUT_MAX);
	st = open_abi(&abi, cli, err);
	if (st != ST_OK)
		return st;
	if (!abi && !name) {
		if (cli->argc == 0)
			return err_set(err, ST_REJECTED,
				       "a signature or --abi is needed");
		name = cli->args[at++];
	}
	if (name)
		st = pick(&f, a, abi, ABI_ENTRY_FUNCTION, name, err);
	if (st == ST_OK)
		st = cli_arg(&text, cli, at, "call data", err);
	if (st == ST_OK)
		st = hex_decode_buf(&data, buf_str(&text), "call data", err);
	if (st == ST_OK && !f)
		st = by_selector(&f, abi, &data, err);
	if (st == ST_OK)
		st = abi_decode_call(&values, a, f, buf_str(&data), data.len,
				     decode_flags(cli), err);
	if (st == ST_OK)
		print_values(cli, "function", f, values);
	return st;
}

static enum status read_topics(struct hash32 topics[static ABI_TOPICS_MAX],
			       size_t *n, const char *text, struct err *err)
{
	enum status st;

	*n = 0;
	while (text && *text) {
		size_t len = strcspn(text, ",");

		if (*n == ABI_TOPICS_MAX)
			return err_set(err, ST_REJECTED, "topics: more than %d",
				       ABI_TOPICS_MAX);
		if (len < 2 || strncmp(text, "0x", 2) != 0)
			return err_set(err, ST_REJECTED,
				       "topics: 0x… wanted, comma-separated");
		st = hex_decode_bare(topics[*n].b, 32, text + 2, len - 2,
				     "topics", err);
		if (st != ST_OK)
			return st;
		(*n)++;
		text += len + (text[len] == ',');
	}
	return ST_OK;
}

static enum status pick_event(const struct abi_entry **out, struct arena *a,
			      const struct cli *cli, const struct abi *abi,
			      const struct hash32 *topics, size_t n,
			      struct err *err)
{
	const char *name = cli_opt(cli, "event");

	if (name)
		return pick(out, a, abi, ABI_ENTRY_EVENT, name, err);
	if (!abi)
		return err_set(err, ST_REJECTED, "--event or --abi is needed");
	*out = n > 0 ? abi_event_by_topic(abi, &topics[0]) : NULL;
	if (!*out)
		return err_set(err, ST_REJECTED,
			       "the ABI has no event with this topic 0");
	return ST_OK;
}

static enum status read_data(struct buf *data, const struct cli *cli,
			     struct err *err)
{
	const char *given = cli_opt(cli, "data");
	enum status st = ST_OK;
	AUTO_BUF text = BUF_NULL;

	buf_init(&text, HEX_SIZE(INPUT_MAX));
	if (!given) {
		st = cli_arg(&text, cli, 0, "the log's data", err);
		given = buf_str(&text);
	}
	if (st == ST_OK)
		st = hex_decode_buf(data, given, "data", err);
	return st;
}

static enum status run_decode_log(struct cli *cli, struct err *err)
{
	AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
	AUTO(abi) struct abi *abi = NULL;
	struct hash32 topics[ABI_TOPICS_MAX];
	const struct abi_value *values;
	const struct abi_entry *event;
	enum status st;
	AUTO_BUF data = BUF_NULL;
	size_t n;

	buf_init(&data, INPUT_MAX);
	st = open_abi(&abi, cli, err);
	if (st == ST_OK)
		st = read_topics(topics, &n, cli_opt(cli, "topics"), err);
	if (st == ST_OK)
		st = pick_event(&event, a, cli, abi, topics, n, err);
	if (st == ST_OK)
		st = read_data(&data, cli, err);
	if (st == ST_OK)
		st =
		    abi_decode_log(&values, a, event, topics, n, buf_str(&data),
				   data.len, decode_flags(cli), err);
	if (st == ST_OK)
		print_values(cli, "event", event, values);
	return st;
}

const struct command cmd_abi[] = {
	{ "abi topic", "SIGNATURE",
	  "topic 0 of an event; with --json the selector too", NULL, NULL,
	  run_topic },
	{ "abi encode-call", "SIGNATURE ARG… | --abi FILE --function NAME ARG…",
	  "call data; arguments are JSON (or a JSON array on standard input)",
	  "abi function", NULL, run_encode_call },
	{ "abi decode-call", "SIGNATURE 0x… | --abi FILE [--function NAME] 0x…",
	  "arguments out of call data (also from standard input)",
	  "abi function", "any-layout any-padding", run_decode_call },
	{ "abi decode-log",
	  "--abi FILE [--event NAME_OR_SIGNATURE] --topics T0,T1,… --data 0x…",
	  "parameters of an event out of a log", "abi event topics data",
	  "any-layout any-padding", run_decode_log },
	{ 0 },
};
