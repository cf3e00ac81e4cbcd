/*
 * The connection and its place on the loop: opens it, watches the socket,
 * delivers outcomes and notifications, and offers the blocking forms, which
 * run through the same engine so that they may follow asynchronous use.
 * Never logs, and never lets the connection URL into an error.
 */
#include "db/internal.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#define SERVER_MIN   130000
#define PLANS_FOR_NS (10 * UINT64_C(1000000000))

static void turn(struct db *db);

/* --- the loop -------------------------------------------------------- */

static void handle_closed(uv_handle_t *h)
{
	struct db *db = h->data;

	if (--db->handles == 0)
		free(db);
}

static void kick(struct db *db);

static void on_kick(uv_timer_t *t)
{
	turn(t->data);
}

static void kick(struct db *db)
{
	if (db->loop && !uv_is_active((uv_handle_t *)&db->kick))
		uv_timer_start(&db->kick, on_kick, 0, 0);
}

static void on_poll(uv_poll_t *p, int status, int events)
{
	(void)status; /* the engine meets the error itself */
	(void)events;
	turn(p->data);
}

static void watch(struct db *db)
{
	int events = UV_READABLE | (db->want_write ? UV_WRITABLE : 0);

	if (!db->loop || db->closed)
		return;
	if (db->lost)
		uv_poll_stop(&db->poll);
	else
		uv_poll_start(&db->poll, events, on_poll);
}

/* Each callback may close @db; it is then freed one loop turn later. */
static void deliver(struct db *db)
{
	struct db_batch *b;

	while (!db->closed && (b = db_list_pop(&db->finished)) != NULL) {
		bool ok = b->status == ST_OK;

		db_crash_point(CRASH_AFTER, b);
		if (b->done)
			b->done(b->arg, b->status,
				ok ? (const struct db_result *const *)b->results
				   : NULL,
				ok ? b->got : 0, &b->err);
		db_batch_free(b);
	}
}

static void deliver_notifies(struct db *db)
{
	PGnotify *n;

	while (!db->closed && (n = PQnotifies(db->conn)) != NULL) {
		struct db_listener *l = db->listeners;

		for (; l && !db->closed; l = l->next) {
			if (strcmp(l->channel, n->relname) == 0)
				l->fn(l->arg, n->extra);
		}
		PQfreemem(n);
	}
}

static void turn(struct db *db)
{
	db_engine_turn(db);
	watch(db);
	deliver(db);
	deliver_notifies(db);
	if (!db->closed && db->lost && !db->lost_told && db->lost_fn) {
		db->lost_told = true;
		db->lost_fn(db->lost_arg, &db->lost_err);
	}
}

/* --- opening and closing ---------------------------------------------- */

static void quiet(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

/* Where @conn was to go, into @out. Not when a part looks strange: a URL with a
 * stray '/' or ':' in its password is taken apart differently from what was
 * meant; the rest then stands in the name with an '@', or as the port. */
static const char *where(char *out, size_t size, const PGconn *conn)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.:/";
	const char *parts[] = { PQhost(conn), PQport(conn), PQdb(conn) };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!parts[i] || parts[i][strspn(parts[i], allowed)])
			return "the address in the database url";
	}
	if (parts[1][strspn(parts[1], "0123456789")])
		return "the address in the database url";
	snprintf(out, size, "%s port %s (database %s)", parts[0], parts[1],
		 parts[2]);
	return out;
}

/* Why connecting failed, without what may be secret of the URL: libpq quotes
 * what it could not parse, and that may be the password. */
static enum status connect_error(struct err *err, PGconn *conn, PGPing ping)
{
	const char *msg = PQerrorMessage(conn);
	const char *fatal = strstr(msg, "FATAL:");
	char at[256];
	int len;

	if (fatal)
		msg = fatal + strlen("FATAL:") +
		      strspn(fatal + strlen("FATAL:"), " ");
	len = (int)strcspn(msg, "\n");
	switch (ping) {
	case PQPING_OK:
		if (!fatal)
			return err_set(err, ST_REJECTED,
				       "database: the server answers, but "
				       "refuses this connection");
		if (strstr(fatal, "too many") ||
		    strstr(fatal, "connection slots"))
			return err_set(err, ST_TRANSIENT, "database: %.*s", len,
				       msg);
		return err_set(err, ST_REJECTED, "database: %.*s", len, msg);
	case PQPING_REJECT:
		return err_set(err, ST_TRANSIENT,
			       "database: the server at %s is starting or "
			       "stopping",
			       where(at, sizeof(at), conn));
	case PQPING_NO_RESPONSE:
		return err_set(err, ST_TRANSIENT,
			       "database: no server answers at %s",
			       where(at, sizeof(at), conn));
	case PQPING_NO_ATTEMPT:
		break;
	}
	return err_set(err, ST_REJECTED,
		       "database: the database url has a wrong setting");
}

