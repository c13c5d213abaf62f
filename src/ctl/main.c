/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vers3ctl: one command for people and scripts over the control file of a
 * mount. Commands and options stand in one table each. By the name of a helper
 * of umount(8) it is that.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "config.h"

#include "ctl.h"
#include "unmount.h"
#include "vers3/util/path.h"

/* Options of commands: the numbers of their lines in the table. */
enum option_number {
	OPTION_JSON,
	OPTION_FORCE,
	OPTION_VERSION,
	OPTION_AT,
	OPTION_TO,
	OPTION_EXACT,
	OPTION_DRY_RUN,
	OPTION_FOLLOW,
	OPTION_OLDER,
	OPTION_KEEP,
	OPTION_KEY,
	OPTION_EXPIRES,
	OPTION_PUT,
	OPTION_IF,
	OPTION_PRICES,
	OPTION_DAYS,
	OPTION_NAMES,
	OPTION_TIER,
	OPTION_WAIT,
	OPTION_QUICK,
	OPTION_REPLICA,
	OPTION_TIMEOUT,
	OPTION_DEEP,
	OPTION_REPAIR,
	OPTION_SAMPLE,
	OPTION_AGAINST,
	OPTION_REPORT,
	OPTION_THRESHOLD,
	OPTION_RATE,
	OPTION_SEED,
	OPTION_COUNT,
};

#define FLAG(member)  .offset = offsetof(struct ctl_call, member)
#define VALUE(member) .has_value = true, FLAG(member)

static const struct option_line {
	const char *shown; /* for --help: the name, and what follows it */
	const char *help; /* one line, no full stop */
	const char *name;
	size_t offset; /* in struct ctl_call: of a bool, or of a string */
	bool has_value;
	char letter; /* 0: none */
	char skip; /* not taken into the value, in front of it; 0: none */
} options[OPTION_COUNT] = {
	[OPTION_JSON] = {"--json", "print JSON", "json", FLAG(json)},
	[OPTION_FORCE] = {"--force", "unmount, whatever cannot be sent",
			  "force", FLAG(force)},
	[OPTION_VERSION] = {"--version ID", "the version with this id",
			    "version", VALUE(version)},
	[OPTION_AT] = {"--at TIME", "as it was then", "at", VALUE(at),
		       .skip = '@'},
	[OPTION_TO] = {"--to PATH", "under this name", "to", VALUE(to)},
	[OPTION_EXACT] = {"--exact", "remove what was added since, too",
			  "exact", FLAG(exact)},
	[OPTION_DRY_RUN] = {"-n, --dry-run", "print what it would do",
			    "dry-run", FLAG(dry_run), .letter = 'n'},
	[OPTION_FOLLOW] = {"--follow", "under its earlier names, too", "follow",
			   FLAG(follow)},
	[OPTION_OLDER] = {"--older AGE", "what is older than that, such as 90d",
			  "older", VALUE(older)},
	[OPTION_KEEP] = {"--keep N",
			 "the newest N old versions of each file stay", "keep",
			 VALUE(keep)},
	[OPTION_KEY] = {"--key KEY", "an object that is under no name", "key",
			VALUE(key)},
	[OPTION_EXPIRES] = {"--expires T",
			    "how long the URL is good, such as 30m; 1h",
			    "expires", VALUE(expires)},
	[OPTION_PUT] = {"--put", "a URL to write by", "put", FLAG(put)},
	[OPTION_IF] = {"--if RULE",
		       "what a rule would remove: noncurrent=30d,keep=3", "if",
		       VALUE(rule)},
	[OPTION_PRICES] = {"--prices FILE", "what a GiB costs a month",
			   "prices", VALUE(prices)},
	[OPTION_DAYS] = {"--days N", "for so many days from now", "days",
			 VALUE(days)},
	[OPTION_NAMES] = {"--names", "tell each version first", "names",
			  FLAG(names)},
	[OPTION_TIER] = {"--tier T", "standard, bulk or expedited", "tier",
			 VALUE(tier)},
	[OPTION_WAIT] = {"--wait", "return when all can be read", "wait",
			 FLAG(wait)},
	[OPTION_QUICK] = {"--quick", "the size and the ETag of lists will do",
			  "quick", FLAG(quick)},
	[OPTION_REPLICA] = {"--replica", "until the replica has it, too",
			    "replica", FLAG(replica)},
	[OPTION_TIMEOUT] = {"--timeout T", "give up after that, such as 10m",
			    "timeout", VALUE(timeout)},
	[OPTION_DEEP] = {"--deep", "read all bytes", "deep", FLAG(deep)},
	[OPTION_REPAIR] = {"--repair",
			   "send again the copy that is proven to be right",
			   "repair", FLAG(repair)},
	[OPTION_SAMPLE] = {"--sample 1%",
			   "look at so many of the objects; 100%", "sample",
			   VALUE(sample)},
	[OPTION_AGAINST] = {"--against cache",
			    "what this mount knows of them; or replica, both",
			    "against", VALUE(against)},
	[OPTION_REPORT] = {"--report FILE",
			   "write JSON there; one that was interrupted goes on",
			   "report", VALUE(report)},
	[OPTION_THRESHOLD] = {"--threshold 0.5%",
			      "more than that is a failure; 0%", "threshold",
			      VALUE(threshold)},
	[OPTION_RATE] = {"--rate 32M", "bytes a second that are read; or none",
			 "rate", VALUE(rate)},
	[OPTION_SEED] = {"--seed N", "take the sample that another run took",
			 "seed", VALUE(seed)},
};

