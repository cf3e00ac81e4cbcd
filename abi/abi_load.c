/*
 * ABI JSON, as compilers write it, into types; and finding entries in it.
 * Names that are missing are empty; unknown kinds of entry are refused.
 */
#include "abi/abi.h"

#include <string.h>

#include "abi/abi_build.h"
#include "core/json.h"

#define TEXT_MAX  (16u << 20)
#define ARENA_MAX (256u << 20)

static bool is_name(const char *name)
{
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return abi_is_text(name, strlen(name));
}

static enum status load_name(const char **out, struct abi_parser *ps,
			     const cJSON *obj)
{
	const char *name = json_str_or(obj, "name", "");

	if (strlen(name) > ABI_NAME_MAX)
		return err_set(ps->err, ST_REJECTED,
			       "abi: name longer than %d bytes", ABI_NAME_MAX);
	if (!is_name(name))
		return err_set(
		    ps->err, ST_REJECTED,
		    "abi: a name that is not UTF-8, or holds control "
		    "characters");
	*out = arena_dup(ps->a, name, strlen(name));
	return ST_OK;
}

static enum status load_tuple(struct abi_parser *ps, struct abi_type *out,
			      const cJSON *params, unsigned depth);

static enum status load_base(struct abi_parser *ps, struct abi_type *out,
			     const cJSON *param, unsigned depth)
{
	size_t len = strcspn(ps->p, "[");
	enum status st;

	if (len == 5 && memcmp(ps->p, "tuple", 5) == 0) {
		const char *suffix = ps->p + len;

		st = load_tuple(
		    ps, out,
		    cJSON_GetObjectItemCaseSensitive(param, "components"),
		    depth + 1);
		if (st == ST_OK && out->n_fields == 0)
			st = err_set(ps->err, ST_REJECTED, "abi: empty tuple");
		ps->p = suffix;
		return st;
	}
	st = abi_build_word(out, ps->p, len, ps->err);
	ps->p += len;
	return st;
}

static enum status load_param(struct abi_parser *ps, struct abi_type *out,
			      const cJSON *param, unsigned depth)
{
	const char *text;
	enum status st;

	st = json_str(&text, param, "type", ps->err);
	if (st != ST_OK)
		return st;
	ps->p = text;
	st = load_base(ps, out, param, depth);
	if (st == ST_OK)
		st = abi_build_suffixes(ps, out);
	if (st != ST_OK)
		return st;
	if (*ps->p)
		return err_set(ps->err, ST_REJECTED,
			       "abi: no such type: \"%.40s\"", text);
	out->indexed =
	    cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(param, "indexed"));
	return load_name(&out->name, ps, param);
}

static enum status load_tuple(struct abi_parser *ps, struct abi_type *out,
			      const cJSON *params, unsigned depth)
{
	AUTO_FREE struct abi_type *fields = NULL;
	const cJSON *param;
	enum status st;
	size_t n = 0;

	if (!cJSON_IsArray(params))
		return err_set(ps->err, ST_REJECTED,
			       "abi: an array of parameters is missing");
	if (depth > ABI_DEPTH_MAX + 1)
		return err_set(ps->err, ST_REJECTED,
			       "abi: type nested deeper than %d",
			       ABI_DEPTH_MAX);
	fields = mem_array((size_t)cJSON_GetArraySize(params), sizeof(*fields));
	cJSON_ArrayForEach(param, params)
	{
		st = load_param(ps, &fields[n++], param, depth);
		if (st != ST_OK)
			return st;
	}
	return abi_build_tuple(ps, out, fields, n);
}

static enum status load_params(const struct abi_type **out,
			       struct abi_parser *ps, const cJSON *entry,
			       const char *key)
{
	const cJSON *params = cJSON_GetObjectItemCaseSensitive(entry, key);
	struct abi_type t = { .kind = ABI_TUPLE, .name = "" };
	enum status st = ST_OK;

	if (params)
		st = load_tuple(ps, &t, params, 0);
	if (st == ST_OK)
		*out = arena_dup(ps->a, &t, sizeof(t));
	return st;
}

static bool is(const cJSON *entry, const char *key, const char *want)
{
	return strcmp(json_str_or(entry, key, ""), want) == 0;
}

/* false: an entry without a name and without data, to be left out */
static bool entry_kind(struct abi_entry *e, const cJSON *entry)
{
	const char *type = json_str_or(entry, "type", "function");

	if (strcmp(type, "function") == 0)
		e->kind = ABI_ENTRY_FUNCTION;
	else if (strcmp(type, "event") == 0)
		e->kind = ABI_ENTRY_EVENT;
	else if (strcmp(type, "error") == 0)
		e->kind = ABI_ENTRY_ERROR;
	else if (strcmp(type, "constructor") == 0)
		e->kind = ABI_ENTRY_CONSTRUCTOR;
	return e->kind != 0;
}

