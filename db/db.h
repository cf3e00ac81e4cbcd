#ifndef CX_DB_DB_H
#define CX_DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"

/*
 * Postgres, non-blocking on the daemon's loop. A db_batch is one transaction:
 * statements and COPYs that commit together or not at all. Batches run in the
 * order submitted, pipelined. After a lost connection every batch under way
 * ends with ST_TRANSIENT (whether it committed is unknown: make it repeatable).
 */
struct db;
struct db_batch;
struct db_result;

struct db_opts {
	const char *url;              /* libpq URL or keywords; never logged */
	const char *application_name; /* "chaincast-indexer" … */
	uint32_t connect_timeout_s;
	uint32_t statement_timeout_ms;
};

/** db_open - connect, blocking; refuses a server older than 13.
 * ST_TRANSIENT: server down; ST_REJECTED: wrong password, no such database */
enum status db_open(struct db **out, uv_loop_t *loop,
		    const struct db_opts *opts, struct err *err) MUST_CHECK;
/** db_close - drops callbacks of batches under way; accepts NULL */
void db_close(struct db *db);
DEFINE_AUTO(db, db_close)

/** db_on_lost - called once from the loop when the connection is gone; the
 * daemon then exits and is started again (crash-only) */
void db_on_lost(struct db *db, void (*fn)(void *arg, const struct err *err),
		void *arg);

/* Parameters, binary-safe; a `struct db_param` array literal is passed. All
 * go as text format except bytea, so SQL casts such as $1::numeric work. */
enum db_kind { DB_NULL = 0, DB_I64, DB_TEXT, DB_BYTEA, DB_BOOL };
struct db_param {
	enum db_kind kind;
	size_t len;
	union {
		int64_t i64;
		bool b;
		const void *p;
	};
};
#define P_NULL()  ((struct db_param){ .kind = DB_NULL })
#define P_I64(v)  ((struct db_param){ .kind = DB_I64, .i64 = (v) })
#define P_BOOL(v) ((struct db_param){ .kind = DB_BOOL, .b = (v) })
/* UTF-8 text, must hold no NUL; NULL pointer is SQL null */
#define P_TEXT(s) db_param_text(s)
#define P_BYTES(ptr, n)                                                        \
	((struct db_param){ .kind = DB_BYTEA, .len = (n), .p = (ptr) })
struct db_param db_param_text(const char *s);

/** db_batch_new - a transaction to be; everything added is copied.
 * Run it with db_run() or db_run_wait(), which take it over, or drop it with
 * db_batch_free(). */
struct db_batch *db_batch_new(struct db *db);
void db_batch_free(struct db_batch *b);
DEFINE_AUTO(db_batch, db_batch_free)

/** db_add - append one statement; its place is its index in the results */
void db_add(struct db_batch *b, const char *sql, const struct db_param *params,
	    size_t n);
#define DB_ADD(b, sql, ...)                                                    \
	db_add((b), (sql),                                                     \
	       (const struct db_param[]){ P_NULL(), ##__VA_ARGS__ } + 1,       \
	       sizeof((const struct db_param[]){ P_NULL(), ##__VA_ARGS__ }) /  \
		       sizeof(struct db_param) -                               \
		   1)

/** db_add_copy - append a COPY … FROM STDIN (FORMAT binary) of @rows, which
 * holds whole binary tuples without header and trailer; copied */
void db_add_copy(struct db_batch *b, const char *copy_sql,
		 const struct buf *rows);

/**
 * db_done_fn - called exactly once from the loop
 * @st: ST_OK: committed. ST_REJECTED: a statement was refused, nothing kept
 *	(@err holds SQLSTATE and message). ST_AGAIN: serialization or deadlock,
 *	run it again. ST_TRANSIENT: connection lost, outcome unknown.
 * @results: one a statement, valid inside the call only; NULL unless ST_OK
 */
typedef void (*db_done_fn)(void *arg, enum status st,
			   const struct db_result *const *results, size_t n,
			   const struct err *err);
/** db_run - submit; takes over @b; @done may be NULL (errors then are lost) */
void db_run(struct db_batch *b, db_done_fn done, void *arg);
/** db_run_joined - as db_run(), for the many small batches of a busy time:
 * those that wait for the connection together commit together, which is one
 * wait for the disk. When one of them fails nothing is kept, and each runs anew
 * alone, so that every outcome is its own. Not for what reads for long: its
 * neighbours would wait for it */
void db_run_joined(struct db_batch *b, db_done_fn done, void *arg);

/** db_rows - rows returned, or rows affected for a command */
size_t db_rows(const struct db_result *r);
/** db_affected - rows that an insert, update or delete touched */
size_t db_affected(const struct db_result *r);
/* Columns by name; an unknown name is a bug and aborts. */
bool db_is_null(const struct db_result *r, size_t row, const char *col);
int64_t db_i64(const struct db_result *r, size_t row, const char *col);
bool db_bool(const struct db_result *r, size_t row, const char *col);
/** db_text - NUL-terminated, owned by @r; "" for null */
const char *db_text(const struct db_result *r, size_t row, const char *col);
/** db_bytes - a bytea column decoded; owned by @r; *len 0 and NULL for null */
const uint8_t *db_bytes(const struct db_result *r, size_t row, const char *col,
			size_t *len);

/** db_listen - LISTEN @channel; @fn from the loop with each payload */
void db_listen(struct db *db, const char *channel,
	       void (*fn)(void *arg, const char *payload), void *arg);

/* Blocking forms, for start-up and for commands. The result is the caller's. */
enum status db_query(struct db_result **out, struct db *db, const char *sql,
		     const struct db_param *params, size_t n,
		     struct err *err) MUST_CHECK;
#define DB_QUERY(out, db, err, sql, ...)                                       \
	db_query(                                                              \
	    (out), (db), (sql),                                                \
	    (const struct db_param[]){ P_NULL(), ##__VA_ARGS__ } + 1,          \
	    sizeof((const struct db_param[]){ P_NULL(), ##__VA_ARGS__ }) /     \
		    sizeof(struct db_param) -                                  \
		1,                                                             \
	    (err))
/** db_exec - several statements without parameters, one implicit transaction */
enum status db_exec(struct db *db, const char *sql, struct err *err) MUST_CHECK;
void db_result_free(struct db_result *r);
DEFINE_AUTO(db_result, db_result_free)

/** db_try_lock - pg_try_advisory_lock(@key) held by this session.
 * ST_AGAIN while another session holds it. */
enum status db_try_lock(struct db *db, int64_t key, struct err *err) MUST_CHECK;

#endif