#undef FLAG
#undef VALUE

/* What a command takes: the numbers of options, besides --help. */
#define TAKES(...) ((const unsigned char[]){__VA_ARGS__, OPTION_COUNT})

static const char lifecycle_words[] =
	"\n"
	"Words of set; none in place of a value takes it out of the rule:\n"
	"  prefix=TEXT         paths that begin so, from the mount's root\n"
	"  tag=KEY=VALUE       objects with this tag; several times\n"
	"  over=128K           objects larger than that; under=1G: smaller\n"
	"  expire=7d           when the present version expires; or a date\n"
	"  markers             delete markers with nothing below them go\n"
	"  noncurrent=30d      when a version goes that was replaced\n"
	"  keep=3              so many of those stay\n"
	"  abort=7d            when an unfinished upload goes\n"
	"  class=CLASS:30d     when the storage class changes; several times\n"
	"  noncurrent-class=CLASS:30d[:3]\n"
	"                      the same of versions that were replaced, but for "
	"the\n"
	"                      newest 3 of them; several times\n"
	"  status=enabled      or disabled\n";

static const char verify_words[] =
	"\n"
	"Exit status: 0 nothing differs, or no more than the threshold; 1 more "
	"differs,\n"
	"repaired or not; 2 it could not be told, or the command was wrong.\n";

