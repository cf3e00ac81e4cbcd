/*
 * Cloudflare's list of live inputs, which has no pages: with a hundred thousand
 * of them it is tens of megabytes. It goes through a sieve that keeps a few
 * bytes of each item and no more than one item's text at a time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "abi/u256.h"
#include "bridge/cf_json.h"
#include "core/json.h"

#define ITEM_MAX  ((size_t)256 * 1024) /* bytes of one item's text */
#define DEPTH_MAX 64
#define KEY_SIZE  16

/* {"result":{"liveInputs":[…]}}: where the names of members, the items and
 * their insides are. */
enum { DEPTH_RESULT = 2, DEPTH_LIST, DEPTH_ITEM };

struct cf_sieve {
	char mark[CF_MARK_SIZE];
	char *signer;
	struct cf_list list;
	size_t cap, shown;
	struct buf item;
	unsigned depth;
	bool string, escape; /* inside of them */
	bool inside;         /* of the list */
	bool value;          /* of a result's member: the colon has been */
	char key[KEY_SIZE];  /* its name, as far as it has come */
	size_t key_len;
	const char *bad; /* what was wrong first; NULL: nothing yet */
};

struct cf_sieve *cf_sieve_new(const char *mark, const char *signer)
{
	struct cf_sieve *s = (struct cf_sieve *)mem_zalloc(sizeof(*s));

	memcpy(s->mark, mark, strnlen(mark, CF_MARK_SIZE - 1));
	s->signer = mem_strdup(signer);
	buf_init(&s->item, ITEM_MAX);
	return s;
}

void cf_list_deinit(struct cf_list *l)
{
	free(l->items);
	*l = (struct cf_list){ 0 };
}

void cf_sieve_free(struct cf_sieve *s)
{
	if (!s)
		return;
	cf_list_deinit(&s->list);
	buf_deinit(&s->item);
	free(s->signer);
	free(s);
}

char *cf_item_uid(char out[static CF_UID_SIZE], const struct cf_item *item)
{
	return hex_encode_bare(out, item->uid, sizeof(item->uid));
}

char *cf_item_room(char out[static CF_ITEM_ROOM_SIZE],
		   const struct cf_item *item)
{
	struct u256 room = u256_from_be(item->room, sizeof(item->room));
	char text[U256_DEC_SIZE];

	(void)snprintf(out, CF_ITEM_ROOM_SIZE, "%s", u256_to_dec(text, &room));
	return out;
}

bool cf_pack_room(uint8_t out[static 12], const char *decimal)
{
	struct u256 room;
	uint8_t be[32];
	struct err err;

	if (u256_from_dec(&room, decimal, "a room", &err) != ST_OK ||
	    !u256_fits(&room, 96))
		return false;
	u256_to_be(be, &room);
	memcpy(out, be + 20, 12);
	return true;
}

static struct cf_item *next_place(struct cf_sieve *s)
{
	struct cf_list *l = &s->list;

	if (l->count == s->cap) {
		s->cap = s->cap ? s->cap + s->cap / 2 : 64;
		l->items = (struct cf_item *)mem_resize(l->items, s->cap,
							sizeof(*l->items));
	}
	return &l->items[l->count];
}

/* Nobody deletes them, so that an account may have any number. Where there is
 * no room left, one of another deployment makes way for one of ours. */
static void add_lease(struct cf_sieve *s, const cJSON *entry)
{
	struct cf_list *l = &s->list;
	size_t at = l->lease_count;
	struct cf_lease lease;

	cf_read_lease(&lease, entry);
	if (!*lease.deployment ||
	    !cf_lease_concerns(&lease, s->mark, s->signer))
		return;
	if (at == CF_LEASES_MAX && strcmp(lease.deployment, s->mark) == 0)
		for (at = 0; at < CF_LEASES_MAX &&
			     strcmp(l->leases[at].deployment, s->mark) == 0;)
			at++;
	if (at == CF_LEASES_MAX)
		return;
	l->leases[at] = lease;
	if (at == l->lease_count)
		l->lease_count++;
}

static void add_item(struct cf_sieve *s, const cJSON *entry)
{
	struct cf_list *l = &s->list;
	char mark[CF_MARK_SIZE], room[CF_ROOM_SIZE], uid[CF_UID_SIZE];
	struct cf_item item;
	struct err err;

	add_lease(s, entry);
	cf_copy_uid(uid, entry);
	cf_copy_meta(mark, room, entry);
	item = (struct cf_item){
		.enabled = !cJSON_IsFalse(cf_member(entry, "enabled")),
		.recording_days = cf_read_days(entry),
		.created_s = cf_time(entry, "created"),
	};
	if (strcmp(mark, s->mark) != 0 || !cf_pack_room(item.room, room) ||
	    hex_decode_bare(item.uid, sizeof(item.uid), uid, strlen(uid), "uid",
			    &err) != ST_OK)
		return;
	*next_place(s) = item;
	l->count++;
}

