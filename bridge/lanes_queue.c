/*
 * Reads the queue for all lanes and hands its head to one of them. One read at
 * a time, and a lane's claim is submitted before the next read, so that no two
 * lanes are offered the same entry; should one leave the queue meanwhile, the
 * claim fails as a whole and the queue is read again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "abi/u256.h"
#include "bridge/lanes.h"
#include "core/log.h"

static bool read_bytes(uint8_t *out, size_t size, const struct db_result *r,
		       size_t row, const char *col)
{
	size_t n;
	const uint8_t *p = db_bytes(r, row, col, &n);

	if (!p || n != size)
		return false;
	memcpy(out, p, n);
	return true;
}

static size_t lane_of(const struct share_lane *lanes, size_t n,
		      const struct address *who)
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(lanes[i].who.b, who->b, sizeof(who->b)) == 0)
			return i;
	return n; /* of none: nobody may take it */
}

static bool read_effect(struct effect *e, const struct db_result *r, size_t row)
{
	bool recording, provision;

	*e =
	    (struct effect){ .id = db_i64(r, row, "id"), .holder = SHARE_NONE };
	if (!txmgr_kind_parse(&e->kind, db_text(r, row, "kind")) ||
	    u256_from_dec(&e->room, db_text(r, row, "room"), "room", NULL) !=
		ST_OK ||
	    !u256_fits(&e->room, 96))
		return false;
	provision = e->kind == EFFECT_PROVISION;
	recording = e->kind == EFFECT_RECORDING;
	e->solo = db_bool(r, row, "solo");
	e->epoch = (uint32_t)db_i64(r, row, "epoch");
	if (e->kind == EFFECT_END)
		return true;
	if (!provision && !recording) {
		e->code = (uint8_t)db_i64(r, row, "code");
		return !db_is_null(r, row, "code");
	}
	if (db_is_null(r, row, "origin_id") ||
	    !read_bytes(e->uid, 16, r, row, "input_uid"))
		return false;
	e->origin = (uint16_t)db_i64(r, row, "origin_id");
	if (recording)
		return true;
	e->envelope = db_bytes(r, row, "envelope", &e->envelope_len);
	return e->envelope_len > 0 &&
	       read_bytes(e->credential_hash, 8, r, row, "credential_hash");
}

static void drop_malformed(struct lanes *l, const struct db_result *r,
			   size_t row)
{
	struct db_batch *b = db_batch_new(l->o.lane.db);

	log_broken("outbox_malformed", F_STR("room", db_text(r, row, "room")),
		   F_STR("kind", db_text(r, row, "kind")));
	DB_ADD(b,
	       "update bridge.outbox set state = 'dropped',"
	       " note = 'malformed entry', updated_at = now(), term = $2"
	       " where id = $1 and state = 'queued'"
	       " and bridge.tx_check_term($2)",
	       P_I64(db_i64(r, row, "id")), P_I64(l->o.lane.term));
	db_run(b, lanes_stored, l);
}

/* Whether anything was taken. */
static bool share(struct lanes *l, const struct db_result *r)
{
	struct share_limits limits = { .entries = l->o.batch_max,
				       .bytes = l->o.batch_calldata_max };
	struct share_lane lanes[LANES_MAX];
	AUTO_FREE struct effect *e = NULL;
	size_t rows = db_rows(r), good = 0;
	struct share s;

	lanes_offers(l, lanes);
	e = mem_array(rows, sizeof(*e));
	for (size_t i = 0; i < rows; i++) {
		struct address holder;

		if (!read_effect(&e[good], r, i)) {
			drop_malformed(l, r, i);
			continue;
		}
		if (read_bytes(holder.b, sizeof(holder.b), r, i, "holder"))
			e[good].holder = lane_of(lanes, l->count, &holder);
		good++;
	}
	s = share_take(e, good, lanes, l->count, &limits);
	/* What is left is another lane's now, or this one's when it has stored
	 * what it took; what comes meanwhile waits for its window. */
	l->more =
	    l->again || rows > s.count || (rows > 0 && db_bool(r, 0, "others"));
	if (s.lane != SHARE_NONE)
		txmgr_take(l->slots[s.lane].m, e, s.count);
	return s.count > 0;
}

static void queue_read(void *arg, enum status st,
		       const struct db_result *const *results, size_t n,
		       const struct err *err)
{
	struct lanes *l = arg;
	bool again;

	(void)n;
	l->reading = false;
	if (st != ST_OK && st != ST_AGAIN) {
		l->o.lane.on_fatal(l->o.lane.arg, err);
		return;
	}
	again = st != ST_OK || l->again;
	if (st == ST_OK && !l->paused && share(l, results[0]))
		again = again || l->more;
	l->again = false;
	if (again)
		lanes_claim(l);
}

/* The addresses, as an array, of those that can take what is read now; 0: none
 * can. One that claims is among them: the claim is answered before the read. */
static size_t takers(const struct lanes *l, struct buf *out)
{
	struct share_lane lanes[LANES_MAX];
	char hex[HEX_ADDRESS_SIZE];
	size_t n = 0;

	lanes_offers(l, lanes);
	buf_add_byte(out, '{');
	for (size_t i = 0; i < l->count; i++)
		if (lanes[i].able || lanes[i].claiming)
			buf_printf(out, "%s\"\\\\x%s\"", n++ ? "," : "",
				   hex_encode_bare(hex, lanes[i].who.b, 20));
	buf_add_byte(out, '}');
	return n;
}

void lanes_claim(struct lanes *l)
{
	AUTO_BUF who = BUF_NULL;
	struct db_batch *b;

	if (l->reading) {
		l->again = true;
		return;
	}
	buf_init(&who, (size_t)LANES_MAX * 64);
	if (l->paused || takers(l, &who) == 0) {
		l->more = true;
		return;
	}
	l->reading = true;
	l->more = false;
	l->kicks = 0;
	uv_timer_stop(l->window);
	b = db_batch_new(l->o.lane.db);
	DB_ADD(b, "select * from bridge.tx_queue($1::bytea[], $2::integer)",
	       P_TEXT(buf_str(&who)), P_I64((int64_t)l->o.batch_max + 1));
	db_run(b, queue_read, l);
}
