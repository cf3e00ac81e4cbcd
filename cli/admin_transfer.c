/*
 * What the calls that hand on the admin's own role take, and whether they make
 * sense now. Sends nothing.
 */
#include <string.h>

#include "abi/hex.h"
#include "abi/u256.h"
#include "cli/admin.h"
#include "cli/views.h"
#include "core/json.h"

#define ZERO_ADDRESS "0x0000000000000000000000000000000000000000"

enum status admin_parse_address(struct admin *m, struct err *err)
{
	return admin_add_address(m, 0, err);
}

/* Who begins anew replaces the transfer that waits. */
enum status admin_check_begin(struct admin *m, struct err *err)
{
	AUTO_JSON cJSON *was = NULL;
	enum status st =
	    views_json(&was, m->chain, "pendingDefaultAdmin", NULL, 0, err);

	if (st == ST_OK && strcmp(json_str_or(was, "newAdmin", ZERO_ADDRESS),
				  ZERO_ADDRESS) != 0)
		m->before = STEAL(was);
	return st;
}

enum status admin_check_cancel(struct admin *m, struct err *err)
{
	enum status st = admin_check_begin(m, err);

	if (st == ST_OK && !m->before)
		return err_set(err, ST_REJECTED, "no transfer waits");
	return st;
}

enum status admin_check_accept(struct admin *m, struct err *err)
{
	char hex[HEX_ADDRESS_SIZE];
	const char *next;
	enum status st = admin_check_cancel(m, err);

	if (st != ST_OK)
		return st;
	next = json_str_or(m->before, "newAdmin", "");
	if (strcasecmp(next, hex_address(hex, &m->sender)) != 0)
		return err_set(err, ST_REJECTED, "%s is to accept, not %s",
			       next, hex);
	cJSON_Delete(STEAL(m->before));
	return ST_OK;
}

enum status admin_parse_delay(struct admin *m, struct err *err)
{
	struct u256 seconds;
	enum status st =
	    admin_read_num(&seconds, m->cli->args[0], "the delay", 48, err);

	if (st == ST_OK)
		admin_add_text(m, m->cli->args[0]);
	return st;
}

enum status admin_check_delay(struct admin *m, struct err *err)
{
	struct u256 now;
	char text[U256_DEC_SIZE];
	enum status st =
	    views_num(&now, m->chain, "defaultAdminDelay", NULL, err);

	if (st != ST_OK)
		return st;
	m->before = cJSON_CreateObject();
	cJSON_AddStringToObject(m->before, "newDelay", u256_to_dec(text, &now));
	return ST_OK;
}

enum status admin_check_keep_delay(struct admin *m, struct err *err)
{
	struct u256 schedule;
	enum status st = views_num(&schedule, m->chain,
				   "pendingDefaultAdminDelay", "schedule", err);

	if (st == ST_OK && u256_is_zero(&schedule))
		return err_set(err, ST_REJECTED, "no other delay waits");
	return st;
}
