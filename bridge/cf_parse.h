#ifndef CX_BRIDGE_CF_PARSE_H
#define CX_BRIDGE_CF_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/credentials.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"

/*
 * Cloudflare Stream's answers as values. Everything in them is hostile until
 * checked: uids are 32 lower-case hex digits or refused, lists are bounded.
 */
#define CF_UID_SIZE    33
#define CF_MARK_SIZE   17 /* the deployment: 16 hex digits */
#define CF_ROOM_SIZE   80 /* decimal */
#define CF_CODE_GONE   10003
#define CF_LIST_MAX    200000
#define CF_VIDEOS_MAX  1000
#define CF_OUTPUTS_MAX 200 /* of one live input; 50 run at once */
#define CF_TARGET_SIZE 1024

/* A live input that nobody broadcasts to: its meta says which database works
 * for a deployment with which keys, and counts that it is alive. */
#define CF_HOLDER_SIZE 17
#define CF_SIGNERS_MAX 20 /* keys that a lease names */
#define CF_SIGNER_SIZE (43 * CF_SIGNERS_MAX)
#define CF_LEASES_MAX  16
struct cf_lease {
	char uid[CF_UID_SIZE];
	char deployment[CF_MARK_SIZE]; /* meta.lease; empty: it is none */
	char signer[CF_SIGNER_SIZE];   /* 0x…, or several: 0x…,0x… */
	char holder[CF_HOLDER_SIZE];   /* the database's own id */
	uint64_t beat;
	int64_t created_s;
};
/** cf_lease_concerns - it is one of deployment @mark, or names one of @signer,
 * which is written as its own */
bool cf_lease_concerns(const struct cf_lease *l, const char *mark,
		       const char *signer);

/** The envelope {"success","errors","result"}. */
struct cf_envelope {
	bool success;
	int64_t code;      /* first error's; 0: none */
	char message[120]; /* first error's, control characters replaced */
};

/** One live input with everything: wipe with cf_input_wipe(). */
struct cf_input {
	char uid[CF_UID_SIZE];   /* empty: the answer's was unusable */
	bool uid_absent;         /* or it told none */
	char mark[CF_MARK_SIZE]; /* meta.chaincast; empty: none of ours */
	char room[CF_ROOM_SIZE]; /* meta.room; empty: none */
	char customer_code[64];  /* from its playback URLs; empty: none */
	bool enabled;
	uint16_t recording_days; /* deleteRecordingAfterDays; 0: none */
	struct cf_lease lease;
	struct credentials credentials;
};
void cf_input_wipe(struct cf_input *in);

/** One item of the list: without credentials. There may be very many, so it is
 * kept as numbers. */
#define CF_ITEM_ROOM_SIZE 32 /* a room's id is below 2^96 */
struct cf_item {
	uint8_t uid[16];
	uint8_t room[12]; /* big-endian */
	bool enabled;
	uint16_t recording_days; /* 0: none */
	int64_t created_s;       /* Unix time; 0: unreadable */
};
/** cf_item_uid - 32 hex digits; returns @out */
char *cf_item_uid(char out[static CF_UID_SIZE], const struct cf_item *item);
/** cf_item_room - decimal; returns @out */
char *cf_item_room(char out[static CF_ITEM_ROOM_SIZE],
		   const struct cf_item *item);
/** cf_pack_room - false: no room has the id @decimal */
bool cf_pack_room(uint8_t out[static 12], const char *decimal) MUST_CHECK;

struct cf_list {
	struct cf_item *items;
	size_t count;
	size_t total;  /* of the account, by its own count */
	bool complete; /* it holds all that it says there are */
	struct cf_lease leases[CF_LEASES_MAX];
	size_t lease_count;
};
void cf_list_deinit(struct cf_list *l);

/*
 * The list in pieces of any size: each item is read when its last byte is
 * there, and what is left of the answer is short.
 */
struct cf_sieve;
/** cf_sieve_new - keeps the items whose meta.chaincast is @mark, and the leases
 * that concern it; @signer as in a lease. Neither is kept */
struct cf_sieve *cf_sieve_new(const char *mark, const char *signer);
void cf_sieve_free(struct cf_sieve *s);
DEFINE_AUTO(cf_sieve, cf_sieve_free)
/** cf_sift - @arg: the sieve; http_request.sift */
void cf_sift(void *arg, const char *piece, size_t n, struct buf *rest);
/** cf_sifted - the list of an answer whose @rest came out of the sieve */
enum status cf_sifted(struct cf_sieve *s, struct cf_envelope *env,
		      struct cf_list *out, const char *rest, size_t len,
		      struct err *err) MUST_CHECK;

struct cf_video {
	char uid[CF_UID_SIZE];
	char input[CF_UID_SIZE]; /* liveInput; empty: none of ours */
	bool named;              /* it tells one */
	char state[24];
	double duration_s;  /* below 0: unknown */
	int64_t size_bytes; /* 0: unknown */
	/* Unix time; 0: unknown, or not so yet */
	int64_t created_s, ready_s, deletes_s;
};
struct cf_videos {
	struct cf_video *items;
	size_t count;
};
void cf_videos_deinit(struct cf_videos *v);
/** cf_videos_of - only those of the live input @uid stay
 * @unnamed: and those that name none
 *
 * Return: how many do not. */
size_t cf_videos_of(struct cf_videos *v, const char *uid, bool unnamed);

/** One output of a live input: where else it is sent. A secret. */
struct cf_output {
	char uid[CF_UID_SIZE]; /* empty: the answer's was unusable */
	bool uid_absent;       /* or it told none */
	bool enabled;
	char url[CF_TARGET_SIZE], key[CF_TARGET_SIZE];
};
struct cf_outputs {
	struct cf_output *items;
	size_t count;
};
void cf_output_wipe(struct cf_output *o);
void cf_outputs_wipe(struct cf_outputs *o);

/** cf_parse_* - @text need not end in a zero byte and is not kept. Outputs are
 * set only on ST_OK. ST_REJECTED: not JSON, or not of the documented shape; the
 * error never quotes the answer. A failure envelope is ST_OK with the output
 * empty. The parsed tree is wiped. */
enum status cf_parse_input(struct cf_envelope *env, struct cf_input *out,
			   const char *text, size_t len,
			   struct err *err) MUST_CHECK;
enum status cf_parse_videos(struct cf_envelope *env, struct cf_videos *out,
			    const char *text, size_t len,
			    struct err *err) MUST_CHECK;
enum status cf_parse_output(struct cf_envelope *env, struct cf_output *out,
			    const char *text, size_t len,
			    struct err *err) MUST_CHECK;
/** cf_parse_outputs - an entry whose uid is unusable is left out; one whose
 * URL or key is longer than any of ours has it empty */
enum status cf_parse_outputs(struct cf_envelope *env, struct cf_outputs *out,
			     const char *text, size_t len,
			     struct err *err) MUST_CHECK;
/** cf_parse_plain - the envelope alone */
enum status cf_parse_plain(struct cf_envelope *env, const char *text,
			   size_t len, struct err *err) MUST_CHECK;

/** cf_uid_ok - 32 lower-case hex digits and nothing else */
bool cf_uid_ok(const char *uid);

#endif
