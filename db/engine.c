/*
 * Moves batches through one libpq connection without ever blocking. A batch
 * of plain statements is sent in pipeline mode and ended by a sync, which makes
 * it one implicit transaction; several are in flight at once, and those that
 * allow it share a transaction when they waited together. A statement that
 * comes again is prepared on its way (prepare.c). A batch with a COPY or a
 * script runs alone, outside the pipeline, between BEGIN and COMMIT, since
 * libpq cannot COPY in a pipeline. Never calls the user: outcomes go to the
 * finished list, which db.c delivers from the loop.
 */
#include "db/internal.h"

#include <assert.h>

#define FLIGHT_MAX 64            /* batches in the pipeline */
#define JOINT_MAX  2             /* shared transactions in it */
#define SHARE_MAX  32            /* batches of one */
#define COPY_CHUNK (64UL * 1024) /* bytes handed to libpq at a time */

static const char copy_header[19] = "PGCOPY\n\377\r\n\0";
static const char copy_trailer[2] = { '\377', '\377' };

static void finish(struct db *db, struct db_batch *b)
{
	if (b->waited)
		b->complete = true;
	else
		db_list_push(&db->finished, b);
}

static void fail_all(struct db *db, struct db_list *l)
{
	struct db_batch *b;

	while ((b = db_list_pop(l)) != NULL) {
		b->status =
		    err_set(&b->err, ST_TRANSIENT, "%s", db->lost_err.msg);
		finish(db, b);
	}
}

void db_engine_lost(struct db *db, const char *why)
{
	struct db_list one = { 0 };
	size_t len = strcspn(why, "\n"); /* libpq adds advice lines */

	if (!db->lost) {
		db->lost = true;
		err_set(&db->lost_err, ST_TRANSIENT,
			"database connection lost: %.*s", (int)len, why);
	}
	if (db->serial)
		db_list_push(&one, STEAL(db->serial));
	db->feeding = false;
	db->want_write = false;
	db->answering = NULL;
	db->joint = 0;
	fail_all(db, &db->flight);
	fail_all(db, &one);
	fail_all(db, &db->queue);
}

static void lost_now(struct db *db)
{
	const char *why = PQerrorMessage(db->conn);

	db_engine_lost(db, *why ? why : "closed by the server");
}

/* The first error is the cause; later ones only follow from it. */
static void note_error(struct db_batch *b, const PGresult *res)
{
	if (b->status == ST_OK)
		b->status = db_result_error(&b->err, res);
}

static void keep_result(struct db_batch *b, PGresult *res)
{
	if (!b->results)
		b->results = mem_array(b->count, sizeof(struct db_result *));
	assert(b->got < b->count);
	b->results[b->got++] = db_result_wrap(res);
}

/* Half a batch must never be followed by a sync: that would commit the half. */
static bool send_pipelined(struct db *db, const struct db_batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		struct db_item *it = &b->items[i];
		bool named = db_stmt_to_prepare(&db->statements, it);

		if (named && !db_stmt_prepare(db->conn, it))
			return false;
		if (!db_stmt_send(db->conn, it, named || db_stmt_ready(it)))
			return false;
	}
	return b->shared || PQpipelineSync(db->conn) == 1;
}

/* A transaction is over. Where one of several batches failed nothing was kept:
 * then each has its own. */
static void transaction_over(struct db *db)
{
	struct db_list all = { 0 }, again = { 0 };
	bool failed = false, more = true;
	struct db_batch *b;

	db->joint -= db->flight.head->joins;
	while (more) {
		b = db_list_pop(&db->flight);
		more = b->shared;
		failed = failed || b->status != ST_OK;
		db_list_push(&all, b);
	}
	failed = failed && all.count > 1;
	while ((b = db_list_pop(&all)) != NULL) {
		if (failed) {
			db_batch_again(b);
			b->joins = false;
			db_list_push(&again, b);
		} else {
			finish(db, b);
		}
	}
	db_list_before(&db->queue, &again);
	db->answering = NULL;
}

/* Whose statement is answered next. */
static struct db_batch *answering(struct db *db)
{
	struct db_batch *b = db->answering ? db->answering : db->flight.head;

	while (b->shared && b->answered == b->count)
		b = b->next;
	db->answering = b;
	return b;
}

