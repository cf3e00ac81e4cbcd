/*
 * What a JSON-RPC message says to a call: pure, from a message's text to the
 * texts of results and to errors in the order asked, in one walk and without a
 * copy of any result. It trusts nothing in it: ids must be the ones sent, each
 * once, and an error's text is cut and cleaned.
 */
#include "core/rpc_int.h"

/* A whole number as JSON writes it; false for fractions and what is longer
 * than any id or code of ours. */
static bool digits(uint64_t *out, const char *p, size_t n)
{
	uint64_t v = 0;

	if (n == 0 || n > 18)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(p[i] - '0');
	}
	*out = v;
	return true;
}

/* The first of members with one name counts. */
static void read_id(struct scan *s, struct rpc_reply *r, bool again)
{
	enum scan_type type = scan_peek(s);
	struct text t;

	if (!scan_value(s, &t) || again)
		return;
	r->no_id = type == SCAN_NULL;
	r->has_id = type == SCAN_NUMBER && digits(&r->id, t.p, t.n);
}

static void read_reply(struct scan *s, struct rpc_reply *r)
{
	struct text key, other = { 0 };
	bool id_seen = false;

	*r = (struct rpc_reply){ .no_id = true };
	if (scan_peek(s) != SCAN_OBJECT) {
		scan_skip(s);
		return;
	}
	r->object = true;
	for (scan_object(s); scan_key(s, &key);) {
		struct text *to = &other;

		if (text_is(key, "id")) {
			read_id(s, r, id_seen);
			id_seen = true;
			continue;
		}
		if (text_is(key, "jsonrpc"))
			r->versioned = true;
		else if (text_is(key, "result"))
			to = &r->result;
		else if (text_is(key, "error"))
			to = &r->error;
		else if (text_is(key, "method"))
			to = &r->method;
		else if (text_is(key, "params"))
			to = &r->params;
		scan_value(s, to->p ? &other : to);
	}
	if (text_is(r->error, "null"))
		r->error = (struct text){ 0 };
}

enum status rpc_message_start(struct rpc_message *m, const char *text,
			      size_t len, struct err *err)
{
	*m = (struct rpc_message){ 0 };
	scan_init(&m->s, text, len);
	m->array = scan_peek(&m->s) == SCAN_ARRAY;
	if (m->array)
		scan_array(&m->s);
	if (!m->array || scan_item(&m->s))
		read_reply(&m->s, &m->first);
	else
		m->empty = true;
	return m->s.bad ? scan_end(&m->s, "answer", err) : ST_OK;
}

bool rpc_message_front(struct rpc_message *m, const char *front, size_t len)
{
	struct text key;

	*m = (struct rpc_message){ 0 };
	scan_init(&m->s, front, len);
	m->array = scan_peek(&m->s) == SCAN_ARRAY;
	if (m->array) {
		scan_array(&m->s);
		scan_item(&m->s);
	}
	for (scan_object(&m->s); scan_key(&m->s, &key);) {
		if (!text_is(key, "id")) {
			scan_skip(&m->s);
			continue;
		}
		read_id(&m->s, &m->first, false);
		/* a number at the very end may have been cut */
		return m->first.has_id && m->s.p < m->s.end;
	}
	return false;
}

void rpc_answer_init(struct rpc_answer *a, size_t n)
{
	a->items = mem_array(n, sizeof(*a->items));
	a->n = n;
	a->refused = false;
}

void rpc_answer_deinit(struct rpc_answer *a)
{
	for (size_t i = 0; i < (a->refused ? 1 : a->n); i++) {
		char *message;

		memcpy(&message, &a->items[i].error.message, sizeof(message));
		free(message);
	}
	free(a->items);
}

void rpc_answer_too_long(struct rpc_answer *a, const char *message)
{
	a->refused = true;
	a->items[0].error = (struct rpc_error){
		.message = mem_strdup(message),
		.too_long = true,
	};
	for (size_t i = 1; i < a->n; i++)
		a->items[i] = a->items[0];
}

static uint32_t hex4(const char *p)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		uint32_t c = (unsigned char)p[i];

		v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return v;
}

