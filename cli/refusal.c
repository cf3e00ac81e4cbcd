/*
 * The contract's custom errors for people. Only words: whether a call may be
 * made is the contract's to say.
 */
#include "cli/refusal.h"

#include <string.h>

#include "abi/hex.h"
#include "cli/views.h"
#include "core/json.h"

#define REFUSAL_MAX 2048

static const struct {
	const char *name, *words;
} words[] = {
	{ "AccessControlEnforcedDefaultAdminDelay",
	  "its waiting time has not passed" },
	{ "AccessControlEnforcedDefaultAdminRules",
	  "the admin changes only by begin-transfer and accept-transfer" },
	{ "AccessControlInvalidDefaultAdmin",
	  "only the admin-to-be may accept" },
	{ "AccessControlUnauthorizedAccount", "the sender lacks the role" },
	{ "BadKey", "neither 0x01 and a compressed secp256k1 key nor 0x02 and "
		    "an X25519 key" },
	{ "BadKeyId", "a key id is above 0 and used once" },
	{ "BadOrigin", "the prefix or a suffix is empty or too long" },
	{ "BadTarget", "the sealed target is empty or too long" },
	{ "CreationPaused", "creation of rooms is paused by the owner" },
	{ "EpochsExhausted", "its keys were changed as often as they can be" },
	{ "LimitTooHigh", "a limit is above what the contract can hold" },
	{ "MayNotEnd", "only its host, a moderator or the bridge may end a "
		       "room, and anyone once it is older than maxAge" },
	{ "NotHost", "only the room's host may" },
	{ "OutputsNotOffered", "webrtc rooms have no outputs" },
	{ "PauseUnchanged", "it is so already" },
	{ "RoomExists", "the host has used this host key for a room before; "
			"take another" },
	{ "RoomNotOpen", "there is no such room, or it is over" },
	{ "TitleTooLong", "the title has too many bytes" },
	{ "TooManyOpenPerHost", "the host has as many open rooms as it may" },
	{ "TooManyOpenTotal", "as many rooms are open as there may be" },
	{ "TooManyOrigins", "no more origins fit" },
	{ "TooManyOutputs", "the room has as many outputs as it may" },
	{ "UnknownOutput", "the room has no such output" },
	{ "WithdrawFailed", "the receiver does not take it, or the contract "
			    "has less" },
	{ "WrongFee", "the fee sent is not the contract's" },
};

static void add_values(struct buf *b, const struct abi_entry *e,
		       const struct buf *data)
{
	AUTO(arena)
	struct arena *a = arena_new(abi_decode_arena_max(REFUSAL_MAX) + 1);
	const struct abi_value *v = NULL;
	AUTO_JSON cJSON *all = NULL;
	const cJSON *m;
	const char *separator = " (";

	if (abi_decode(&v, a, e->inputs, data->data + 4, data->len - 4, 0,
		       NULL) != ST_OK)
		return;
	all = abi_params_to_json(e->inputs, v);
	cJSON_ArrayForEach(m, all)
	{
		const char *text = cJSON_GetStringValue(m) ?: "…";
		const char *role = views_role_name(text);

		buf_printf(b, "%s%s%s%s", separator, m->string ? m->string : "",
			   m->string ? " " : "", role ? role : text);
		separator = ", ";
	}
	if (all && all->child)
		buf_add_str(b, ")");
}

bool refusal_set(struct err *err, const struct abi *abi, const char *data)
{
	const struct abi_entry *e;
	size_t digits;
	AUTO_BUF bytes = BUF_NULL, text = BUF_NULL;

	if (!data || strncmp(data, "0x", 2) != 0)
		return false;
	buf_init(&bytes, REFUSAL_MAX);
	buf_init(&text, 2 * REFUSAL_MAX);
	digits = strspn(data + 2, "0123456789abcdefABCDEF") & ~(size_t)1;
	buf_add(&text, data, digits + 2);
	if (hex_decode_buf(&bytes, buf_str(&text), "data", NULL) != ST_OK ||
	    bytes.len < 4)
		return false;
	e = abi_by_selector(abi, ABI_ENTRY_ERROR, bytes.data);
	if (!e)
		return false;
	buf_reset(&text);
	buf_add_str(&text, e->name);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].name, e->name) == 0)
			buf_printf(&text, ": %s", words[i].words);
	add_values(&text, e, &bytes);
	err_set(err, err->status, "the contract refuses it: %s",
		buf_str(&text));
	return true;
}
