/*
 * Logs as a node sends them: what is read, what is refused and how, and the
 * digests over them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "abi/hex.h"
#include "abi/log.h"
#include "core/buf.h"

#define A40 "00112233445566778899aabbccddeeff00112233"
#define H(c)                                                                   \
	"0x" c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c

/* One log's members; a test replaces or appends some. */
struct parts {
	const char *address, *topics, *data, *number, *tx, *tx_index, *block,
	    *index, *more;
};

static const struct parts plain = {
	.address = "\"0x" A40 "\"",
	.topics = "[\"" H("a1") "\",\"" H("b2") "\"]",
	.data = "\"0x010203\"",
	.number = "\"0x10\"",
	.tx = "\"" H("c3") "\"",
	.tx_index = "\"0x2\"",
	.block = "\"" H("d4") "\"",
	.index = "\"0x3\"",
	.more = "",
};

static void add_member(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	if (b->data[b->len - 1] != '{')
		buf_add_str(b, ",");
	buf_printf(b, "\"%s\":%s", name, value);
}

static void add_log(struct buf *b, const struct parts *p)
{
	buf_add_str(b, "{");
	add_member(b, "address", p->address);
	add_member(b, "topics", p->topics);
	add_member(b, "data", p->data);
	add_member(b, "blockNumber", p->number);
	add_member(b, "transactionHash", p->tx);
	add_member(b, "transactionIndex", p->tx_index);
	add_member(b, "blockHash", p->block);
	add_member(b, "logIndex", p->index);
	buf_printf(b, "%s}", p->more);
}

/* Reads @n logs from text that ends at the end of its memory, into an arena
 * that has no byte to spare. */
static enum status read_text(struct logs *out, struct arena **arena,
			     const char *s, size_t len, struct err *err)
{
	AUTO_FREE char *exact = mem_dup(s, len);

	*arena = arena_new(logs_arena_max(len));
	return logs_read(out, *arena, (struct text){ exact, len }, err);
}

static enum status read_parts(struct logs *out, struct arena **arena,
			      const struct parts *p, size_t n, struct err *err)
{
	AUTO_BUF b = BUF_NULL;

	buf_init(&b, 1 << 20);
	buf_add_str(&b, "[");
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_add_str(&b, ", ");
		add_log(&b, &p[i]);
	}
	buf_add_str(&b, "]");
	return read_text(out, arena, buf_str(&b), b.len, err);
}

static void test_fields(void **state)
{
	AUTO(arena) struct arena *a = NULL;
	struct parts p = plain;
	struct logs l;
	struct err err;
	char text[HEX_HASH_SIZE];

	(void)state;
	p.more = ",\"removed\":false,\"blockTimestamp\":\"0x1\",\"l1\":{\"a\":"
		 "[1,{\"address\":2}]},\"x\":null";
	assert_int_equal(read_parts(&l, &a, &p, 1, &err), ST_OK);
	assert_int_equal(l.count, 1);
	assert_string_equal(hex_address(text, &l.items->address), "0x" A40);
	assert_string_equal(hex_hash(text, &l.items->block_hash), H("d4"));
	assert_string_equal(hex_hash(text, &l.items->tx_hash), H("c3"));
	assert_int_equal(l.items->topic_count, 2);
	assert_string_equal(hex_hash(text, &l.items->topics[0]), H("a1"));
	assert_string_equal(hex_hash(text, &l.items->topics[1]), H("b2"));
	assert_int_equal(l.items->block_number, 16);
	assert_int_equal(l.items->tx_index, 2);
	assert_int_equal(l.items->log_index, 3);
	assert_int_equal(l.items->data_len, 3);
	assert_memory_equal(l.items->data, "\1\2\3", 3);
	assert_false(l.items->removed);
}

static void test_empty(void **state)
{
	AUTO(arena) struct arena *a = NULL, *b = NULL;
	struct parts p = plain;
	struct logs l = { NULL, 9 };
	struct err err;

	(void)state;
	assert_int_equal(read_text(&l, &a, " [ ] ", 5, &err), ST_OK);
	assert_int_equal(l.count, 0);
	p.data = "\"0x\"";
	p.topics = "[]";
	assert_int_equal(read_parts(&l, &b, &p, 1, &err), ST_OK);
	assert_int_equal(l.items->data_len, 0);
	assert_non_null(l.items->data);
	assert_int_equal(l.items->topic_count, 0);
}

static void refuse(const struct parts *p, const char *field)
{
	AUTO(arena) struct arena *a = NULL;
	struct logs l = { NULL, 77 };
	struct err err = { 0 };

	assert_int_equal(read_parts(&l, &a, p, 1, &err), ST_REJECTED);
	assert_int_equal(l.count, 77);
	if (!strstr(err.msg, field))
		fail_msg("\"%s\" does not name %s", err.msg, field);
}

