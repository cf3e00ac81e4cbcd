/*
 * An event as compilers write it into ABI JSON, so that what was read once can
 * be kept and read again. The counterpart of abi_load.c.
 */
#include "abi/abi.h"

#define TYPE_MAX ABI_TEXT_MAX

static const struct abi_type *base_of(const struct abi_type *t)
{
	while (t->kind == ABI_ARRAY || t->kind == ABI_LIST)
		t = t->item;
	return t;
}

/* As abi_type_add(), but a tuple's members stand elsewhere. */
static void add_type(struct buf *b, const struct abi_type *t)
{
	if (t->kind == ABI_TUPLE) {
		buf_add_str(b, "tuple");
	} else if (t->kind == ABI_LIST) {
		add_type(b, t->item);
		buf_add_str(b, "[]");
	} else if (t->kind == ABI_ARRAY) {
		add_type(b, t->item);
		buf_printf(b, "[%zu]", t->size);
	} else {
		abi_type_add(b, t);
	}
}

static cJSON *params_json(const struct abi_type *tuple, bool of_event)
{
	cJSON *list = mem_check(cJSON_CreateArray());

	for (size_t i = 0; i < tuple->n_fields; i++) {
		const struct abi_type *t = &tuple->fields[i];
		const struct abi_type *base = base_of(t);
		cJSON *o = mem_check(cJSON_CreateObject());
		AUTO_BUF type = BUF_NULL;

		buf_init(&type, TYPE_MAX);
		add_type(&type, t);
		mem_check(cJSON_AddStringToObject(o, "name", t->name));
		mem_check(cJSON_AddStringToObject(o, "type", buf_str(&type)));
		if (of_event)
			mem_check(
			    cJSON_AddBoolToObject(o, "indexed", t->indexed));
		if (base->kind == ABI_TUPLE)
			cJSON_AddItemToObject(o, "components",
					      params_json(base, false));
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

cJSON *abi_event_to_json(const struct abi_entry *event)
{
	cJSON *o = mem_check(cJSON_CreateObject());

	mem_check(cJSON_AddStringToObject(o, "type", "event"));
	mem_check(cJSON_AddStringToObject(o, "name", event->name));
	mem_check(cJSON_AddBoolToObject(o, "anonymous", event->anonymous));
	cJSON_AddItemToObject(o, "inputs", params_json(event->inputs, true));
	return o;
}
