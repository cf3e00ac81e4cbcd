/*
 * What the database says of a room, row by row: the chain's wish, the live
 * input, the outbox. Decides nothing, and trusts no byte that a host wrote.
 */
#include "bridge/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"

static enum input_state state_from(const char *s)
{
	static const char *const names[] = {
		"", "absent", "create_pending", "live", "disabled", "deleted"
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(s, names[i]) == 0)
			return (enum input_state)i;
	abort(); /* the table's check constraint allows no other */
}

static void copy_bytes(const struct db_result *r, size_t row, const char *col,
		       void *out, size_t n)
{
	size_t len;
	const uint8_t *p = db_bytes(r, row, col, &len);

	if (len == n)
		memcpy(out, p, n);
}

static void copy_text(const struct db_result *r, size_t row, const char *col,
		      char *out, size_t size)
{
	(void)snprintf(out, size, "%s", db_text(r, row, col));
}

static size_t utf8_length(const uint8_t *p, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80             ? 1
		     : (p[0] & 0xe0) == 0xc0 ? 2
		     : (p[0] & 0xf0) == 0xe0 ? 3
		     : (p[0] & 0xf8) == 0xf0 ? 4
					     : 0;
	uint32_t c;
	size_t i;

	if (len == 0 || len > n)
		return 0;
	if (len == 1)
		return 1;
	c = p[0] & (0x7fu >> len);
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ||
	    (c >= 0x80 && c < 0xa0))
		return 0;
	return len;
}

/* A hostile title as text: what is no UTF-8 or controls becomes '?'. */
static void clean_title(char *out, size_t size, const uint8_t *p, size_t n)
{
	size_t at = 0, i = 0;

	while (i < n) {
		size_t len = utf8_length(p + i, n - i);
		bool bad =
		    len == 0 || (len == 1 && (p[i] < 0x20 || p[i] == 127));

		if (at + (bad ? 1 : len) >= size)
			break;
		if (bad)
			out[at] = '?';
		else
			memcpy(out + at, p + i, len);
		at += bad ? 1 : len;
		i += len ? len : 1;
	}
	out[at] = '\0';
}

static void read_room(struct job *j, const struct db_result *r, size_t row)
{
	const uint8_t *p;
	int64_t ingest = db_i64(r, row, "ingest");
	size_t len;

	copy_bytes(r, row, "host", j->host, sizeof(j->host));
	j->ingest = ingest == 2   ? INGEST_WEBRTC
		    : ingest == 1 ? INGEST_SRT
				  : INGEST_RTMPS;
	j->signed_access = db_i64(r, row, "access") == 1;
	j->keep_recording = db_bool(r, row, "keep_recording");
	p = db_bytes(r, row, "title", &len);
	clean_title(j->title, sizeof(j->title), p, len);
	p = db_bytes(r, row, "host_key", &len);
	/* One byte too many stays visible as malformed. */
	j->host_key_len = len > sizeof(j->host_key) ? sizeof(j->host_key) : len;
	if (len)
		memcpy(j->host_key, p, j->host_key_len);
	j->created_block = db_i64(r, row, "created_block");
	copy_bytes(r, row, "created_hash", j->created_hash, 32);
}

static void read_wanted(struct job *j, const struct db_result *r, size_t row)
{
	struct wanted *w = &j->wanted;
	const uint8_t *p;
	size_t len;

	j->vanished = db_bool(r, row, "vanished");
	j->keep_recording = true;
	if (db_is_null(r, row, "state")) {
		w->state = j->vanished ? WANTED_VANISHED : WANTED_UNKNOWN;
		return;
	}
	read_room(j, r, row);
	w->state = strcmp(db_text(r, row, "state"), "ended") == 0 ? WANTED_ENDED
		   : strcmp(db_text(r, row, "state"), "failed") == 0
		       ? WANTED_FAILED
		       : WANTED_OPEN;
	w->stopping = db_bool(r, row, "stopping");
	w->epoch = (uint64_t)db_i64(r, row, "epoch");
	w->provisioned_epoch = (uint64_t)db_i64(r, row, "provisioned_epoch");
	p = db_bytes(r, row, "provisioned_uid", &len);
	if (len == 16)
		hex_encode_bare(j->chain_uid, p, 16);
	w->provisioned_ours =
	    *j->chain_uid && strcmp(j->chain_uid, j->uid) == 0;
	copy_bytes(r, row, "provisioned_hash", w->provisioned_hash,
		   sizeof(w->provisioned_hash));
	w->recording_days = (uint32_t)db_i64(r, row, "recording_days");
	w->own_days = db_bool(r, row, "own_days");
	if (w->state != WANTED_OPEN)
		return;
	w->denied = policy_host(j->b->policy, j->host) == POLICY_DENIED;
	w->key_fault = (uint8_t)seal_check_key(j->host_key, j->host_key_len);
}

