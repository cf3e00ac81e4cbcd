/*
 * chaincast rlp decode: RLP bytes as nested JSON, strings as "0x…".
 */
#include "abi/rlp.h"

#include "abi/hex.h"
#include "cli/cli.h"
#include "core/json.h"

#define INPUT_MAX (8u << 20)

static cJSON *string_json(const struct rlp_item *it)
{
	AUTO_FREE char *text = mem_zalloc(HEX_SIZE(it->len));

	hex_encode(text, it->data, it->len);
	return mem_check(cJSON_CreateString(text));
}

/* Adds every item at the cursor to the array @out; depth is bounded by
 * rlp_enter(). */
static enum status add_items(cJSON *out, struct rlp *r, struct err *err)
{
	while (rlp_more(r)) {
		struct rlp before = *r, inner;
		struct rlp_item it;
		enum status st;
		cJSON *list;

		st = rlp_next(r, &it, err);
		if (st != ST_OK)
			return st;
		if (!it.list) {
			cJSON_AddItemToArray(out, string_json(&it));
			continue;
		}
		st = rlp_enter(&before, &inner, err);
		if (st != ST_OK)
			return st;
		list = mem_check(cJSON_CreateArray());
		cJSON_AddItemToArray(out, list);
		st = add_items(list, &inner, err);
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

static enum status run_decode(struct cli *cli, struct err *err)
{
	AUTO_JSON cJSON *out = mem_check(cJSON_CreateArray());
	AUTO_FREE char *printed = NULL;
	AUTO_BUF text = BUF_NULL, data = BUF_NULL;
	const cJSON *item;
	struct rlp r;
	enum status st;

	buf_init(&text, HEX_SIZE(INPUT_MAX));
	buf_init(&data, INPUT_MAX);
	st = cli_arg(&text, cli, 0, "RLP as 0x…", err);
	if (st == ST_OK)
		st = hex_decode_buf(&data, buf_str(&text), "rlp", err);
	if (st == ST_OK)
		st = rlp_validate(buf_str(&data), data.len, err);
	if (st != ST_OK)
		return st;
	rlp_init(&r, data.data, data.len);
	st = add_items(out, &r, err);
	if (st != ST_OK)
		return st;
	item = cJSON_GetArrayItem(out, 0);
	printed = mem_check(cli->json ? cJSON_PrintUnformatted(item)
				      : cJSON_Print(item));
	puts(printed);
	return ST_OK;
}

const struct command cmd_rlp[] = {
	{ "rlp decode", "[0x…]",
	  "RLP as nested JSON, from the argument or standard input", NULL, NULL,
	  run_decode },
	{ 0 },
};
