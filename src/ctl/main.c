/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vers3ctl: one command for people and scripts over the control file of a
 * mount. Commands and options stand in one table each. By the name of a helper
 * of umount(8) it is that.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#include "ctl.h"
#include "unmount.h"
#include "vers3/util/path.h"

/* Options of commands, as bits and as values that getopt returns. */
enum option_bit {
	OPTION_JSON = 1 << 0,
	OPTION_FORCE = 1 << 1,
	OPTION_VERSION = 1 << 2,
	OPTION_AT = 1 << 3,
	OPTION_TO = 1 << 4,
	OPTION_HELP = 1 << 5,
	OPTION_EXACT = 1 << 6,
	OPTION_DRY_RUN = 1 << 7,
	OPTION_FOLLOW = 1 << 8,
	OPTION_OLDER = 1 << 9,
	OPTION_KEEP = 1 << 10,
	OPTION_KEY = 1 << 11,
	OPTION_EXPIRES = 1 << 12,
	OPTION_PUT = 1 << 13,
	OPTION_IF = 1 << 14,
	OPTION_PRICES = 1 << 15,
	OPTION_DAYS = 1 << 16,
	OPTION_NAMES = 1 << 17,
	OPTION_TIER = 1 << 18,
	OPTION_WAIT = 1 << 19,
	OPTION_QUICK = 1 << 20,
	OPTION_REPLICA = 1 << 21,
	OPTION_TIMEOUT = 1 << 22,
	OPTION_DEEP = 1 << 23,
	OPTION_REPAIR = 1 << 24,
	OPTION_SAMPLE = 1 << 25,
	OPTION_AGAINST = 1 << 26,
	OPTION_REPORT = 1 << 27,
	OPTION_THRESHOLD = 1 << 28,
	OPTION_RATE = 1 << 29,
	OPTION_SEED = 1 << 30,
};

static const struct option command_options[] = {
	{"json", no_argument, NULL, OPTION_JSON},
	{"force", no_argument, NULL, OPTION_FORCE},
	{"version", required_argument, NULL, OPTION_VERSION},
	{"at", required_argument, NULL, OPTION_AT},
	{"to", required_argument, NULL, OPTION_TO},
	{"exact", no_argument, NULL, OPTION_EXACT},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{"follow", no_argument, NULL, OPTION_FOLLOW},
	{"older", required_argument, NULL, OPTION_OLDER},
	{"keep", required_argument, NULL, OPTION_KEEP},
	{"key", required_argument, NULL, OPTION_KEY},
	{"expires", required_argument, NULL, OPTION_EXPIRES},
	{"put", no_argument, NULL, OPTION_PUT},
	{"if", required_argument, NULL, OPTION_IF},
	{"prices", required_argument, NULL, OPTION_PRICES},
	{"days", required_argument, NULL, OPTION_DAYS},
	{"names", no_argument, NULL, OPTION_NAMES},
	{"tier", required_argument, NULL, OPTION_TIER},
	{"wait", no_argument, NULL, OPTION_WAIT},
	{"quick", no_argument, NULL, OPTION_QUICK},
	{"replica", no_argument, NULL, OPTION_REPLICA},
	{"timeout", required_argument, NULL, OPTION_TIMEOUT},
	{"deep", no_argument, NULL, OPTION_DEEP},
	{"repair", no_argument, NULL, OPTION_REPAIR},
	{"sample", required_argument, NULL, OPTION_SAMPLE},
	{"against", required_argument, NULL, OPTION_AGAINST},
	{"report", required_argument, NULL, OPTION_REPORT},
	{"threshold", required_argument, NULL, OPTION_THRESHOLD},
	{"rate", required_argument, NULL, OPTION_RATE},
	{"seed", required_argument, NULL, OPTION_SEED},
	{"help", no_argument, NULL, OPTION_HELP},
	{NULL, 0, NULL, 0},
};

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
	"repaired or not; 2 it could not be told, or the command was wrong.\n"
	"  --sample 1%         looks at so many of the objects; 100%\n"
	"  --against cache     what this mount knows of them; or replica, both\n"
	"  --deep              reads all bytes\n"
	"  --repair            sends again the copy that is proven to be right\n"
	"  --report FILE       writes JSON there; one that was interrupted goes "
	"on\n"
	"  --threshold 0.5%    more than that is a failure; 0%\n"
	"  --rate 32M          bytes a second that are read; or none\n"
	"  --seed N            takes the sample that another run took\n";