/* Connects. A server that refuses, yet answers right after, may have come up
 * in between: what it says the second time counts. */
static enum status connect_twice(struct db *db, const char *const *keys,
				 const char *const *values, struct err *err)
{
	PGPing ping = PQPING_OK;

	for (int i = 0; i < 2 && ping == PQPING_OK; i++) {
		PQfinish(db->conn);
		db->conn = mem_check(PQconnectdbParams(keys, values, 1));
		if (PQstatus(db->conn) == CONNECTION_OK)
			return ST_OK;
		ping = PQpingParams(keys, values, 1);
	}
	return connect_error(err, db->conn, ping);
}

static enum status check_url(const char *url, struct err *err)
{
	char *msg = NULL; /* quotes the URL: never shown */
	PQconninfoOption *o = PQconninfoParse(url, &msg);

	if (msg)
		PQfreemem(msg);
	if (!o)
		return err_set(err, ST_REJECTED,
			       "database: the database url is malformed "
			       "(postgresql://user:password@host/name)");
	PQconninfoFree(o);
	return ST_OK;
}

static enum status connect_server(struct db *db, const struct db_opts *opts,
				  struct err *err)
{
	char timeout[16];
	const char *keys[] = {
		"dbname",           "application_name", "connect_timeout",
		"client_encoding",  "keepalives_idle",  "keepalives_interval",
		"keepalives_count", "tcp_user_timeout", NULL
	};
	const char *values[] = { opts->url, opts->application_name,
				 timeout,   "UTF8",
				 "15",      "5",
				 "3",       "30000",
				 NULL };
	enum status st = check_url(opts->url, err);

	if (st != ST_OK)
		return st;
	snprintf(timeout, sizeof(timeout), "%u",
		 opts->connect_timeout_s ? opts->connect_timeout_s : 10);
	st = connect_twice(db, keys, values, err);
	if (st != ST_OK)
		return st;
	if (PQserverVersion(db->conn) < SERVER_MIN)
		return err_set(err, ST_REJECTED,
			       "database: PostgreSQL %d is too old, 13 or "
			       "newer is needed",
			       PQserverVersion(db->conn) / 10000);
	PQsetNoticeReceiver(db->conn, quiet, NULL);
	if (PQsetnonblocking(db->conn, 1) != 0)
		return err_set(err, ST_TRANSIENT, "database: connection lost");
	return ST_OK;
}

static enum status session_settings(struct db *db, const struct db_opts *opts,
				    struct err *err)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "SET statement_timeout = %u; SET bytea_output = 'hex';"
		 "SET datestyle = 'ISO'; SET timezone = 'UTC';"
		 "SET client_min_messages = 'warning';"
		 "SET idle_in_transaction_session_timeout = 0",
		 opts->statement_timeout_ms);
	return db_exec(db, sql, err);
}

enum status db_open(struct db **out, uv_loop_t *loop,
		    const struct db_opts *opts, struct err *err)
{
	AUTO(db) struct db *db = mem_zalloc(sizeof(*db));
	enum status st = connect_server(db, opts, err);

	if (st == ST_OK)
		st = session_settings(db, opts, err);
	if (st != ST_OK)
		return st;
	if (loop) {
		if (uv_poll_init(loop, &db->poll, PQsocket(db->conn)) != 0)
			return err_set(err, ST_FATAL,
				       "database: cannot watch the socket");
		uv_timer_init(loop, &db->kick);
		db->loop = loop;
		db->handles = 2;
		db->poll.data = db;
		db->kick.data = db;
		watch(db);
	}
	*out = STEAL(db);
	return ST_OK;
}

static void drop_list(struct db_list *l)
{
	struct db_batch *b;

	while ((b = db_list_pop(l)) != NULL)
		db_batch_free(b);
}