static bool in_flight(const char *state)
{
	return *state && strcmp(state, "dropped") != 0;
}

static void read_outbox(struct job *j, const struct db_result *r, size_t row)
{
	struct actual *a = &j->actual;
	const char *sealed = db_text(r, row, "sealed_state");
	char uid[CF_UID_SIZE] = "";
	const uint8_t *p;
	size_t len;

	p = db_bytes(r, row, "sealed_uid", &len);
	if (len == 16)
		hex_encode_bare(uid, p, 16);
	a->sealed = in_flight(sealed) && strcmp(uid, j->uid) == 0;
	a->busy_tx = strcmp(sealed, "in_tx") == 0;
	a->reissue_queued = in_flight(db_text(r, row, "reissue_state"));
	a->fail_queued = in_flight(db_text(r, row, "fail_state"));
	a->end_queued = db_bool(r, row, "ending");
}

static void read_actual(struct job *j, const struct db_result *r, size_t row)
{
	struct bridge *b = j->b;
	struct actual *a = &j->actual;
	uint64_t pending, up = uv_now(b->loop) - b->started_ms;
	const uint8_t *p;
	size_t len;

	a->state = state_from(db_text(r, row, "li_state"));
	copy_text(r, row, "li_uid", j->uid, sizeof(j->uid));
	j->attempt = (uint32_t)db_i64(r, row, "li_attempt");
	j->half_answers = (uint32_t)db_i64(r, row, "li_half_answers");
	a->rotated_epoch = (uint64_t)db_i64(r, row, "li_rotated_epoch");
	a->provisioned_epoch = (uint64_t)db_i64(r, row, "li_provisioned_epoch");
	a->recordings_kept = db_bool(r, row, "li_recordings_kept");
	a->days_unknown = db_is_null(r, row, "li_recording_days");
	a->recording_days = (uint32_t)db_i64(r, row, "li_recording_days");
	a->days_wait = db_bool(r, row, "li_days_wait");
	/* A process before us may have sent it as late as its death. */
	pending = (uint64_t)db_i64(r, row, "li_pending_ms");
	pending = pending < up ? pending : up;
	/* An answer may take its timeout, a list may be stale after. */
	a->give_up = pending > b->cfg->cloudflare.request_timeout_ms +
				   1000ull * b->cfg->cloudflare.list_stale_s;
	p = db_bytes(r, row, "li_hash", &len);
	a->has_hash = len == sizeof(a->hash);
	if (a->has_hash)
		memcpy(a->hash, p, len);
	p = db_bytes(r, row, "li_created_hash", &len);
	a->anchored = len == 32 && memcmp(p, j->created_hash, 32) == 0;
	copy_text(r, row, "li_gone_uid", j->gone_uid, sizeof(j->gone_uid));
	a->chain_gone = *j->gone_uid && strcmp(j->chain_uid, j->gone_uid) == 0;
	a->listed = (a->state == INPUT_NONE || a->state == INPUT_ABSENT) &&
		    inventory_find(b->inventory, j->room, j->chain_uid,
				   j->gone_uid) != NULL;
	read_outbox(j, r, row);
}

static void read_load(struct job *j, const struct db_result *r, size_t row)
{
	j->load = (struct policy_load){
		.host_open = (uint64_t)db_i64(r, row, "host_open"),
		.host_day = (uint64_t)db_i64(r, row, "host_day"),
		.open = (uint64_t)db_i64(r, row, "open_total"),
	};
}

struct job *job_read(struct bridge *b, const struct db_result *r, size_t row)
{
	struct job *j = (struct job *)mem_zalloc(sizeof(*j));

	j->b = b;
	j->read_ms = uv_now(b->loop);
	copy_text(r, row, "room_id", j->room, sizeof(j->room));
	copy_text(r, row, "li_uid", j->uid, sizeof(j->uid));
	read_wanted(j, r, row);
	read_actual(j, r, row);
	read_load(j, r, row);
	return j;
}
