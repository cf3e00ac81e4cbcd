/*
 * Logs: topics matched and decoded, indexed parameters that a topic cannot
 * hold given as their hash, and topics of values for filters (Solidity ABI,
 * "Encoding of Indexed Event Parameters").
 */
#include "abi/abi.h"

#include <assert.h>
#include <string.h>

#include "abi/abi_word.h"
#include "abi/keccak.h"

bool abi_is_hashed(const struct abi_type *t)
{
	return !abi_is_word(t);
}

static size_t count_indexed(const struct abi_entry *event)
{
	return event->inputs->n_fields - event->data->n_fields;
}

static enum status match_topics(const struct abi_entry *event,
				const struct hash32 *topics, size_t n_topics,
				struct err *err)
{
	size_t want = count_indexed(event) + !event->anonymous;

	if (n_topics != want)
		return err_set(err, ST_REJECTED,
			       "abi: %.80s has %zu topics, the log %zu",
			       event->signature, want, n_topics);
	if (!event->anonymous && !hash32_eq(&topics[0], &event->hash))
		return err_set(err, ST_REJECTED,
			       "abi: topic 0 is not that of %.80s",
			       event->signature);
	return ST_OK;
}

static enum status take_topic(struct abi_value *out, struct arena *a,
			      const struct abi_type *t,
			      const struct hash32 *topic, unsigned flags,
			      struct err *err)
{
	if (!abi_is_hashed(t))
		return abi_word_get(out, a, t, topic->b, flags,
				    t->name[0] ? t->name : "topic", err);
	*out = abi_bytes(arena_dup(a, topic->b, 32), 32);
	out->kind = ABI_V_HASH;
	return ST_OK;
}

enum status abi_decode_log(const struct abi_value **values, struct arena *a,
			   const struct abi_entry *event,
			   const struct hash32 *topics, size_t n_topics,
			   const void *data, size_t len, unsigned flags,
			   struct err *err)
{
	const struct abi_type *in = event->inputs;
	const struct abi_value *rest;
	struct abi_value *all;
	enum status st;

	assert(event->kind == ABI_ENTRY_EVENT);
	st = match_topics(event, topics, n_topics, err);
	if (st == ST_OK)
		st = abi_decode(&rest, a, event->data, data, len, flags, err);
	if (st != ST_OK)
		return st;
	topics += !event->anonymous;
	all = arena_array(a, in->n_fields, sizeof(*all));
	for (size_t i = 0; i < in->n_fields; i++) {
		if (!in->fields[i].indexed) {
			all[i] = *rest++;
			continue;
		}
		st = take_topic(&all[i], a, &in->fields[i], topics++, flags,
				err);
		if (st != ST_OK)
			return st;
	}
	*values = all;
	return ST_OK;
}

/* Hashed in place: no offsets, no lengths, each part padded to 32 bytes. */
static enum status absorb(struct keccak256 *k, const struct abi_type *t,
			  const struct abi_value *v, struct err *err)
{
	static const uint8_t zeros[32];
	const char *name = t->name[0] ? t->name : "topic";
	enum status st = ST_OK;
	uint8_t word[32];
	size_t n;

	if (abi_is_word(t)) {
		st = abi_word_put(word, t, v, name, err);
		if (st == ST_OK)
			keccak256_update(k, word, sizeof(word));
		return st;
	}
	if (t->kind == ABI_BYTES || t->kind == ABI_STRING) {
		if (v->kind != ABI_V_BYTES)
			return err_set(err, ST_REJECTED,
				       "abi: %s: bytes wanted", name);
		keccak256_update(k, v->bytes.p, v->bytes.len);
		keccak256_update(k, zeros, (32 - v->bytes.len % 32) % 32);
		return ST_OK;
	}
	if (v->kind != ABI_V_LIST)
		return err_set(err, ST_REJECTED, "abi: %s: a list wanted",
			       name);
	n = t->kind == ABI_TUPLE ? t->n_fields : t->size;
	if (t->kind != ABI_LIST && v->list.n != n)
		return err_set(err, ST_REJECTED,
			       "abi: %s: %zu values wanted, got %zu", name, n,
			       v->list.n);
	for (size_t i = 0; i < v->list.n && st == ST_OK; i++)
		st = absorb(k, t->kind == ABI_TUPLE ? &t->fields[i] : t->item,
			    &v->list.items[i], err);
	return st;
}

enum status abi_topic(struct hash32 *out, const struct abi_type *t,
		      const struct abi_value *v, struct err *err)
{
	struct keccak256 k;
	enum status st;

	if (v->kind == ABI_V_HASH && abi_is_hashed(t)) {
		memcpy(out->b, v->bytes.p, sizeof(out->b));
		return ST_OK;
	}
	if (abi_is_word(t))
		return abi_word_put(out->b, t, v,
				    t->name[0] ? t->name : "topic", err);
	if ((t->kind == ABI_BYTES || t->kind == ABI_STRING) &&
	    v->kind == ABI_V_BYTES) {
		*out = keccak256(v->bytes.p, v->bytes.len);
		return ST_OK;
	}
	keccak256_init(&k);
	st = absorb(&k, t, v, err);
	if (st == ST_OK)
		keccak256_final(&k, out->b);
	return st;
}

enum status abi_filter(struct abi_filter_topic out[static ABI_TOPICS_MAX],
		       size_t *n_out, const struct abi_entry *event,
		       const struct abi_value *const *values, struct err *err)
{
	const struct abi_type *in = event->inputs;
	size_t n = 0, used = 0;
	enum status st;

	if (!event->anonymous) {
		out[n++] = (struct abi_filter_topic){ .topic = event->hash };
		used = n;
	}
	for (size_t i = 0; i < in->n_fields; i++) {
		if (!in->fields[i].indexed && values[i])
			return err_set(err, ST_REJECTED,
				       "abi: %s: not indexed, cannot be "
				       "filtered for",
				       in->fields[i].name);
		if (!in->fields[i].indexed)
			continue;
		out[n] = (struct abi_filter_topic){ .any = !values[i] };
		if (values[i]) {
			st = abi_topic(&out[n].topic, &in->fields[i], values[i],
				       err);
			if (st != ST_OK)
				return st;
			used = n + 1;
		}
		n++;
	}
	*n_out = used;
	return ST_OK;
}
