#ifndef CX_CORE_LOG_H
#define CX_CORE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One line an event on stderr: `ts=… level=info daemon=… event=room_created
 * room=… host=…`, or the same as one JSON object. Values are typed fields, so
 * that a hostile title can neither forge a field nor break a line: strings are
 * quoted, escaped and cut at LOG_VALUE_MAX. Only program code logs.
 */
enum log_level {
	LOG_LVL_DEBUG,
	LOG_LVL_INFO,
	LOG_LVL_ODD,    /* unusual; an operator may want to look */
	LOG_LVL_BROKEN, /* a human must look; fails a test not expecting it */
};

#define LOG_VALUE_MAX 512

enum log_kind { LOG_KIND_U64 = 1, LOG_KIND_I64, LOG_KIND_STR, LOG_KIND_HEX };

struct log_field {
	const char *key;
	enum log_kind kind;
	size_t len;
	union {
		uint64_t u64;
		int64_t i64;
		const void *p;
	};
};

#define F_U64(k, v)                                                            \
	((struct log_field){ .key = (k), .kind = LOG_KIND_U64, .u64 = (v) })
#define F_I64(k, v)                                                            \
	((struct log_field){ .key = (k), .kind = LOG_KIND_I64, .i64 = (v) })
/* NULL prints as "-" */
#define F_STR(k, v) log_field_str((k), (v))
#define F_STRN(k, v, n)                                                        \
	((struct log_field){                                                   \
	    .key = (k), .kind = LOG_KIND_STR, .len = (n), .p = (v) })
/* 0x… */
#define F_HEX(k, v, n)                                                         \
	((struct log_field){                                                   \
	    .key = (k), .kind = LOG_KIND_HEX, .len = (n), .p = (v) })

struct log_field log_field_str(const char *key, const char *value);

/** log_init - process-wide: @daemon is kept, not copied */
void log_init(const char *daemon, enum log_level min, bool json);

void log_write(enum log_level level, const char *event,
	       const struct log_field *fields, size_t n);

#define LOG_AT(level, event, ...)                                              \
	log_write((level), (event),                                            \
		  (const struct log_field[]){ { 0 }, ##__VA_ARGS__ } + 1,      \
		  sizeof((const struct log_field[]){ { 0 }, ##__VA_ARGS__ }) / \
			  sizeof(struct log_field) -                           \
		      1)
/* log_info("block_stored", F_U64("height", h), F_HEX("hash", hash, 32)); */
#define log_debug(event, ...)  LOG_AT(LOG_LVL_DEBUG, event, ##__VA_ARGS__)
#define log_info(event, ...)   LOG_AT(LOG_LVL_INFO, event, ##__VA_ARGS__)
#define log_odd(event, ...)    LOG_AT(LOG_LVL_ODD, event, ##__VA_ARGS__)
#define log_broken(event, ...) LOG_AT(LOG_LVL_BROKEN, event, ##__VA_ARGS__)

#endif
