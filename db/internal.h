#ifndef CX_DB_INTERNAL_H
#define CX_DB_INTERNAL_H

#include <libpq-fe.h>

#include "core/crash.h"
#include "db/db.h"

/* Shared by the files of db/ only. */

enum db_item_kind {
	ITEM_STMT = 1, /* one statement with parameters */
	ITEM_COPY,     /* COPY … FROM STDIN and its rows */
	ITEM_SCRIPT,   /* several statements without parameters */
};

struct db_item {
	enum db_item_kind kind;
	char *sql;
	/* ITEM_STMT: what PQsendQueryParams wants; one block of memory */
	int n;
	char **values;
	int *lengths;
	int *formats;
	Oid *types;
	void *block;
	struct db_statement *statement; /* NULL: not worth a name */
	bool preparing;                 /* that is answered first */
	/* ITEM_COPY */
	uint8_t *rows;
	size_t rows_len;
};

/* Owned by the connection, never removed from before its end. */
struct db_statements {
	struct db_statement **items;
	size_t count;
};

struct db_batch {
	struct db *db;
	struct db_batch *next;
	struct db_item *items;
	size_t count, cap;
	bool joins;    /* may share a transaction with its neighbours */
	bool shared;   /* in flight: the next one ends their transaction */
	bool serial;   /* holds a COPY or a script: no pipeline */
	bool explicit; /* serial and wrapped in BEGIN … COMMIT */

	struct db_result **results; /* one an item */
	size_t got;
	size_t answered; /* in the pipeline: statements, failed ones too */
	enum status status;
	struct err err;

	db_done_fn done;
	void *arg;
	bool waited;   /* a blocking caller owns it */
	bool complete; /* for that caller */
};

struct db_list {
	struct db_batch *head, *tail;
	size_t count;
};

struct db_listener {
	struct db_listener *next;
	char *channel;
	void (*fn)(void *arg, const char *payload);
	void *arg;
};

/* The step of a serial batch that is under way. */
enum db_step { STEP_BEGIN, STEP_ITEM, STEP_COMMIT, STEP_ROLLBACK };

struct db {
	PGconn *conn;
	uv_loop_t *loop; /* NULL: blocking forms only */
	uv_poll_t poll;
	uv_timer_t kick; /* submits and delivers from the loop */
	int handles;     /* open ones; freed at 0 */
	bool closed;

	bool lost, lost_told;
	struct err lost_err;
	void (*lost_fn)(void *arg, const struct err *err);
	void *lost_arg;

	struct db_list queue;    /* submitted, not yet sent */
	struct db_list flight;   /* sent in the pipeline, in order */
	struct db_list finished; /* outcome known, callback due */
	size_t joint;            /* transactions in flight that may be shared */
	struct db_batch *answering; /* of the flight; NULL: its head */

	struct db_statements statements;
	uint64_t plans_end_ns; /* when the server's plans are too old */

	struct db_batch *serial; /* running outside the pipeline */
	enum db_step step;
	size_t item;
	bool feeding; /* COPY data is being sent */
	size_t fed;

	bool want_write;
	struct db_listener *listeners;
};

struct db_result {
	PGresult *res;
	uint8_t **bytes; /* decoded bytea by row and column; lazily made */
	size_t *lens;
};

struct db_result *db_result_wrap(PGresult *res);
/* @res: an error result. Outcome and text as db.h promises. */
enum status db_result_error(struct err *err, const PGresult *res);

void db_statements_deinit(struct db_statements *all);
/* Looks @it up; true the second time that it comes. */
bool db_stmt_to_prepare(struct db_statements *all, struct db_item *it);
/* As PQsendPrepare(); then db_stmt_prepared(), unless the connection goes. */
int db_stmt_prepare(PGconn *conn, struct db_item *it);
void db_stmt_prepared(struct db_item *it, bool ok);
/* As PQsendQueryParams(), or by its name when it is @prepared. */
int db_stmt_send(PGconn *conn, const struct db_item *it, bool prepared);
bool db_stmt_ready(const struct db_item *it);
/* It was refused: perhaps it may have no name any more. */
void db_stmt_failed(struct db_item *it, const PGresult *res);

void db_list_push(struct db_list *l, struct db_batch *b);
struct db_batch *db_list_pop(struct db_list *l);
/* To the front: @l runs before what is queued in @queue. */
void db_list_before(struct db_list *queue, struct db_list *l);
/* As if it had not run. */
void db_batch_again(struct db_batch *b);

/* A point for a crash, if @b changes anything (core/crash.h). */
#ifdef CX_CRASH
void db_crash_point(enum crash_when when, const struct db_batch *b);
#else
static inline void db_crash_point(enum crash_when when,
				  const struct db_batch *b)
{
	(void)when;
	(void)b;
}
#endif

/* Everything that can be done without waiting: read, submit, flush. */
void db_engine_turn(struct db *db);
/* Ends every batch with ST_TRANSIENT; callbacks are still due. */
void db_engine_lost(struct db *db, const char *why);
void db_batch_script(struct db_batch *b, const char *sql);
/* Runs @b to its end, blocking; it stays the caller's. */
enum status db_wait(struct db_batch *b, struct err *err);

#endif