static const struct command {
	const char *name;
	const char *usage; /* what stands behind the name */
	const char *help; /* one line, no full stop */
	const char *words; /* lines for --help; NULL: none */
	const unsigned char *options; /* TAKES() */
	int min, max; /* how many arguments */
	int (*run)(const struct ctl_call *c);
} commands[] = {
	{"status", "[PATH]",
	 "how the mount is: unsent changes, cache, requests", NULL,
	 TAKES(OPTION_JSON), 0, 1, ctl_status},
	{"versions", "PATH [--follow]",
	 "the versions of a file, oldest first; with --follow under its earlier "
	 "names too",
	 NULL, TAKES(OPTION_JSON, OPTION_FOLLOW), 1, 1, ctl_versions},
	{"restore",
	 "PATH | --key KEY [--version ID | --at TIME] [--to PATH] [--exact] "
	 "[-n]",
	 "bring a version back, without ID and TIME the one before; or with "
	 "TIME a directory; or what is under no name",
	 NULL,
	 TAKES(OPTION_JSON, OPTION_VERSION, OPTION_AT, OPTION_TO, OPTION_EXACT,
	       OPTION_DRY_RUN, OPTION_KEY),
	 0, 1, ctl_restore},
	{"diff", "PATH --at TIME", "what has changed below PATH since", NULL,
	 TAKES(OPTION_JSON, OPTION_AT), 1, 1, ctl_diff},
	{"log", "PATH", "what happened below PATH, newest first", NULL,
	 TAKES(OPTION_JSON), 1, 1, ctl_log},
	{"undelete", "PATH", "bring a deleted file back as it was", NULL,
	 TAKES(OPTION_JSON), 1, 1, ctl_undelete},
	{"purge", "PATH [--older AGE] [--keep N] [-n]",
	 "remove old versions below PATH for good", NULL,
	 TAKES(OPTION_JSON, OPTION_OLDER, OPTION_KEEP, OPTION_DRY_RUN), 1, 1,
	 ctl_purge},
	{"thaw", "PATH [--days N] [--tier standard|bulk|expedited] [--wait]",
	 "have what is archived restored, to be read for N days; with --wait "
	 "until it can be",
	 NULL, TAKES(OPTION_JSON, OPTION_DAYS, OPTION_TIER, OPTION_WAIT), 1, 1,
	 ctl_thaw},
	{"expire", "PATH [AGE|never]",
	 "when a file expires by itself, or what is made in a directory",
	 "\nAGE is whole days after the last save: 7d, 2w\n",
	 TAKES(OPTION_JSON), 1, 2, ctl_expire},
	{"uploads", "[list [PATH] | abort --older AGE [PATH]]",
	 "uploads that nobody has finished, with what they take", NULL,
	 TAKES(OPTION_JSON, OPTION_OLDER), 0, 2, ctl_uploads},
	{"presign", "PATH [--expires T] [--put] [--version ID]",
	 "a URL by which anyone can read the file, or with --put write it",
	 NULL, TAKES(OPTION_JSON, OPTION_EXPIRES, OPTION_PUT, OPTION_VERSION),
	 1, 1, ctl_presign},
	{"sync", "[PATH] [--replica [--timeout T]]",
	 "wait until the bucket has every change, or the replica, too", NULL,
	 TAKES(OPTION_JSON, OPTION_REPLICA, OPTION_TIMEOUT), 0, 1, ctl_sync},
	{"umount", "[--force] [MOUNTPOINT]",
	 "send every change, then unmount; with --force unmount anyway", NULL,
	 TAKES(OPTION_FORCE), 0, 1, ctl_umount},
	{"lifecycle", CTL_LIFECYCLE_USAGE,
	 "the bucket's lifecycle rules, what they do to a file, and why not, or "
	 "to all within N days; "
	 "with -n what a change would change",
	 lifecycle_words,
	 TAKES(OPTION_JSON, OPTION_DRY_RUN, OPTION_DAYS, OPTION_NAMES), 0, 64,
	 ctl_lifecycle},
	{"usage", "[PATH] [--if RULE] [--prices FILE]",
	 "what all versions take in the bucket, and cost a month", NULL,
	 TAKES(OPTION_JSON, OPTION_IF, OPTION_PRICES), 0, 1, ctl_usage},
	{"doctor", "[PATH]",
	 "what is wrong, or will be: keys, rights, bucket, rules, this machine",
	 "\nExit status: 0 nothing above info, 3 warnings, 4 errors.\n",
	 TAKES(OPTION_JSON), 0, 1, ctl_doctor},
	{"verify",
	 "[PATH] [--sample 1%] [--against cache|replica|both] [--deep] "
	 "[--repair] [--report FILE] [--threshold 0.5%] [--rate 32M] "
	 "[--seed N]",
	 "whether the objects are what is known of them, and the replica's "
	 "what the bucket's are",
	 verify_words,
	 TAKES(OPTION_JSON, OPTION_DEEP, OPTION_REPAIR, OPTION_SAMPLE,
	       OPTION_AGAINST, OPTION_REPORT, OPTION_THRESHOLD, OPTION_RATE,
	       OPTION_SEED),
	 0, 1, ctl_verify},
	{"replication", CTL_REPLICATION_USAGE,
	 "replication rules, and how the objects stand; whether the replica "
	 "has every version as it is; waiting until it has",
	 NULL, TAKES(OPTION_JSON, OPTION_QUICK, OPTION_TIMEOUT), 0, 2,
	 ctl_replication},
	{"failover", "[PATH]",
	 "have the replica stand in for the bucket, until a failback", NULL,
	 TAKES(OPTION_JSON), 0, 1, ctl_failover},
	{"failback", "[PATH]",
	 "bring back what was written to the replica, and use the bucket again",
	 NULL, TAKES(OPTION_JSON), 0, 1, ctl_failback},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
	fputs("Usage: vers3ctl [-C DIR] [--json] COMMAND [ARGUMENT]...\n"
	      "       vers3ctl --help | --version\n"
	      "\n"
	      "Asks and steers a mount of vers3. The mount is the one that "
	      "PATH is in, else the\n"
	      "one that the current directory is in.\n"
	      "\n",
	      out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %s%s%s\n          %s\n", commands[i].name,
			*commands[i].usage ? " " : "", commands[i].usage,
			commands[i].help);
	fputs("\n"
	      "  -C DIR  as if started in DIR\n"
	      "  --json  print JSON\n"
	      "\n"
	      "TIME is such as 2026-11-21T12:00:00Z, 2026-11-21 or 2h. See "
	      "vers3ctl(1).\n",
	      out);
}