/* The server has the statement that @b answers next; or @b ends here. */
static void take_prepared(struct db_batch *b, struct db_item *it, PGresult *res)
{
	bool ok = PQresultStatus(res) == PGRES_COMMAND_OK;

	db_stmt_prepared(it, ok);
	if (!ok && PQresultStatus(res) != PGRES_PIPELINE_ABORTED)
		note_error(b, res);
	PQclear(res);
}

static void take_answer(struct db_batch *b, PGresult *res)
{
	struct db_item *it = NULL; /* what fails at the commit has none */

	if (b->answered < b->count)
		it = &b->items[b->answered];
	if (it && it->preparing) {
		take_prepared(b, it, res);
		return;
	}
	b->answered++;
	switch (PQresultStatus(res)) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_EMPTY_QUERY:
		keep_result(b, res);
		return;
	case PGRES_PIPELINE_ABORTED:
		break;
	default:
		note_error(b, res);
		if (it)
			db_stmt_failed(it, res);
		break;
	}
	PQclear(res);
}

static void read_pipelined(struct db *db)
{
	int nulls = 0;

	while (db->flight.head && nulls < 2 && !PQisBusy(db->conn)) {
		PGresult *res = PQgetResult(db->conn);

		if (!res) {
			nulls++; /* between two statements */
			continue;
		}
		nulls = 0;
		if (PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
			PQclear(res);
			transaction_over(db);
			continue;
		}
		take_answer(answering(db), res);
		if (PQstatus(db->conn) == CONNECTION_BAD)
			return;
	}
}

static bool serial_send(struct db *db)
{
	struct db_item *it;

	switch (db->step) {
	case STEP_BEGIN:
		return PQsendQuery(db->conn, "BEGIN") == 1;
	case STEP_COMMIT:
		return PQsendQuery(db->conn, "COMMIT") == 1;
	case STEP_ROLLBACK:
		return PQsendQuery(db->conn, "ROLLBACK") == 1;
	case STEP_ITEM:
		it = &db->serial->items[db->item];
		if (it->kind != ITEM_STMT)
			return PQsendQuery(db->conn, it->sql) == 1;
		if (db_stmt_to_prepare(&db->statements, it))
			return db_stmt_prepare(db->conn, it) == 1;
		return db_stmt_send(db->conn, it, db_stmt_ready(it)) == 1;
	}
	abort();
}

/* The step under way has ended: which one follows? False: the batch is done. */
static bool serial_next(struct db *db)
{
	const struct db_batch *b = db->serial;

	if (db->step == STEP_COMMIT || db->step == STEP_ROLLBACK)
		return false;
	if (b->status != ST_OK) {
		db->step = STEP_ROLLBACK;
		return b->explicit;
	}
	if (db->step == STEP_BEGIN) {
		db->step = STEP_ITEM;
		db->item = 0;
		return true;
	}
	if (++db->item < b->count)
		return true;
	db->step = STEP_COMMIT;
	return b->explicit;
}

/* The item under way while its statement is being prepared; else NULL. */
static struct db_item *serial_preparing(const struct db *db)
{
	struct db_item *it = &db->serial->items[db->item];

	return db->step == STEP_ITEM && it->preparing ? it : NULL;
}

static bool serial_step_done(struct db *db)
{
	struct db_item *it = serial_preparing(db);
	bool again = it && db->serial->status == ST_OK;

	if (it)
		db_stmt_prepared(it, again);
	if (again || serial_next(db))
		return serial_send(db);
	finish(db, STEAL(db->serial));
	return true;
}

/* Hands COPY rows to libpq as far as the socket takes them. */
static bool serial_feed(struct db *db)
{
	const struct db_item *it = &db->serial->items[db->item];

	while (db->fed < it->rows_len) {
		size_t n = it->rows_len - db->fed;
		int rc;

		if (n > COPY_CHUNK)
			n = COPY_CHUNK;
		rc = PQputCopyData(db->conn, (const char *)it->rows + db->fed,
				   (int)n);
		if (rc < 0)
			return false;
		if (rc == 0)
			return true;
		db->fed += n;
		rc = PQflush(db->conn);
		if (rc < 0)
			return false;
		if (rc > 0)
			return true; /* goes on when writable */
	}
	switch (PQputCopyData(db->conn, copy_trailer, sizeof(copy_trailer))) {
	case 1:
		break;
	case 0:
		return true;
	default:
		return false;
	}
	db->feeding = false;
	return PQputCopyEnd(db->conn, NULL) == 1;
}