static const struct command {
	const char *name;
	const char *usage; /* what stands behind the name */
	const char *help; /* one line, no full stop */
	const char *words; /* lines for --help; NULL: none */
	unsigned options; /* enum option_bit, besides --help */
	int min, max; /* how many arguments */
	int (*run)(const struct ctl_call *c);
} commands[] = {
	{"status", "[PATH]",
	 "how the mount is: unsent changes, cache, requests", NULL, OPTION_JSON,
	 0, 1, ctl_status},
	{"versions", "PATH [--follow]",
	 "the versions of a file, oldest first; with --follow under its earlier "
	 "names too",
	 NULL, OPTION_JSON | OPTION_FOLLOW, 1, 1, ctl_versions},
	{"restore",
	 "PATH | --key KEY [--version ID | --at TIME] [--to PATH] [--exact] "
	 "[-n]",
	 "bring a version back, without ID and TIME the one before; or with "
	 "TIME a directory; or what is under no name",
	 NULL,
	 OPTION_JSON | OPTION_VERSION | OPTION_AT | OPTION_TO | OPTION_EXACT |
		 OPTION_DRY_RUN | OPTION_KEY,
	 0, 1, ctl_restore},
	{"diff", "PATH --at TIME", "what has changed below PATH since", NULL,
	 OPTION_JSON | OPTION_AT, 1, 1, ctl_diff},
	{"log", "PATH", "what happened below PATH, newest first", NULL,
	 OPTION_JSON, 1, 1, ctl_log},
	{"undelete", "PATH", "bring a deleted file back as it was", NULL,
	 OPTION_JSON, 1, 1, ctl_undelete},
	{"purge", "PATH [--older AGE] [--keep N] [-n]",
	 "remove old versions below PATH for good", NULL,
	 OPTION_JSON | OPTION_OLDER | OPTION_KEEP | OPTION_DRY_RUN, 1, 1,
	 ctl_purge},
	{"thaw", "PATH [--days N] [--tier standard|bulk|expedited] [--wait]",
	 "have what is archived restored, to be read for N days; with --wait "
	 "until it can be",
	 NULL, OPTION_JSON | OPTION_DAYS | OPTION_TIER | OPTION_WAIT, 1, 1,
	 ctl_thaw},
	{"expire", "PATH [AGE|never]",
	 "when a file expires by itself, or what is made in a directory",
	 "AGE is whole days after the last save: 7d, 2w\n", OPTION_JSON, 1, 2,
	 ctl_expire},
	{"uploads", "[list [PATH] | abort --older AGE [PATH]]",
	 "uploads that nobody has finished, with what they take", NULL,
	 OPTION_JSON | OPTION_OLDER, 0, 2, ctl_uploads},
	{"presign", "PATH [--expires T] [--put] [--version ID]",
	 "a URL by which anyone can read the file, or with --put write it",
	 NULL, OPTION_JSON | OPTION_EXPIRES | OPTION_PUT | OPTION_VERSION, 1, 1,
	 ctl_presign},
	{"sync", "[PATH] [--replica [--timeout T]]",
	 "wait until the bucket has every change, or the replica, too", NULL,
	 OPTION_JSON | OPTION_REPLICA | OPTION_TIMEOUT, 0, 1, ctl_sync},
	{"umount", "[--force] [MOUNTPOINT]",
	 "send every change, then unmount; with --force unmount anyway", NULL,
	 OPTION_FORCE, 0, 1, ctl_umount},
	{"lifecycle", CTL_LIFECYCLE_USAGE,
	 "the bucket's lifecycle rules, what they do to a file, and why not, or "
	 "to all within N days; "
	 "with -n what a change would change",
	 lifecycle_words,
	 OPTION_JSON | OPTION_DRY_RUN | OPTION_DAYS | OPTION_NAMES, 0, 64,
	 ctl_lifecycle},
	{"usage", "[PATH] [--if RULE] [--prices FILE]",
	 "what all versions take in the bucket, and cost a month", NULL,
	 OPTION_JSON | OPTION_IF | OPTION_PRICES, 0, 1, ctl_usage},
	{"doctor", "[PATH]",
	 "what is wrong, or will be: keys, rights, bucket, rules, this machine",
	 "\nExit status: 0 nothing above info, 3 warnings, 4 errors.\n",
	 OPTION_JSON, 0, 1, ctl_doctor},
	{"verify",
	 "[PATH] [--sample 1%] [--against cache|replica|both] [--deep] "
	 "[--repair] [--report FILE] [--threshold 0.5%] [--rate 32M] "
	 "[--seed N]",
	 "whether the objects are what is known of them, and the replica's "
	 "what the bucket's are",
	 verify_words,
	 OPTION_JSON | OPTION_DEEP | OPTION_REPAIR | OPTION_SAMPLE |
		 OPTION_AGAINST | OPTION_REPORT | OPTION_THRESHOLD |
		 OPTION_RATE | OPTION_SEED,
	 0, 1, ctl_verify},
	{"replication", CTL_REPLICATION_USAGE,
	 "replication rules, and how the objects stand; whether the replica "
	 "has every version as it is; waiting until it has",
	 NULL, OPTION_JSON | OPTION_QUICK | OPTION_TIMEOUT, 0, 2,
	 ctl_replication},
	{"failover", "[PATH]",
	 "have the replica stand in for the bucket, until a failback", NULL,
	 OPTION_JSON, 0, 1, ctl_failover},
	{"failback", "[PATH]",
	 "bring back what was written to the replica, and use the bucket again",
	 NULL, OPTION_JSON, 0, 1, ctl_failback},
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

static void set_option(struct ctl_call *c, int option)
{
	switch (option) {
	case OPTION_JSON:
		c->json = true;
		break;
	case OPTION_FORCE:
		c->force = true;
		break;
	case OPTION_VERSION:
		c->version = optarg;
		break;
	case OPTION_AT:
		/* As in .versions, too. */
		c->at = optarg + (*optarg == '@');
		break;
	case OPTION_TO:
		c->to = optarg;
		break;
	case OPTION_EXACT:
		c->exact = true;
		break;
	case OPTION_FOLLOW:
		c->follow = true;
		break;
	case OPTION_DRY_RUN:
		c->dry_run = true;
		break;
	case OPTION_OLDER:
		c->older = optarg;
		break;
	case OPTION_KEEP:
		c->keep = optarg;
		break;
	case OPTION_KEY:
		c->key = optarg;
		break;
	case OPTION_EXPIRES:
		c->expires = optarg;
		break;
	case OPTION_PUT:
		c->put = true;
		break;
	case OPTION_IF:
		c->rule = optarg;
		break;
	case OPTION_PRICES:
		c->prices = optarg;
		break;
	case OPTION_DAYS:
		c->days = optarg;
		break;
	case OPTION_QUICK:
		c->quick = true;
		break;
	case OPTION_REPLICA:
		c->replica = true;
		break;
	case OPTION_TIMEOUT:
		c->timeout = optarg;
		break;
	case OPTION_NAMES:
		c->names = true;
		break;
	case OPTION_TIER:
		c->tier = optarg;
		break;
	case OPTION_WAIT:
		c->wait = true;
		break;
	case OPTION_DEEP:
		c->deep = true;
		break;
	case OPTION_REPAIR:
		c->repair = true;
		break;
	case OPTION_SAMPLE:
		c->sample = optarg;
		break;
	case OPTION_AGAINST:
		c->against = optarg;
		break;
	case OPTION_REPORT:
		c->report = optarg;
		break;
	case OPTION_THRESHOLD:
		c->threshold = optarg;
		break;
	case OPTION_RATE:
		c->rate = optarg;
		break;
	case OPTION_SEED:
		c->seed = optarg;
		break;
	}
}

static int run_command(struct ctl_call *c, int argc, char **argv)
{
	const struct command *cmd = find_command(argv[0]);
	int option;

	if (!cmd)
		return ctl_misuse("%s: no such command; see vers3ctl --help",
				  argv[0]);
	if (c->json && !(cmd->options & OPTION_JSON))
		return usage(cmd);
	optind = 0; /* another vector */
	opterr = 0;
	while ((option = getopt_long(argc, argv, "n", command_options, NULL)) !=
	       -1) {
		if (option == 'n')
			option = OPTION_DRY_RUN;
		if (option == OPTION_HELP) {
			printf("usage: vers3ctl %s %s\n%s\n%s", cmd->name,
			       cmd->usage, cmd->help,
			       cmd->words ? cmd->words : "");
			return CTL_OK;
		}
		if (option == '?' || !(cmd->options & (unsigned)option))
			return usage(cmd);
		set_option(c, option);
	}
	c->args = argv + optind;
	c->count = argc - optind;
	if (c->count < cmd->min || c->count > cmd->max)
		return usage(cmd);
	return cmd->run(c);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
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
	while ((option = getopt_long(argc, argv, "+C:hV", options, NULL)) !=
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