static void test_refused(void **state)
{
	static const struct {
		size_t at;
		const char *field, *bad[8];
	} cases[] = {
#define CASE(member, ...) { offsetof(struct parts, member), __VA_ARGS__ }
		CASE(address, "address",
		     { "null", "7", "\"0x" A40 "00\"", "\"0x\"", "\"" A40 "\"",
		       "{}",
		       "\"0x001122334455667788\\u0039aabbccddeeff00112233\"" }),
		CASE(topics, "topics",
		     { "null", "\"0x\"", "[7]", "[\"0x12\"]", "[null]",
		       "[\"" H("a1") "\",\"" H("a1") "\",\"" H("a1") "\",\"" H(
			   "a1") "\",\"" H("a1") "\"]" }),
		CASE(data, "data",
		     { "null", "\"\"", "\"0\"", "\"0x1\"", "\"0xzz\"", "[]",
		       "\"0x0102030405060708g0\"" }),
		CASE(number, "blockNumber",
		     { "null", "16", "\"16\"", "\"0x\"", "\"0x010\"",
		       "\"0x7fffffffffffffff\"", "\"0xffffffffffffffffff\"" }),
		CASE(tx, "transactionHash", { "null", "\"0x12\"", "false" }),
		CASE(tx_index, "transactionIndex",
		     { "null", "\"0x80000000\"", "2", "\"0x00\"" }),
		CASE(block, "blockHash", { "null", "\"0x12\"", "true" }),
		CASE(index, "logIndex",
		     { "null", "\"0x80000000\"", "3", "\"-0x1\"" }),
		CASE(more, "removed",
		     { ",\"removed\":1", ",\"removed\":\"true\"" }),
		CASE(more, "data", { ",\"data\":\"0x\"" }),
		CASE(more, "removed",
		     { ",\"removed\":false,\"removed\":true" }),
#undef CASE
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct parts p = plain;
		const char **member =
		    (const char **)((uint8_t *)&p + cases[i].at);

		for (size_t k = 0; k < 8 && cases[i].bad[k]; k++) {
			*member = cases[i].bad[k];
			refuse(&p, cases[i].field);
		}
		if (member == &p.more)
			continue;
		*member = NULL;
		refuse(&p, cases[i].field);
	}
}

static void test_largest(void **state)
{
	AUTO(arena) struct arena *a = NULL;
	struct parts p = plain;
	struct logs l;
	struct err err;

	(void)state;
	p.number = "\"0x7ffffffffffffffe\"";
	p.index = p.tx_index = "\"0x7fffffff\"";
	assert_int_equal(read_parts(&l, &a, &p, 1, &err), ST_OK);
	assert_true(l.items->block_number == LOG_BLOCK_MAX);
	assert_true(l.items->log_index == LOG_INDEX_MAX);
}

/* Whatever comes is cut short at every byte. */
static void test_cut(void **state)
{
	struct logs l;
	struct err err;
	AUTO_BUF b = BUF_NULL;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_add_str(&b, "[");
	add_log(&b, &plain);
	buf_add_str(&b, "]");
	for (size_t n = 0; n <= b.len; n++) {
		AUTO(arena) struct arena *a = NULL;

		assert_int_equal(read_text(&l, &a, buf_str(&b), n, &err),
				 n == b.len ? ST_OK : ST_REJECTED);
	}
}

static void test_order(void **state)
{
	AUTO(arena) struct arena *a = NULL;
	struct parts p[4] = { plain, plain, plain, plain };
	struct logs l;
	struct err err;

	(void)state;
	p[0].index = "\"0x9\"";
	p[1].number = "\"0x8\"";
	p[1].block = "\"" H("e5") "\"";
	p[2].index = "\"0x1\"";
	p[3].index = "\"0x4\"";
	assert_int_equal(read_parts(&l, &a, p, 4, &err), ST_OK);
	assert_int_equal(l.items[0].block_number, 8);
	assert_int_equal(l.items[1].log_index, 1);
	assert_int_equal(l.items[2].log_index, 4);
	assert_int_equal(l.items[3].log_index, 9);
}

static enum status read_two(const struct parts *x, const struct parts *y)
{
	AUTO(arena) struct arena *a = NULL;
	struct parts p[2] = { *x, *y };
	struct logs l;
	struct err err;

	return read_parts(&l, &a, p, 2, &err);
}

static void test_reorg(void **state)
{
	struct parts other = plain;

	(void)state;
	assert_int_equal(read_two(&plain, &other), ST_REJECTED);
	other.index = "\"0x4\"";
	assert_int_equal(read_two(&plain, &other), ST_OK);
	other.block = "\"" H("e5") "\"";
	assert_int_equal(read_two(&plain, &other), ST_TRANSIENT);
	other.index = plain.index;
	assert_int_equal(read_two(&plain, &other), ST_TRANSIENT);
	other = plain;
	other.more = ",\"removed\":true";
	assert_int_equal(read_two(&plain, &other), ST_TRANSIENT);
}