static void take_item(struct cf_sieve *s)
{
	AUTO_SECRET_JSON cJSON *entry = NULL;
	struct err err;

	if (s->item.overflow)
		s->bad = "an item is too long";
	else if (json_parse(&entry, (const char *)s->item.data, s->item.len,
			    "an item", &err) != ST_OK)
		s->bad = "an item is not JSON";
	else if (s->shown >= CF_LIST_MAX)
		s->bad = "it is too long";
	else
		add_item(s, entry);
	s->shown++;
	buf_reset(&s->item);
}

/* Items go aside, and what is between them goes away. */
static void put(struct cf_sieve *s, char c, struct buf *rest)
{
	if (s->inside && s->depth >= DEPTH_ITEM)
		buf_add_byte(&s->item, (uint8_t)c);
	else if (!s->inside)
		buf_add_byte(rest, (uint8_t)c);
}

static void in_string(struct cf_sieve *s, char c)
{
	if (s->escape)
		s->escape = false;
	else if (c == '\\')
		s->escape = true;
	else if (c == '"')
		s->string = false;
	if (s->string && s->depth == DEPTH_RESULT && !s->value) {
		if (s->key_len < KEY_SIZE - 1)
			s->key[s->key_len] = c;
		s->key_len++;
	}
}

static bool is_list(const struct cf_sieve *s)
{
	static const char name[] = "liveInputs";

	return s->depth == DEPTH_RESULT && s->value &&
	       s->key_len == sizeof(name) - 1 &&
	       memcmp(s->key, name, sizeof(name) - 1) == 0;
}

static void open_one(struct cf_sieve *s, char c, struct buf *rest)
{
	bool list = c == '[' && is_list(s);

	if (s->depth == DEPTH_MAX) {
		s->bad = "it is too deep";
		return;
	}
	s->depth++;
	put(s, c, rest);
	s->inside = s->inside || list;
	if (s->depth <= DEPTH_RESULT) {
		s->value = false;
		s->key_len = 0;
	}
}

static void close_one(struct cf_sieve *s, char c, struct buf *rest)
{
	if (s->depth == 0) {
		s->bad = "it ends twice";
		return;
	}
	if (s->depth == DEPTH_LIST)
		s->inside = false;
	put(s, c, rest);
	s->depth--;
	if (s->inside && s->depth == DEPTH_LIST)
		take_item(s);
}

static void sift_byte(struct cf_sieve *s, char c, struct buf *rest)
{
	if (s->string) {
		in_string(s, c);
		put(s, c, rest);
		return;
	}
	switch (c) {
	case '{':
	case '[':
		open_one(s, c, rest);
		return;
	case '}':
	case ']':
		close_one(s, c, rest);
		return;
	case '"':
		s->string = true;
		if (s->depth == DEPTH_RESULT && !s->value)
			s->key_len = 0;
		break;
	case ':':
		s->value = s->value || s->depth == DEPTH_RESULT;
		break;
	case ',':
		if (s->depth == DEPTH_RESULT)
			s->value = false;
		break;
	default:
		break;
	}
	put(s, c, rest);
}

void cf_sift(void *arg, const char *piece, size_t n, struct buf *rest)
{
	struct cf_sieve *s = (struct cf_sieve *)arg;

	for (size_t i = 0; i < n && !s->bad; i++)
		sift_byte(s, piece[i], rest);
}

/* How many there are by the account's own count; @shown when it says none. */
static size_t list_total(const cJSON *root, size_t shown)
{
	const cJSON *total = cf_member(cf_member(root, "result"), "total");

	return cJSON_IsNumber(total) && total->valuedouble >= 0 &&
		       total->valuedouble < 1e9
		   ? (size_t)total->valuedouble
		   : shown;
}

enum status cf_sifted(struct cf_sieve *s, struct cf_envelope *env,
		      struct cf_list *out, const char *rest, size_t len,
		      struct err *err)
{
	static const struct cf_list_shape shape = { "live inputs", "liveInputs",
						    0 };
	AUTO_SECRET_JSON cJSON *root = NULL;
	struct cf_list l = { 0 };
	struct cf_envelope e;
	const cJSON *none;
	size_t n;
	enum status st;

	if (s->bad)
		return err_set(err, ST_REJECTED, "cloudflare's list: %s",
			       s->bad);
	st = cf_open_many(&root, &e, &none, &n, &shape, rest, len, err);
	if (st != ST_OK)
		return st;
	if (none) {
		l = s->list;
		s->list = (struct cf_list){ 0 };
		l.total = list_total(root, s->shown);
		l.complete = l.total <= s->shown;
	}
	*out = l;
	*env = e;
	return ST_OK;
}
