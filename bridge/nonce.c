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

bool nonce_may_start(const struct nonce_view *v)
{
	return !nonce_lost(v) || v->pending == v->latest;
}