static void test_one(void **state)
{
	AUTO(arena) struct arena *a = arena_new(4096);
	struct parts p = plain;
	struct log log;
	struct err err;
	AUTO_BUF b = BUF_NULL;

	(void)state;
	buf_init(&b, 4096);
	p.more = ",\"removed\":true";
	add_log(&b, &p);
	assert_int_equal(
	    log_read(&log, a, (struct text){ buf_str(&b), b.len }, &err),
	    ST_OK);
	assert_true(log.removed);
	assert_int_equal(log.log_index, 3);
	assert_int_equal(log_read(&log, a, (struct text){ "null", 4 }, &err),
			 ST_REJECTED);
}

/* Ten thousand of the shortest logs stay within what their text pays for. */
static void test_bound(void **state)
{
	AUTO(arena) struct arena *a = NULL;
	struct logs l;
	struct err err;
	AUTO_BUF b = BUF_NULL;

	(void)state;
	buf_init(&b, 1 << 23);
	for (unsigned i = 0; i < 10000; i++) {
		struct parts p = plain;
		char number[24];

		snprintf(number, sizeof(number), "\"0x%x\"", i);
		p.number = number;
		p.index = p.tx_index = "\"0x0\"";
		p.topics = "[]";
		p.data = "\"0x\"";
		buf_add_str(&b, i ? "," : "[");
		add_log(&b, &p);
	}
	buf_add_str(&b, "]");
	assert_int_equal(read_text(&l, &a, buf_str(&b), b.len, &err), ST_OK);
	assert_int_equal(l.count, 10000);
	assert_int_equal(l.items[9999].block_number, 9999);
}

/* Digests made by another SHA-256 over the documented layout. */
static void test_hash(void **state)
{
	AUTO(arena) struct arena *a = NULL, *b = NULL;
	struct parts p = plain;
	uint8_t hash[32], other[32];
	char text[HEX_HASH_SIZE];
	struct logs l;
	struct err err;

	(void)state;
	assert_int_equal(read_parts(&l, &a, &p, 1, &err), ST_OK);
	log_hash(hash, l.items);
	assert_string_equal(hex_encode(text, hash, 32),
			    "0x05c53a79bcbd310abe6733c4dbe735c3b9a88c"
			    "41628f7087f84cec279784cbe4");
	/* what no row holds makes no difference; all else does */
	l.items->block_number++;
	log_hash(other, l.items);
	assert_memory_equal(hash, other, 32);
	l.items->topics[3].b[0]++;
	log_hash(other, l.items);
	assert_memory_equal(hash, other, 32);
	l.items->tx_index++;
	log_hash(other, l.items);
	assert_memory_not_equal(hash, other, 32);
	p.topics = "[]";
	p.data = "\"0x\"";
	assert_int_equal(read_parts(&l, &b, &p, 1, &err), ST_OK);
	log_hash(hash, l.items);
	assert_string_equal(hex_encode(text, hash, 32),
			    "0x50df78cb69a6f6bad479a8873aee801fd96447"
			    "e6b99b31d813a265d8b1e68890");
}

static void test_sum(void **state)
{
	AUTO(arena) struct arena *a = NULL;
	struct parts p[3] = { plain, plain, plain };
	struct log_sum x = { 0 }, y = { 0 }, z = { 0 }, zero = { 0 };
	struct log_sum one = { .b[31] = 1 };
	struct logs l;
	struct err err;

	(void)state;
	p[1].index = "\"0x4\"";
	p[2].index = "\"0x5\"";
	assert_int_equal(read_parts(&l, &a, p, 3, &err), ST_OK);
	for (int i = 0; i < 3; i++)
		log_sum_add(&x, &l.items[i]);
	for (int i = 2; i >= 0; i--)
		log_sum_add(i ? &y : &z, &l.items[i]);
	assert_memory_not_equal(x.b, y.b, 32);
	log_sum_merge(&y, &z);
	assert_memory_equal(x.b, y.b, 32);
	log_sum_sub(&y, &z);
	log_sum_add(&zero, &l.items[1]);
	log_sum_add(&zero, &l.items[2]);
	assert_memory_equal(y.b, zero.b, 32);
	/* modulo 2^256 */
	memset(&x, 0, sizeof(x));
	memset(&y, 0xff, sizeof(y));
	log_sum_sub(&x, &one);
	assert_memory_equal(x.b, y.b, 32);
	log_sum_merge(&x, &one);
	memset(&y, 0, sizeof(y));
	assert_memory_equal(x.b, y.b, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),  cmocka_unit_test(test_empty),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_largest),
		cmocka_unit_test(test_cut),     cmocka_unit_test(test_order),
		cmocka_unit_test(test_reorg),   cmocka_unit_test(test_one),
		cmocka_unit_test(test_bound),   cmocka_unit_test(test_hash),
		cmocka_unit_test(test_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
