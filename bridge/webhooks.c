/*
 * Delivers webhooks: takes what is due from the queue, posts it, stores how
 * that went. It follows no redirect, connects to no private address unless it
 * may, and never logs an address beyond scheme, host and port.
 */
#include "bridge/webhooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi/hex.h"
#include "bridge/websign.h"
#include "core/buf.h"
#include "core/log.h"
#include "core/url.h"

#define TICK_MS      500
#define EACH_AT_ONCE 4 /* of one endpoint */
#define CONNECTIONS  32
#define ANSWER_MAX   65536
#define TYPES_ALL                                                              \
	"{live,offline,room.ready,room.ended,room.failed,recording.ready}"

struct endpoint {
	const char *url; /* the config's, secret */
	char id[WEBSIGN_ID];
	char label[300];
	size_t open; /* posts under way */
};

struct post {
	struct post *next;
	struct webhooks *h;
	struct endpoint *to;
	struct http_call *call; /* NULL: answered, being stored */
	uint64_t began_ms;
	char event[64], type[32], room[CF_ROOM_SIZE];
	bool ok;
};

struct webhooks {
	struct bridge *b;
	struct http *http;
	uv_timer_t *timer;
	struct endpoint *endpoints;
	size_t count;
	char *ids, *types; /* Postgres arrays */
	char chain_id[24], contract[HEX_ADDRESS_SIZE];
	struct post *posts;
	bool asking;
};

static void post_end(struct post *p)
{
	struct post **at = &p->h->posts;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	p->to->open--;
	free(p);
}

static void say_rejected(enum status st, const struct err *err)
{
	if (st == ST_REJECTED)
		log_broken("webhooks_not_stored", F_STR("why", err->msg));
}

static void on_stored(void *arg, enum status st,
		      const struct db_result *const *results, size_t n,
		      const struct err *err)
{
	struct post *p = (struct post *)arg;

	(void)n;
	if (st != ST_OK) /* still queued: it is told again */
		say_rejected(st, err);
	else if (p->ok)
		log_info("webhook_delivered", F_STR("room", p->room),
			 F_STR("type", p->type), F_STR("event_id", p->event),
			 F_STR("endpoint", p->to->id));
	else if (db_rows(results[0]) &&
		 strcmp(db_text(results[0], 0, "state"), "given_up") == 0)
		log_odd("webhook_given_up", F_STR("room", p->room),
			F_STR("event_id", p->event), F_STR("to", p->to->label));
	post_end(p);
}

static void on_answer(void *arg, enum status st,
		      const struct http_response *res, const struct err *err)
{
	struct post *p = (struct post *)arg;
	struct bridge *b = p->h->b;
	struct db_batch *batch = db_batch_new(b->db);
	char why[sizeof(err->msg)] = "";

	p->call = NULL;
	p->ok = st == ST_OK && res->code >= 200 && res->code < 300;
	if (st != ST_OK)
		(void)snprintf(why, sizeof(why), "%s", err->msg);
	else if (!p->ok)
		(void)snprintf(why, sizeof(why), "%s: HTTP %ld", p->to->label,
			       res->code);
	if (!p->ok)
		log_odd("webhook_failed", F_STR("room", p->room),
			F_STR("event_id", p->event), F_STR("why", why));
	DB_ADD(batch,
	       "select state, attempts from bridge.webhook_tried($1, $2, $3,"
	       " $4::integer, $5, $6::integer, $7)",
	       P_TEXT(p->event), P_TEXT(p->to->id), P_BOOL(p->ok),
	       st == ST_OK ? P_I64(res->code) : P_NULL(),
	       P_TEXT(*why ? why : NULL),
	       P_I64((int64_t)(uv_now(b->loop) - p->began_ms)),
	       P_I64(b->facts.term));
	db_run(batch, on_stored, p);
}

static struct endpoint *find(struct webhooks *h, const char *id)
{
	for (size_t i = 0; i < h->count; i++)
		if (strcmp(h->endpoints[i].id, id) == 0)
			return &h->endpoints[i];
	return NULL;
}

static bool under_way(const struct webhooks *h, const struct endpoint *to,
		      const char *event)
{
	const struct post *p;

	for (p = h->posts; p; p = p->next)
		if (p->to == to && strcmp(p->event, event) == 0)
			return true;
	return false;
}

static void post_start(struct webhooks *h, const struct db_result *r,
		       size_t row)
{
	const struct config *cfg = h->b->cfg;
	struct endpoint *to = find(h, db_text(r, row, "endpoint"));
	const char *body = db_text(r, row, "body");
	char signature[WEBSIGN_SIZE], header[WEBSIGN_SIZE + 32];
	const char *const headers[] = { "Content-Type: application/json",
					header, NULL };
	struct http_request req = {
		.method = "POST",
		.headers = headers,
		.body = body,
		.body_len = strlen(body),
		.timeout_ms = cfg->webhooks.timeout_ms,
		.max_response = ANSWER_MAX,
		.public_only = !cfg->webhooks.allow_private,
	};
	struct post *p;

	if (!to || to->open >= EACH_AT_ONCE ||
	    under_way(h, to, db_text(r, row, "event_id")))
		return;
	p = (struct post *)mem_zalloc(sizeof(*p));
	p->h = h;
	p->to = to;
	p->next = h->posts;
	h->posts = p;
	to->open++;
	p->began_ms = uv_now(h->b->loop);
	(void)snprintf(p->event, sizeof(p->event), "%s",
		       db_text(r, row, "event_id"));
	(void)snprintf(p->type, sizeof(p->type), "%s", db_text(r, row, "type"));
	(void)snprintf(p->room, sizeof(p->room), "%s", db_text(r, row, "room"));
	websign(signature, cfg->webhooks.secret, (uint64_t)time(NULL), body,
		req.body_len);
	(void)snprintf(header, sizeof(header), WEBSIGN_HEADER ": %s",
		       signature);
	req.url = to->url;
	p->call = http_start(h->http, &req, on_answer, p);
}