void db_close(struct db *db)
{
	if (!db || db->closed)
		return;
	db->closed = true;
	drop_list(&db->queue);
	drop_list(&db->flight);
	drop_list(&db->finished);
	db_batch_free(STEAL(db->serial));
	db_statements_deinit(&db->statements);
	while (db->listeners) {
		struct db_listener *l = db->listeners;

		db->listeners = l->next;
		free(l->channel);
		free(l);
	}
	if (db->loop) {
		uv_close((uv_handle_t *)&db->poll, handle_closed);
		uv_close((uv_handle_t *)&db->kick, handle_closed);
	}
	PQfinish(db->conn);
	db->conn = NULL;
	if (!db->loop)
		free(db);
}

void db_on_lost(struct db *db, void (*fn)(void *arg, const struct err *err),
		void *arg)
{
	db->lost_fn = fn;
	db->lost_arg = arg;
	if (db->lost)
		kick(db);
}

/* --- running ---------------------------------------------------------- */

/* A plan that the server keeps may have been made for an empty table: from time
 * to time all are made anew. */
static void plan_anew(struct db *db)
{
	uint64_t now = uv_hrtime();
	struct db_batch *b;

	if (!db->loop || now < db->plans_end_ns)
		return;
	db->plans_end_ns = now + PLANS_FOR_NS;
	b = db_batch_new(db);
	db_add(b, "DISCARD PLANS", NULL, 0);
	db_list_push(&db->queue, b);
}

static void enqueue(struct db_batch *b)
{
	struct db *db = b->db;

	plan_anew(db);
	db_list_push(&db->queue, b);
	if (db->lost)
		db_engine_lost(db, "");
	kick(db);
}

void db_run(struct db_batch *b, db_done_fn done, void *arg)
{
	b->done = done;
	b->arg = arg;
	enqueue(b);
}

void db_run_joined(struct db_batch *b, db_done_fn done, void *arg)
{
	b->joins = !b->serial;
	db_run(b, done, arg);
}

enum status db_wait(struct db_batch *b, struct err *err)
{
	struct db *db = b->db;

	b->waited = true;
	enqueue(b);
	db_engine_turn(db);
	while (!b->complete) {
		struct pollfd p = { .fd = PQsocket(db->conn),
				    .events = POLLIN };

		if (db->want_write)
			p.events |= POLLOUT;
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			db_engine_lost(db, "poll failed");
		db_engine_turn(db);
	}
	db_crash_point(CRASH_AFTER, b);
	watch(db);
	/* Others' outcomes and notifications that came meanwhile are
	 * delivered from the loop (enqueue has kicked it). */
	if (b->status != ST_OK && err)
		*err = b->err;
	return b->status;
}

void db_listen(struct db *db, const char *channel,
	       void (*fn)(void *arg, const char *payload), void *arg)
{
	struct db_listener *l = mem_zalloc(sizeof(*l));
	struct db_batch *b = db_batch_new(db);
	char sql[160];

	/* A channel is a constant of ours. */
	assert(strlen(channel) < 64 && !strpbrk(channel, "\"\\"));
	*l = (struct db_listener){ .next = db->listeners,
				   .channel = mem_strdup(channel),
				   .fn = fn,
				   .arg = arg };
	db->listeners = l;
	snprintf(sql, sizeof(sql), "LISTEN \"%s\"", channel);
	db_add(b, sql, NULL, 0);
	db_run(b, NULL, NULL);
}

enum status db_query(struct db_result **out, struct db *db, const char *sql,
		     const struct db_param *params, size_t n, struct err *err)
{
	AUTO(db_batch) struct db_batch *b = db_batch_new(db);
	enum status st;

	db_add(b, sql, params, n);
	st = db_wait(b, err);
	if (st == ST_OK && out)
		*out = STEAL(b->results[0]);
	return st;
}

enum status db_exec(struct db *db, const char *sql, struct err *err)
{
	AUTO(db_batch) struct db_batch *b = db_batch_new(db);

	db_batch_script(b, sql);
	return db_wait(b, err);
}

enum status db_try_lock(struct db *db, int64_t key, struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	enum status st = DB_QUERY(&r, db, err,
				  "SELECT pg_try_advisory_lock($1::bigint) "
				  "AS locked",
				  P_I64(key));

	if (st != ST_OK)
		return st;
	if (!db_bool(r, 0, "locked"))
		return err_set(err, ST_AGAIN, "another session holds the lock");
	return ST_OK;
}
