/*
 * Names to addresses on libuv's pool, with a small cache. It never blocks the
 * loop and never answers from inside a question. Order of addresses is the
 * system's (RFC 6724).
 */
#include "core/resolve.h"

#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>

#define CACHE_MAX 16
#define CACHE_MS  60000

struct resolve_wait {
	struct lookup *lookup;
	struct resolve_wait *next;
	resolve_done_fn done;
	void *arg;
};

/* One name being looked up; lives until libuv is done with it. */
struct lookup {
	uv_getaddrinfo_t req;
	uv_timer_t now;            /* answers from the cache come by this */
	struct resolver *resolver; /* NULL: abandoned */
	bool answered;             /* nobody may join any more */
	struct lookup *next;
	struct resolve_wait *waits;
	struct resolved res;
	char host[256];
};

struct cached {
	char host[256]; /* "": free */
	uint64_t until_ms;
	struct resolved res;
};

struct resolver {
	uv_loop_t *loop;
	struct lookup *lookups;
	struct cached cache[CACHE_MAX];
};

struct resolver *resolver_new(uv_loop_t *loop)
{
	struct resolver *r = mem_zalloc(sizeof(*r));

	r->loop = loop;
	return r;
}

static struct cached *cache_find(struct resolver *r, const char *host)
{
	for (size_t i = 0; i < CACHE_MAX; i++) {
		if (strcmp(r->cache[i].host, host) == 0)
			return &r->cache[i];
	}
	return NULL;
}

static void cache_put(struct resolver *r, const char *host,
		      const struct resolved *res)
{
	struct cached *slot = cache_find(r, host);

	if (!slot) {
		slot = &r->cache[0];
		for (size_t i = 1; i < CACHE_MAX; i++) {
			if (r->cache[i].until_ms < slot->until_ms)
				slot = &r->cache[i];
		}
	}
	snprintf(slot->host, sizeof(slot->host), "%s", host);
	slot->until_ms = uv_now(r->loop) + CACHE_MS;
	slot->res = *res;
}

void resolver_forget(struct resolver *r, const char *host)
{
	struct cached *slot = cache_find(r, host);

	if (slot)
		memset(slot, 0, sizeof(*slot));
}

/* Tells everyone who waits, then leaves the resolver. Any callback may cancel
 * another wait or free the resolver, which empties @waits. */
static void finish(struct lookup *l, enum status st, const struct err *err)
{
	struct lookup **p;

	l->answered = true;
	while (l->waits) {
		struct resolve_wait *w = l->waits;
		resolve_done_fn done = w->done;
		void *arg = w->arg;

		l->waits = w->next;
		free(w);
		done(arg, st, st == ST_OK ? &l->res : NULL, err);
	}
	if (!l->resolver)
		return;
	p = &l->resolver->lookups;
	while (*p != l)
		p = &(*p)->next;
	*p = l->next;
}

static void collect(struct resolved *out, const struct addrinfo *list)
{
	for (; list && out->n < RESOLVE_ADDRS_MAX; list = list->ai_next) {
		if (list->ai_family != AF_INET && list->ai_family != AF_INET6)
			continue;
		if (getnameinfo(list->ai_addr, list->ai_addrlen,
				out->addr[out->n], RESOLVE_ADDR_LEN, NULL, 0,
				NI_NUMERICHOST) == 0)
			out->n++;
	}
}

static void on_lookup(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
	struct lookup *l = req->data;
	enum status st = ST_OK;
	struct err err = { 0 };

	if (l->resolver) {
		collect(&l->res, list);
		if (status < 0 || l->res.n == 0)
			st = err_set(&err, ST_TRANSIENT,
				     "cannot resolve %s: %s", l->host,
				     status < 0 ? uv_strerror(status)
						: "no address");
		else
			cache_put(l->resolver, l->host, &l->res);
		finish(l, st, &err);
	}
	uv_freeaddrinfo(list);
	free(l);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_now(uv_timer_t *timer)
{
	struct lookup *l = timer->data;
	struct err err = { 0 };
	enum status st = ST_OK;

	if (l->resolver) {
		if (l->res.n == 0)
			st = err_set(&err, ST_TRANSIENT,
				     "cannot start to resolve %s", l->host);
		finish(l, st, &err);
	}
	uv_close((uv_handle_t *)timer, on_closed);
}

static struct lookup *lookup_new(struct resolver *r, const char *host)
{
	static const struct addrinfo hints = { .ai_family = AF_UNSPEC,
					       .ai_socktype = SOCK_STREAM };
	const struct cached *hit = cache_find(r, host);
	struct lookup *l = mem_zalloc(sizeof(*l));

	snprintf(l->host, sizeof(l->host), "%s", host);
	l->resolver = r;
	l->next = r->lookups;
	r->lookups = l;
	l->req.data = l;
	if (hit && hit->until_ms > uv_now(r->loop))
		l->res = hit->res;
	else if (uv_getaddrinfo(r->loop, &l->req, on_lookup, l->host, NULL,
				&hints) == 0)
		return l;
	uv_timer_init(r->loop, &l->now);
	l->now.data = l;
	uv_timer_start(&l->now, on_now, 0, 0);
	return l;
}

struct resolve_wait *resolver_start(struct resolver *r, const char *host,
				    resolve_done_fn done, void *arg)
{
	struct resolve_wait *w = mem_zalloc(sizeof(*w));
	struct lookup *l = r->lookups;

	while (l && (l->answered || strcmp(l->host, host) != 0))
		l = l->next;
	if (!l)
		l = lookup_new(r, host);
	w->lookup = l;
	w->done = done;
	w->arg = arg;
	w->next = l->waits;
	l->waits = w;
	return w;
}

void resolver_cancel(struct resolve_wait *w)
{
	struct resolve_wait **p = &w->lookup->waits;

	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
	free(w);
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	for (struct lookup *l = r->lookups; l; l = l->next) {
		l->resolver = NULL;
		while (l->waits) {
			struct resolve_wait *w = l->waits;

			l->waits = w->next;
			free(w);
		}
	}
	free(r);
}