static void on_due(void *arg, enum status st,
		   const struct db_result *const *results, size_t n,
		   const struct err *err)
{
	struct webhooks *h = (struct webhooks *)arg;

	(void)n;
	h->asking = false;
	if (st != ST_OK) {
		say_rejected(st, err);
		return;
	}
	for (size_t i = 0; i < db_rows(results[1]); i++)
		post_start(h, results[1], i);
}

static void on_tick(uv_timer_t *t)
{
	struct webhooks *h = (struct webhooks *)t->data;
	const struct bridge *b = h->b;
	struct db_batch *batch;

	if (h->asking || b->stopping)
		return;
	h->asking = true;
	batch = db_batch_new(b->db);
	DB_ADD(batch,
	       "select bridge.webhooks_collect($1, $2, $3, $4, $5::text[],"
	       " $6::text[], $7, $8::integer, $9::integer, $10)",
	       P_TEXT(b->facts.deployment), P_TEXT(h->chain_id),
	       P_TEXT(h->contract), P_TEXT(b->facts.origin), P_TEXT(h->ids),
	       P_TEXT(h->types), P_TEXT(config_confirm_name(b->cfg)),
	       P_I64(b->cfg->chain.confirmations),
	       P_I64(b->cfg->indexer.max_reorg_depth), P_I64(b->facts.term));
	DB_ADD(batch,
	       "select event_id, endpoint, type, room_id::text as room, body"
	       " from bridge.webhooks_due($1::text[], $2::integer)",
	       P_TEXT(h->ids), P_I64(2 * EACH_AT_ONCE));
	db_run(batch, on_due, h);
}

static char *array_of(char *const *items, size_t n)
{
	AUTO_BUF out = BUF_NULL;

	buf_init(&out, 65536);
	buf_add_byte(&out, '{');
	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%s%s", i ? "," : "", items[i]);
	buf_add_byte(&out, '}');
	return mem_strdup(buf_str(&out));
}

static void add_endpoints(struct webhooks *h)
{
	const struct config *cfg = h->b->cfg;
	char **ids = (char **)mem_array(cfg->webhooks.url_count, sizeof(*ids));
	size_t i;

	h->count = cfg->webhooks.url_count;
	h->endpoints =
	    (struct endpoint *)mem_array(h->count, sizeof(*h->endpoints));
	for (i = 0; i < h->count; i++) {
		struct endpoint *e = &h->endpoints[i];
		struct url url;
		struct err err;

		e->url = cfg->webhooks.urls[i];
		websign_endpoint(e->id, e->url);
		ids[i] = e->id;
		if (url_parse(&url, e->url, &err) != ST_OK)
			abort(); /* the config was checked */
		(void)snprintf(e->label, sizeof(e->label), "%s", url.label);
		url_wipe(&url);
		log_info("webhook_endpoint", F_STR("endpoint", e->id),
			 F_STR("to", e->label));
	}
	h->ids = array_of(ids, h->count);
	free(ids);
}

struct webhooks *webhooks_new(struct bridge *b)
{
	const struct config *cfg = b->cfg;
	struct address contract;
	struct webhooks *h;

	if (!cfg->webhooks.url_count)
		return NULL;
	h = (struct webhooks *)mem_zalloc(sizeof(*h));
	h->b = b;
	memcpy(contract.b, cfg->registry.address, sizeof(contract.b));
	hex_address(h->contract, &contract);
	(void)snprintf(h->chain_id, sizeof(h->chain_id), "%llu",
		       (unsigned long long)cfg->chain.chain_id);
	h->types =
	    cfg->webhooks.event_count
		? array_of(cfg->webhooks.events, cfg->webhooks.event_count)
		: mem_strdup(TYPES_ALL);
	add_endpoints(h);
	/* Its own: no connection is shared with calls to other addresses. */
	h->http = http_new(b->loop, CONNECTIONS);
	h->timer = (uv_timer_t *)mem_zalloc(sizeof(*h->timer));
	h->timer->data = h;
	/* At once: what a first start begins with is nobody's news, what comes
	 * of it is. */
	if (uv_timer_init(b->loop, h->timer) != 0 ||
	    uv_timer_start(h->timer, on_tick, 0, TICK_MS) != 0)
		abort();
	return h;
}

static void timer_closed(uv_handle_t *t)
{
	free(t);
}

void webhooks_free(struct webhooks *h)
{
	struct post *p;

	if (!h)
		return;
	while ((p = h->posts)) {
		h->posts = p->next;
		if (p->call)
			http_cancel(p->call);
		free(p);
	}
	http_free(h->http);
	uv_close((uv_handle_t *)h->timer, timer_closed);
	free(h->endpoints);
	free(h->ids);
	free(h->types);
	free(h);
}
