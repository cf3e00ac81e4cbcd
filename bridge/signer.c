/*
 * Holds the signing key, in one page that is kept out of swap and core dumps
 * where the system permits it. Hands out signatures, never the key.
 */
#include "bridge/signer.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/secp.h"
#include "config/keyfile.h"

struct signer {
	struct address address;
	uint8_t *key32; /* first bytes of its page */
	size_t page;
};

enum status signer_new(struct signer **out, const uint8_t key32[32],
		       struct err *err)
{
	AUTO(signer) struct signer *s = mem_zalloc(sizeof(*s));
	enum status st = secp_address(&s->address, key32, err);
	void *p;

	if (st != ST_OK)
		return st;
	s->page = (size_t)sysconf(_SC_PAGESIZE);
	p = mmap(NULL, s->page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return err_set(err, ST_FATAL, "no memory for the signing key");
	/* Best effort: containers often allow neither. */
	(void)!mlock(p, s->page);
	(void)!madvise(p, s->page, MADV_DONTDUMP);
	s->key32 = p;
	memcpy(s->key32, key32, 32);
	*out = STEAL(s);
	return ST_OK;
}

enum status signer_open(struct signer **out, const struct config *cfg,
			size_t at, struct err *err)
{
	uint8_t key[32];
	enum status st = keyfile_load(key, cfg, at, err);

	if (st == ST_OK)
		st = signer_new(out, key, err);
	explicit_bzero(key, sizeof(key));
	return st;
}

void signer_close(struct signer *s)
{
	if (!s)
		return;
	if (s->key32) {
		explicit_bzero(s->key32, 32);
		munmap(s->key32, s->page);
	}
	free(s);
}

const struct address *signer_address(const struct signer *s)
{
	return &s->address;
}

enum status signer_sign_tx(const struct signer *s, struct buf *raw,
			   struct hash32 *hash, const struct tx *tx,
			   struct err *err)
{
	return tx_sign(raw, hash, tx, s->key32, err);
}
