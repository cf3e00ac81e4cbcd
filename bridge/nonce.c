/*
 * Which nonce comes next, and which one is missing. Pure: the lane acts.
 */
#include "bridge/nonce.h"

uint64_t nonce_next(const struct nonce_view *v)
{
	uint64_t n = v->latest > v->pending ? v->latest : v->pending;

	return n > v->db_next ? n : v->db_next;
}

bool nonce_gap(uint64_t *out, const struct nonce_view *v, const uint64_t *held,
	       size_t n)
{
	uint64_t want = v->latest;

	for (size_t i = 0; i < n; i++) {
		if (held[i] < want)
			continue;
		if (held[i] > want)
			break;
		want++;
	}
	if (n == 0 || want >= held[n - 1] || v->pending > want)
		return false;
	*out = want;
	return true;
}

bool nonce_fallen(const struct nonce_view *v, const uint64_t *held, size_t n)
{
	if (v->latest >= v->db_next)
		return false;
	for (size_t i = 0; i < n; i++)
		if (held[i] == v->latest)
			return false;
	return true;
}

bool nonce_lost(const struct nonce_view *v)
{
	return v->db_next == 0 || v->db_next < v->pending;
}

void nonce_round_pass(struct nonce_round *r)
{
	r->agreed = 0;
}

uint64_t nonce_round_next(const struct nonce_round *r)
{
	uint64_t next = 0;

	for (size_t i = 0; i < NONCE_ENDPOINTS_MAX; i++)
		if (r->told[i] > next)
			next = r->told[i];
	return next;
}

static void of_no_use(struct nonce_round *r, size_t at, uint64_t now_ms)
{
	r->agreed &= ~(1u << at);
	if (!r->out_ms[at])
		r->out_ms[at] = now_ms;
}

void nonce_round_told(struct nonce_round *r, size_t at,
		      const struct nonce_view *v, uint64_t now_ms)
{
	r->told[at] = v->pending;
	if (v->pending < nonce_round_next(r)) {
		of_no_use(r, at, now_ms);
		return;
	}
	r->out_ms[at] = 0;
	if (v->pending == v->latest)
		r->agreed |= 1u << at;
	else
		r->agreed &= ~(1u << at);
}

bool nonce_round_silent(struct nonce_round *r, size_t at, uint64_t now_ms)
{
	bool before = r->out_ms[at] != 0;

	of_no_use(r, at, now_ms);
	return !before;
}

bool nonce_round_left_out(const struct nonce_round *r, size_t at,
			  uint64_t now_ms)
{
	return r->out_ms[at] && now_ms - r->out_ms[at] >= NONCE_WAIT_MS;
}

/* One that agreed may be behind by what another told since. */
bool nonce_round_agrees(const struct nonce_round *r, size_t at)
{
	return (r->agreed & 1u << at) && r->told[at] == nonce_round_next(r);
}

bool nonce_round_done(const struct nonce_round *r, size_t n, uint64_t now_ms)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (nonce_round_agrees(r, i))
			any = true;
		else if (!nonce_round_left_out(r, i, now_ms))
			return false;
	}
	return any;
}