static enum status load_entry(struct abi_parser *ps, struct abi_entry *e,
			      const cJSON *entry)
{
	enum status st;

	e->anonymous =
	    cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(entry, "anonymous"));
	e->payable = is(entry, "stateMutability", "payable");
	e->view = is(entry, "stateMutability", "view") ||
		  is(entry, "stateMutability", "pure");
	st = load_name(&e->name, ps, entry);
	if (st != ST_OK)
		return st;
	if (!e->name[0] && e->kind != ABI_ENTRY_CONSTRUCTOR)
		return err_set(ps->err, ST_REJECTED,
			       "abi: an entry without a name");
	st = load_params(&e->inputs, ps, entry, "inputs");
	if (st == ST_OK)
		st = load_params(&e->outputs, ps, entry, "outputs");
	if (st == ST_OK)
		st = abi_build_entry(ps, e);
	return st;
}

static enum status load_entries(struct abi *abi, const cJSON *list,
				const char *what, struct err *err)
{
	struct err inner = { 0 };
	struct abi_parser ps = { .a = abi->arena, .err = &inner };
	const cJSON *entry;
	size_t index = 0;

	cJSON_ArrayForEach(entry, list)
	{
		struct abi_entry *e = &abi->entries[abi->n];

		index++;
		if (is(entry, "type", "fallback") ||
		    is(entry, "type", "receive"))
			continue;
		if (!cJSON_IsObject(entry) || !entry_kind(e, entry))
			return err_set(err, ST_REJECTED,
				       "%s: entry %zu of the ABI: no such type",
				       what, index);
		if (load_entry(&ps, e, entry) != ST_OK)
			return err_set(
			    err, ST_REJECTED, "%s: entry %zu (%.60s): %s", what,
			    index, json_str_or(entry, "name", "-"), inner.msg);
		abi->n++;
	}
	return ST_OK;
}

enum status abi_load(struct abi **out, const cJSON *json, const char *what,
		     struct err *err)
{
	AUTO(abi) struct abi *abi = NULL;
	const cJSON *list = json;
	enum status st;
	int n;

	if (cJSON_IsObject(json))
		list = cJSON_GetObjectItemCaseSensitive(json, "abi");
	if (!cJSON_IsArray(list))
		return err_set(err, ST_REJECTED,
			       "%s: neither an ABI array nor an object with "
			       "\"abi\"",
			       what);
	n = cJSON_GetArraySize(list);
	if (n > ABI_ENTRIES_MAX)
		return err_set(err, ST_REJECTED,
			       "%s: more than %d entries in the ABI", what,
			       ABI_ENTRIES_MAX);
	abi = mem_zalloc(sizeof(*abi));
	abi->arena = arena_new(ARENA_MAX);
	abi->entries =
	    arena_array(abi->arena, (size_t)n, sizeof(*abi->entries));
	st = load_entries(abi, list, what, err);
	if (st != ST_OK)
		return st;
	*out = STEAL(abi);
	return ST_OK;
}

enum status abi_load_text(struct abi **out, const char *text, size_t len,
			  const char *what, struct err *err)
{
	AUTO_JSON cJSON *json = NULL;
	enum status st;

	if (len > TEXT_MAX)
		return err_set(err, ST_REJECTED, "%s: over %u bytes", what,
			       TEXT_MAX);
	st = json_parse(&json, text, len, what, err);
	if (st != ST_OK)
		return st;
	return abi_load(out, json, what, err);
}

void abi_free(struct abi *abi)
{
	if (!abi)
		return;
	arena_free(abi->arena);
	free(abi);
}

enum status abi_find(const struct abi_entry **out, const struct abi *abi,
		     enum abi_entry_kind kind, const char *name,
		     struct err *err)
{
	bool by_signature = strchr(name, '(') != NULL;
	const struct abi_entry *found = NULL;

	for (size_t i = 0; i < abi->n; i++) {
		const struct abi_entry *e = &abi->entries[i];

		if (e->kind != kind ||
		    strcmp(by_signature ? e->signature : e->name, name) != 0)
			continue;
		if (found)
			return err_set(err, ST_REJECTED,
				       "abi: several are named %.80s: say "
				       "which by its signature, e.g. %.80s",
				       name, e->signature);
		found = e;
	}
	if (!found)
		return err_set(err, ST_REJECTED, "abi: no such entry: %.80s",
			       name);
	*out = found;
	return ST_OK;
}

const struct abi_entry *abi_event_by_topic(const struct abi *abi,
					   const struct hash32 *topic0)
{
	for (size_t i = 0; i < abi->n; i++) {
		const struct abi_entry *e = &abi->entries[i];

		if (e->kind == ABI_ENTRY_EVENT && !e->anonymous &&
		    hash32_eq(&e->hash, topic0))
			return e;
	}
	return NULL;
}

const struct abi_entry *abi_by_selector(const struct abi *abi,
					enum abi_entry_kind kind,
					const uint8_t selector[static 4])
{
	for (size_t i = 0; i < abi->n; i++) {
		const struct abi_entry *e = &abi->entries[i];

		if (e->kind == kind && memcmp(e->selector, selector, 4) == 0)
			return e;
	}
	return NULL;
}