static int usage(const struct command *cmd)
{
	return ctl_misuse("usage: vers3ctl %s%s%s", cmd->name,
			  *cmd->usage ? " " : "", cmd->usage);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static bool takes(const struct command *cmd, unsigned option)
{
	const unsigned char *at = cmd->options;

	while (*at != option && *at != OPTION_COUNT)
		at++;
	return *at != OPTION_COUNT;
}

static void print_command_help(const struct command *cmd)
{
	printf("usage: vers3ctl %s %s\n%s\n\n", cmd->name, cmd->usage,
	       cmd->help);
	for (unsigned i = 0; i < OPTION_COUNT; i++)
		if (takes(cmd, i))
			printf("  %-19s %s\n", options[i].shown,
			       options[i].help);
	if (cmd->words)
		fputs(cmd->words, stdout);
}

static void set_option(struct ctl_call *c, const struct option_line *option,
		       const char *value)
{
	void *member = (char *)c + option->offset;

	if (option->has_value)
		*(const char **)member =
			value + (option->skip && *value == option->skip);
	else
		*(bool *)member = true;
}

#define LONG_BASE 256 /* what getopt_long() returns of the table's first line */
#define HELP	  'h' /* has no short form behind a command */

/* The table as getopt_long() wants it. */
static void make_getopt(struct option all[OPTION_COUNT + 2],
			char letters[OPTION_COUNT + 1])
{
	memset(all, 0, sizeof(*all) * (OPTION_COUNT + 2));
	for (int i = 0; i < OPTION_COUNT; i++) {
		all[i].name = options[i].name;
		all[i].has_arg =
			options[i].has_value ? required_argument : no_argument;
		all[i].val = LONG_BASE + i;
		if (options[i].letter)
			*letters++ = options[i].letter;
	}
	*letters = '\0';
	all[OPTION_COUNT] = (struct option){.name = "help", .val = HELP};
}

/* The line of what getopt_long() returned; OPTION_COUNT: none. */
static unsigned option_of(int got)
{
	unsigned i = 0;

	if (got >= LONG_BASE)
		return (unsigned)(got - LONG_BASE);
	while (i < OPTION_COUNT && options[i].letter != got)
		i++;
	return i;
}

static int run_command(struct ctl_call *c, int argc, char **argv)
{
	const struct command *cmd = find_command(argv[0]);
	struct option all[OPTION_COUNT + 2];
	char letters[OPTION_COUNT + 1];
	int got;

	if (!cmd)
		return ctl_misuse("%s: no such command; see vers3ctl --help",
				  argv[0]);
	if (c->json && !takes(cmd, OPTION_JSON))
		return usage(cmd);
	make_getopt(all, letters);
	optind = 0; /* another vector */
	opterr = 0;
	while ((got = getopt_long(argc, argv, letters, all, NULL)) != -1) {
		unsigned option = option_of(got);

		if (got == HELP) {
			print_command_help(cmd);
			return CTL_OK;
		}
		if (option == OPTION_COUNT || !takes(cmd, option))
			return usage(cmd);
		set_option(c, &options[option], optarg);
	}
	c->args = argv + optind;
	c->count = argc - optind;
	if (c->count < cmd->min || c->count > cmd->max)
		return usage(cmd);
	return cmd->run(c);
}

int main(int argc, char **argv)
{
	static const struct option common[] = {
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	struct ctl_call c = {.json = false};
	const char *name = argc ? path_base(argv[0]) : "";
	int option, status;

	/* As umount(8) calls it. */
	if (!strncmp(name, "umount.", strlen("umount.")))
		return unmount_helper(argc, argv);
	while ((option = getopt_long(argc, argv, "+C:hV", common, NULL)) !=
	       -1) {
		switch (option) {
		case 'C':
			c.start = optarg;
			break;
		case 'j':
			c.json = true;
			break;
		case 'h':
			print_help(stdout);
			return CTL_OK;
		case 'V':
			puts("vers3ctl " PACKAGE_VERSION);
			return CTL_OK;
		default:
			fputs("vers3ctl: `vers3ctl --help` lists what there "
			      "is\n",
			      stderr);
			return CTL_USAGE;
		}
	}
	if (optind == argc) {
		print_help(stderr);
		return CTL_USAGE;
	}
	status = run_command(&c, argc - optind, argv + optind);
	if (fflush(stdout) && status == CTL_OK)
		return ctl_fail("cannot write the output");
	return status;
}
