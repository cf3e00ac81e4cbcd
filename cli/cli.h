#ifndef CX_CLI_CLI_H
#define CX_CLI_CLI_H

#include <stdbool.h>
#include <stdio.h>
#include <uv.h>

#include "config/config.h"
#include "core/buf.h"
#include "core/err.h"
#include "db/db.h"

/*
 * The operator's command. Each command lives in a cmd_*.c and returns a
 * status; main.c prints the one-line reason and turns it into the exit code.
 */

/* Parsed options of one command line. Options may stand anywhere; what is
 * left is @args. Strings point into argv. */
struct cli {
	const char *program; /* "chaincast" */
	bool json;           /* --json */
	const char *config;  /* -c FILE, --config FILE or $CHAINCAST_CONFIG */
	int argc;            /* positional arguments after the command's name */
	char **args;
	/* every other --name VALUE or --name, in order of appearance */
	struct cli_opt {
		const char *name;  /* without the dashes */
		const char *value; /* NULL for a flag */
	} opts[32];
	int opt_count;
};

enum cli_exit {
	EXIT_DONE = 0,
	EXIT_FAILED = 1, /* the reason stands on standard error */
	EXIT_USAGE = 2,  /* wrong arguments or bad input */
};

/**
 * struct command - one command
 * @name: one or two words: "migrate", "room create"
 * @usage: what follows the name on the command line
 * @help: one line
 * @options: names that take a value, space separated: "title key-file"
 * @flags: names without a value: "as-moderator"
 * @run: ST_OK: exit 0 (output already printed). ST_REJECTED: exit 2, any
 *	other: exit 1, both with @err's message on standard error. ST_AGAIN
 *	with an empty message: exit 1, the reason was printed.
 */
struct command {
	const char *name, *usage, *help, *options, *flags;
	enum status (*run)(struct cli *cli, struct err *err);
};

/* Commands of each file, ended by a NULL name. */
extern const struct command cmd_admin[], cmd_admin_show[], cmd_room[],
    cmd_output[], cmd_key[], cmd_abi[], cmd_rlp[], cmd_tx[], cmd_seal[],
    cmd_check[], cmd_migrate[], cmd_status[], cmd_digest[], cmd_reindex[],
    cmd_webhook[], cmd_control[], cmd_sweep[], cmd_verify[];

/** cli_opt - value of option @name, or NULL */
const char *cli_opt(const struct cli *cli, const char *name);
/** cli_flag - whether --@name stands on the command line */
bool cli_flag(const struct cli *cli, const char *name);
/** cli_need - value of option @name, ST_REJECTED naming it when absent */
enum status cli_need(const char **out, const struct cli *cli, const char *name,
		     struct err *err) MUST_CHECK;
/** cli_number - option @name as a whole number from @min to @max, decimal or
 * 0x; @out stays as it is when the option is absent */
enum status cli_number(int64_t *out, const struct cli *cli, const char *name,
		       int64_t min, int64_t max, struct err *err) MUST_CHECK;
/** cli_arg - positional argument @i, or standard input when it is absent or
 * "-" (white space at both ends removed); @what names it in errors */
enum status cli_arg(struct buf *out, const struct cli *cli, int i,
		    const char *what, struct err *err) MUST_CHECK;
/** cli_config - load the file of -c; ST_REJECTED when none is named */
enum status cli_config(struct config **out, const struct cli *cli,
		       struct err *err) MUST_CHECK;
/** cli_config_for - the same, as @use needs it */
enum status cli_config_for(struct config **out, const struct cli *cli,
			   enum config_use use, struct err *err) MUST_CHECK;
/** cli_database - connect to database.url; ST_REJECTED tells why there is none.
 * @timeout: whether statement_timeout_ms holds */
enum status cli_database(struct db **out, const struct config *c, bool timeout,
			 struct err *err) MUST_CHECK;
/** cli_database_on - the same for a command with a loop of its own */
enum status cli_database_on(struct db **out, uv_loop_t *loop,
			    const struct config *c, bool timeout,
			    struct err *err) MUST_CHECK;
/** cli_read_file - whole file, at most @b's maximum */
enum status cli_read_file(struct buf *b, const char *path,
			  struct err *err) MUST_CHECK;

#endif
