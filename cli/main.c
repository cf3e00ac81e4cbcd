/*
 * chaincast: finds the command, parses its options, prints the reason of a
 * failure. Knows no command's work.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/harden.h"

static const struct command *const groups[] = {
	cmd_room,    cmd_output,  cmd_admin,   cmd_admin_show, cmd_check,
	cmd_status,  cmd_control, cmd_sweep,   cmd_migrate,    cmd_digest,
	cmd_reindex, cmd_verify,  cmd_key,     cmd_seal,       cmd_abi,
	cmd_tx,      cmd_rlp,     cmd_webhook,
};

static void print_help(FILE *f)
{
	fprintf(f,
		"chaincast %s: rooms on chain, live video from Cloudflare\n\n",
		CX_VERSION);
	for (size_t g = 0; g < ARRAY_SIZE(groups); g++)
		for (const struct command *c = groups[g]; c->name; c++)
			fprintf(f, "  chaincast %s %s\n      %s\n", c->name,
				c->usage, c->help);
	fprintf(f, "\nEvery command takes --json; those that need the config "
		   "take -c FILE or $CHAINCAST_CONFIG.\n");
}

/* Words of the command's name that argv holds, or 0. */
static int name_matches(const char *name, int argc, char **argv)
{
	const char *space = strchr(name, ' ');
	size_t first = space ? (size_t)(space - name) : strlen(name);

	if (argc < 1 || strlen(argv[0]) != first ||
	    strncmp(argv[0], name, first) != 0)
		return 0;
	if (!space)
		return 1;
	return argc >= 2 && strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

static const struct command *find(int argc, char **argv, int *words)
{
	for (size_t g = 0; g < ARRAY_SIZE(groups); g++)
		for (const struct command *c = groups[g]; c->name; c++) {
			*words = name_matches(c->name, argc, argv);
			if (*words)
				return c;
		}
	return NULL;
}

static bool in_list(const char *list, const char *name, size_t n)
{
	for (const char *p = list; p && *p;) {
		size_t len = strcspn(p, " ");

		if (len == n && strncmp(p, name, n) == 0)
			return true;
		p += len + (p[len] == ' ');
	}
	return false;
}

static enum status add_opt(struct cli *cli, const char *name, const char *value,
			   struct err *err)
{
	if (cli->opt_count == (int)ARRAY_SIZE(cli->opts))
		return err_set(err, ST_REJECTED, "too many options");
	cli->opts[cli->opt_count++] = (struct cli_opt){ name, value };
	return ST_OK;
}

/* One "--name", "--name=value" or "--name value"; *i moves past the value. */
static enum status parse_long(struct cli *cli, const struct command *c,
			      int argc, char **argv, int *i, struct err *err)
{
	char *name = argv[*i] + 2;
	char *equals = strchr(name, '=');
	size_t n = equals ? (size_t)(equals - name) : strlen(name);
	bool wants = in_list(c->options, name, n) || in_list("config", name, n);
	const char *value = equals ? equals + 1 : NULL;

	if (in_list("json", name, n)) {
		cli->json = true;
		return ST_OK;
	}
	if (in_list(c->flags, name, n) && !equals)
		return add_opt(cli, name, NULL, err);
	if (!wants)
		return err_set(err, ST_REJECTED,
			       "%s: unknown option --%.*s (usage: chaincast %s "
			       "%s)",
			       c->name, (int)n, name, c->name, c->usage);
	if (!value) {
		if (*i + 1 >= argc)
			return err_set(err, ST_REJECTED,
				       "%s: --%s needs a value", c->name, name);
		value = argv[++*i];
	}
	if (equals)
		*equals = '\0';
	if (strcmp(name, "config") == 0) {
		cli->config = value;
		return ST_OK;
	}
	return add_opt(cli, name, value, err);
}

static enum status parse(struct cli *cli, const struct command *c, int argc,
			 char **argv, struct err *err)
{
	bool only_args = false;

	cli->args = argv;
	for (int i = 0; i < argc; i++) {
		enum status st = ST_OK;

		if (!only_args && strcmp(argv[i], "--") == 0) {
			only_args = true;
		} else if (!only_args && strcmp(argv[i], "-c") == 0) {
			if (i + 1 >= argc)
				return err_set(err, ST_REJECTED,
					       "-c needs a file");
			cli->config = argv[++i];
		} else if (!only_args && strncmp(argv[i], "--", 2) == 0) {
			st = parse_long(cli, c, argc, argv, &i, err);
		} else {
			cli->args[cli->argc++] = argv[i];
		}
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

/* One line, whatever the arguments that a reason quotes. */
static void print_reason(const char *command, const char *reason)
{
	fprintf(stderr, "chaincast%s%s: ", *command ? " " : "", command);
	for (const char *p = reason; *p; p++)
		fputc((unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p, stderr);
	fputc('\n', stderr);
}

static int run(const struct command *c, int argc, char **argv)
{
	struct cli cli = { .program = "chaincast",
			   .config = getenv("CHAINCAST_CONFIG") };
	struct err err = { 0 };
	enum status st = parse(&cli, c, argc, argv, &err);

	if (st == ST_OK)
		st = c->run(&cli, &err);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "chaincast: cannot write standard output\n");
		return EXIT_FAILED;
	}
	if (st == ST_OK)
		return EXIT_DONE;
	if (err.msg[0])
		print_reason(c->name, err.msg);
	return st == ST_REJECTED ? EXIT_USAGE : EXIT_FAILED;
}

int main(int argc, char **argv)
{
	const struct command *c;
	struct err err;
	int words = 0;

	signal(SIGPIPE, SIG_IGN); /* a lost peer is an error, not an end */
	if (!harden_dumps())
		(void)fprintf(stderr, "chaincast: core dumps are not off\n");
	if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
		printf("chaincast %s\n", CX_VERSION);
		return EXIT_DONE;
	}
	if (argc < 2 || strcmp(argv[1], "help") == 0 ||
	    strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help(argc < 2 ? stderr : stdout);
		return argc < 2 ? EXIT_USAGE : EXIT_DONE;
	}
	c = find(argc - 1, argv + 1, &words);
	if (!c) {
		err_set(&err, ST_REJECTED,
			"no command \"%.80s%s%.80s\"; see chaincast help",
			argv[1], argc > 2 ? " " : "", argc > 2 ? argv[2] : "");
		print_reason("", err.msg);
		return EXIT_USAGE;
	}
	return run(c, argc - 1 - words, argv + 1 + words);
}