static bool serial_copy_in(struct db *db)
{
	if (db->step != STEP_ITEM ||
	    db->serial->items[db->item].kind != ITEM_COPY)
		return PQputCopyEnd(db->conn, "COPY is not allowed here") == 1;
	db->feeding = true;
	db->fed = 0;
	return PQputCopyData(db->conn, copy_header, sizeof(copy_header)) == 1;
}

static bool serial_result(struct db *db, PGresult *res)
{
	struct db_batch *b = db->serial;

	switch (PQresultStatus(res)) {
	case PGRES_COPY_IN:
		PQclear(res);
		return serial_copy_in(db);
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_EMPTY_QUERY:
		/* Of a script the first result stands for all. */
		if (db->step == STEP_ITEM && b->got == db->item &&
		    !serial_preparing(db))
			keep_result(b, res);
		else
			PQclear(res);
		return true;
	case PGRES_FATAL_ERROR:
		note_error(b, res);
		if (db->step == STEP_ITEM)
			db_stmt_failed(&b->items[db->item], res);
		PQclear(res);
		return true;
	default: /* COPY … TO and other modes that we never start */
		PQclear(res);
		return false;
	}
}

static bool read_serial(struct db *db)
{
	while (db->serial) {
		PGresult *res;

		if (db->feeding && !serial_feed(db))
			return false;
		if (db->feeding || PQisBusy(db->conn))
			return true;
		res = PQgetResult(db->conn);
		if (res) {
			if (!serial_result(db, res))
				return false;
		} else if (!serial_step_done(db)) {
			return false;
		}
		if (PQstatus(db->conn) == CONNECTION_BAD)
			return false;
	}
	return true;
}

static bool start_serial(struct db *db)
{
	if (PQpipelineStatus(db->conn) != PQ_PIPELINE_OFF &&
	    !PQexitPipelineMode(db->conn))
		return false;
	db->serial = db_list_pop(&db->queue);
	db_crash_point(CRASH_BEFORE, db->serial);
	db->step = db->serial->explicit ? STEP_BEGIN : STEP_ITEM;
	db->item = 0;
	return serial_send(db);
}

/* One transaction of @b and of those behind it that may share it. In flight
 * before it is sent: a failure ends it there. */
static bool start_pipelined(struct db *db)
{
	size_t n = 1;

	db->joint += db->queue.head->joins;
	for (;;) {
		struct db_batch *b = db_list_pop(&db->queue);
		const struct db_batch *next = db->queue.head;

		b->shared = b->joins && next && next->joins && n < SHARE_MAX;
		db_list_push(&db->flight, b);
		db_crash_point(CRASH_BEFORE, b);
		if (!send_pipelined(db, b))
			return false;
		if (!b->shared)
			return true;
		n++;
	}
}

/* Sends what may be sent now, in the order submitted. */
static bool submit(struct db *db)
{
	while (db->queue.head && !db->serial) {
		struct db_batch *b = db->queue.head;

		if (b->serial) {
			if (db->flight.head)
				return true; /* the pipeline drains first */
			return start_serial(db);
		}
		/* While two are under way others gather. */
		if (db->flight.count >= FLIGHT_MAX ||
		    (b->joins && db->joint >= JOINT_MAX))
			return true;
		if (PQpipelineStatus(db->conn) == PQ_PIPELINE_OFF &&
		    !PQenterPipelineMode(db->conn))
			return false;
		if (!start_pipelined(db))
			return false;
	}
	return true;
}

/* One round; false: the connection is gone. */
static bool round_trip(struct db *db)
{
	int rc;

	if (db->serial) {
		if (!read_serial(db))
			return false;
	} else {
		read_pipelined(db);
	}
	if (PQstatus(db->conn) == CONNECTION_BAD || !submit(db))
		return false;
	rc = PQflush(db->conn);
	/* A COPY that paused goes on when the socket takes more. */
	db->want_write = rc > 0 || db->feeding;
	return rc >= 0;
}

void db_engine_turn(struct db *db)
{
	if (db->lost)
		return;
	if (!PQconsumeInput(db->conn) || !round_trip(db)) {
		lost_now(db);
		return;
	}
}