/* One escape of a checked string as UTF-8 into @out[4]; *p goes past it. */
static size_t unescape(char *out, const char **p, const char *end)
{
	char kind = (*p)[1];
	uint32_t c, low;

	*p += 2;
	if (kind != 'u') {
		out[0] = strchr("bfnrt", kind) ? ' ' : kind;
		return 1;
	}
	c = hex4(*p);
	*p += 4;
	if (c >= 0xd800 && c < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' &&
	    (*p)[1] == 'u') {
		low = hex4(*p + 2);
		if (low >= 0xdc00 && low < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			*p += 6;
		}
	}
	if (c >= 0xd800 && c < 0xe000)
		c = '?'; /* half of a pair */
	if (c < 0x80) {
		out[0] = c < ' ' || c == 0x7f ? ' ' : (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

/* A string's text without escapes and control characters, cut. */
static size_t add_clean(char *out, size_t len, struct text t)
{
	const char *p = t.p, *end = t.p + t.n;
	char part[4];
	size_t n = 1;

	while (p < end) {
		if (*p == '\\') {
			n = unescape(part, &p, end);
		} else {
			unsigned char c = (unsigned char)*p++;

			part[0] = c < ' ' || c == 0x7f ? ' ' : (char)c;
			n = 1;
		}
		if (len + n > RPC_MESSAGE_MAX)
			break;
		memcpy(out + len, part, n);
		len += n;
	}
	return len;
}

static bool is_hex(struct text t)
{
	if (t.n < 2 || memcmp(t.p, "0x", 2) != 0)
		return false;
	for (size_t i = 2; i < t.n; i++)
		if (!memchr("0123456789abcdefABCDEF", t.p[i], 22))
			return false;
	return true;
}

/* Some nodes put what they would rather have been asked into "data"; bytes
 * that a contract returned stand there as hex, and are no words. */
static void set_texts(struct rpc_error *out, struct text message,
		      struct text data)
{
	static const struct text colon = { ": ", 2 };
	char text[RPC_MESSAGE_MAX + 1], *both;
	size_t len = add_clean(text, 0, message);
	struct text hex = { 0 };

	if (is_hex(data)) {
		if (data.n <= RPC_DATA_MAX)
			hex = data;
	} else if (data.n) {
		len = add_clean(text, len, colon);
		len = add_clean(text, len, data);
	}
	/* one block: the data stands behind the message and dies with it */
	both = mem_zalloc(len + 1 + hex.n + 1);
	memcpy(both, text, len);
	out->message = both;
	if (hex.n) {
		memcpy(both + len + 1, hex.p, hex.n);
		out->data = both + len + 1;
	}
}

static void read_error(struct rpc_error *out, struct text error)
{
	struct text key, t, message = { "no message", 10 }, data = { 0 };
	struct scan s;
	uint64_t v;

	scan_init(&s, error.p, error.n);
	if (scan_peek(&s) == SCAN_STRING)
		scan_string(&s, &message);
	if (scan_peek(&s) == SCAN_OBJECT) {
		for (scan_object(&s); scan_key(&s, &key);) {
			bool is_text = scan_peek(&s) == SCAN_STRING;

			if (text_is(key, "message") && is_text) {
				scan_string(&s, &message);
				continue;
			}
			if (text_is(key, "data") && is_text) {
				scan_string(&s, &data);
				continue;
			}
			if (!scan_value(&s, &t) || !text_is(key, "code"))
				continue;
			if (*t.p == '-' && digits(&v, t.p + 1, t.n - 1))
				out->code = -(int64_t)v;
			else if (digits(&v, t.p, t.n))
				out->code = (int64_t)v;
		}
	}
	set_texts(out, message, data);
}

/* One response object. */
static enum status take(struct rpc_answer *a, size_t i,
			const struct rpc_reply *r, struct err *err)
{
	struct rpc_item *item = &a->items[i];

	if (item->result.p || item->error.message)
		return err_set(err, ST_TRANSIENT, "two answers with one id");
	if (r->error.p)
		read_error(&item->error, r->error);
	else if (r->result.p)
		item->result = r->result;
	else
		return err_set(err, ST_TRANSIENT,
			       "answer with neither result nor error");
	return ST_OK;
}

static enum status take_by_id(struct rpc_answer *a, uint64_t id, size_t n,
			      const struct rpc_reply *r, struct err *err)
{
	if (!r->has_id || r->id < id || r->id - id >= n)
		return err_set(err, ST_TRANSIENT,
			       "answer with an id that was not asked");
	return take(a, (size_t)(r->id - id), r, err);
}

static enum status read_batch(struct rpc_answer *a, uint64_t id,
			      struct rpc_message *m, struct err *err)
{
	struct rpc_reply r = m->first;
	size_t left = a->n;
	enum status st;

	for (bool more = !m->empty; more; more = scan_item(&m->s)) {
		if (left < a->n)
			read_reply(&m->s, &r);
		if (m->s.bad)
			break; /* told by scan_end() */
		st = take_by_id(a, id, a->n, &r, err);
		if (st != ST_OK)
			return st;
		left--;
	}
	if (scan_end(&m->s, "answer", err) != ST_OK)
		return ST_REJECTED;
	if (left)
		return err_set(err, ST_TRANSIENT,
			       "batch answer lacks %zu of %zu", left, a->n);
	return ST_OK;
}

enum status rpc_answer_read(struct rpc_answer *a, uint64_t id, bool batch,
			    struct rpc_message *m, struct err *err)
{
	const struct rpc_reply *r = &m->first;
	enum status st;

	if (batch && m->array)
		return read_batch(a, id, m, err);
	if (m->array || !r->object)
		return err_set(err, ST_TRANSIENT, "answer of the wrong shape");
	if (scan_end(&m->s, "answer", err) != ST_OK)
		return ST_REJECTED;
	/* An error without an id, or one for a whole batch, some nodes with
	 * the first id: the request was not understood. */
	if (r->error.p && (r->no_id || batch)) {
		st = take(a, 0, r, err);
		a->refused = true;
		for (size_t i = 1; i < a->n; i++)
			a->items[i].error = a->items[0].error;
		return st;
	}
	if (batch)
		return err_set(err, ST_TRANSIENT, "answer of the wrong shape");
	return take_by_id(a, id, 1, r, err);
}
