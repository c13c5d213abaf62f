/* SPDX-License-Identifier: Apache-2.0 */
/* Putting a mount together, and taking it apart. */
#include "vers3/main/stack.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "layers.h"
#include "stand_in.h"
#include "vers3/cache/blocks.h"
#include "vers3/cache/space.h"
#include "vers3/cache/staging.h"
#include "vers3/core/caps.h"
#include "vers3/core/mount.h"
#include "vers3/main/adopt.h"
#include "vers3/main/cachedir.h"
#include "vers3/main/probe.h"
#include "vers3/main/replica.h"
#include "vers3/meta/dentry.h"
#include "vers3/meta/meta.h"
#include "vers3/net/uri.h"
#include "vers3/s3/s3.h"
#include "vers3/store/list.h"
#include "vers3/store/retry.h"
#include "vers3/store/store.h"
#include "vers3/util/cancel.h"
#include "vers3/util/clock.h"
#include "vers3/util/log.h"
#include "vers3/vfs/vfs.h"

/* In META_SYS: enum probe_versioning of the last mount that could ask. */
#define SYS_VERSIONING "main.versioning"
/* How long a mount waits for the one before it to send what it has. */
#define ENDING_WAIT_MS 60000
#define SETTLE_NS      (3 * NS_PER_S)
#define STATES_NS      (30 * NS_PER_S) /* replication takes as long */
/* Beyond the time in which a request is sent again (retry.h). */
#define PATIENCE_MORE_NS NS_PER_S

struct stack {
	const struct options *o; /* borrowed */
	struct layers layers; /* owned */
	struct replica *replica; /* owned; NULL: none was named */
	struct stand_in stand_in; /* owned: what that is used for */
	char *identity; /* owned */
	char *cache_path; /* owned */
	struct cachedir *dir; /* owned, as all below */
	struct meta *meta;
	struct blocks *blocks;
	struct staging *staging;
	struct space *space;
	struct vfs *vfs;
	enum probe_versioning versioning;
	bool amazon; /* its own S3, of which is known what it can */
	struct caps caps;
	struct cancel patience; /* of the drain */
	bool outage; /* versioning is what meta remembers */
	char outage_reason[512];
	char warning[1024];
};

/* The server does not take what is left, see stack_set_ending(). */
static void give_up(void *ctx)
{
	struct stack *s = ctx;

	cancel_set(&s->patience);
}

/* Makes the stores of the bucket and of its replica. */
static int build_stores(struct stack *s, char *reason, size_t size)
{
	const struct options *o = s->o;
	const struct s3_config s3 = {
		.bucket = o->bucket,
		.endpoint = o->endpoint,
		.region = o->region,
		.profile = o->profile,
		.ca_file = o->ca_file,
		.path_style = o->path_style,
		.no_sign_request = o->no_sign_request,
		.requester_pays = o->requester_pays,
		.sse =
			{
				.mode = o->sse,
				.kms_key = o->sse_kms_key,
				.bucket_key = o->sse_bucket_key,
				.key_file = o->sse_c_key_file,
			},
		.connect_timeout_s = o->connect_timeout_s,
		.read_timeout_s = o->read_timeout_s,
	};
	const struct retry_config retry = {
		.retries = o->retries,
		.spread_ns = (int64_t)o->connect_timeout_s * NS_PER_S,
		.on_hopeless = give_up,
		.hopeless_ctx = s,
		.patience_ns = (int64_t)o->read_timeout_s * NS_PER_S,
	};
	int rc = layers_new(&s3, &retry, reason, size, &s->layers);

	if (!rc && o->replica)
		rc = replica_new(o, s3_store_url(s->layers.s3), reason, size,
				 &s->replica);
	if (!rc && o->replica)
		rc = stand_in_reads(&s->stand_in, s->replica, &s->layers,
				    reason, size);
	return rc;
}

/*
 * The default directory of the bucket's name, if it is that of the server under
 * another name; own: what it would be else.
 */
static int default_to_adopt(struct stack *s, const char *base, char **own)
{
	char *plain = NULL, *identity = NULL;
	int rc = 0;

	if (asprintf(&plain, "%s/%s", base, s->o->bucket) < 0)
		return -ENOMEM;
	rc = cachedir_recorded(plain, &identity);
	if (!rc && cachedir_is_renamed(identity, s->identity) &&
	    cachedir_used(*own)) {
		log_info("adopt_cache takes nothing over: %s is in use under "
			 "the server's new name already, and %s stays as it "
			 "is; name the one to take with cache_dir=",
			 *own, plain);
	} else if (!rc && cachedir_is_renamed(identity, s->identity)) {
		free(*own);
		*own = plain;
		plain = NULL;
	}
	free(identity);
	free(plain);
	return rc == -ENOENT ? 0 : rc;
}

/* Which directory it is to be, from the options or the default. */
static int choose_cache(struct stack *s, char *reason, size_t size)
{
	const struct options *o = s->o;
	char *base = NULL;
	int rc;

	rc = cachedir_identity(s3_store_url(s->layers.s3), o->bucket, o->prefix,
			       &s->identity);
	if (rc)
		goto out;
	if (o->cache_dir) {
		s->cache_path = strdup(o->cache_dir);
		rc = s->cache_path ? 0 : -ENOMEM;
		goto out;
	}
	rc = cachedir_default_base(&base);
	if (!rc)
		rc = cachedir_default(base, o->bucket, s->identity,
				      &s->cache_path);
	if (!rc && o->adopt_cache)
		rc = default_to_adopt(s, base, &s->cache_path);
out:
	free(base);
	if (rc == -ENOENT)
		snprintf(reason, size,
			 "no home directory to keep the cache in; name one "
			 "with -o cache_dir=");
	else if (rc)
		snprintf(reason, size, "no cache directory: %s", strerror(-rc));
	return rc;
}

int stack_new(const struct options *o, char *reason, size_t size,
	      struct stack **ret_stack)
{
	struct stack *s = calloc(1, sizeof(*s));
	int rc;

	if (!s) {
		snprintf(reason, size, "no memory");
		return -ENOMEM;
	}
	s->o = o;
	cancel_init(&s->patience, NULL);
	s->versioning = PROBE_UNKNOWN;
	rc = build_stores(s, reason, size);
	if (!rc)
		rc = choose_cache(s, reason, size);
	if (rc) {
		stack_free(s);
		return rc;
	}
	*ret_stack = s;
	return 0;
}

static void warn(struct stack *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void warn(struct stack *s, const char *fmt, ...)
{
	size_t used = strlen(s->warning);
	va_list ap;

	if (used)
		used += (size_t)snprintf(s->warning + used,
					 sizeof(s->warning) - used, "; ");
	if (used >= sizeof(s->warning))
		return;
	va_start(ap, fmt);
	vsnprintf(s->warning + used, sizeof(s->warning) - used, fmt, ap);
	va_end(ap);
}

/* Away is no error: whoever needs it is told then. */
static int probe_replica(struct stack *s, char *reason, size_t size)
{
	int rc;

	if (!s->replica)
		return 0;
	reason[0] = '\0';
	rc = replica_probe(s->replica, reason, size);
	if (!rc && *reason)
		warn(s, "%s", reason);
	return rc;
}

static int probe_own(struct stack *s, char *reason, size_t size)
{
	const struct probe_about about = {
		.bucket = s->o->bucket,
		.url = s3_store_url(s->layers.s3),
		.region = s3_store_region(s->layers.s3),
		.ca_file = s->o->ca_file,
	};
	int rc;

	rc = probe_bucket(s->layers.probe, &about, reason, size,
			  &s->versioning);
	if (rc && probe_is_outage(rc) && cachedir_used(s->cache_path)) {
		s->outage = true;
		snprintf(s->outage_reason, sizeof(s->outage_reason), "%s",
			 reason);
		return 0;
	}
	if (rc || !s->o->enable_versioning || s->versioning == PROBE_VERSIONED)
		return rc;
	rc = probe_enable_versioning(s->layers.probe, &about, reason, size);
	if (!rc) {
		s->versioning = PROBE_VERSIONED;
		log_info("bucket %s: versioning is enabled now", s->o->bucket);
	}
	return rc;
}

int stack_probe(struct stack *s, char *reason, size_t size)
{
	int rc = probe_own(s, reason, size);

	return rc ? rc : probe_replica(s, reason, size);
}

/* Keeps what was learnt of the bucket, or in an outage takes what was. */
static int remember(struct stack *s, char *reason, size_t size)
{
	uint64_t known = PROBE_UNKNOWN;
	int rc, get;

	rc = meta_lock(s->meta);
	if (rc)
		goto out;
	get = meta_sys_get_u64(s->meta, SYS_VERSIONING, &known);
	if (!s->outage && s->versioning != PROBE_UNKNOWN &&
	    (get || known != (uint64_t)s->versioning))
		rc = meta_sys_put_u64(s->meta, SYS_VERSIONING, s->versioning);
	meta_unlock(s->meta);
	if (s->outage && get) {
		snprintf(reason, size, "%s", s->outage_reason);
		return -EIO;
	}
	if (s->versioning == PROBE_UNKNOWN && !get && known < PROBE_UNKNOWN)
		s->versioning = (enum probe_versioning)known;
out:
	if (rc)
		snprintf(reason, size, "cache directory %s: %s", s->cache_path,
			 strerror(-rc));
	return rc;
}

static void warn_of_plain_text(struct stack *s, const char *url)
{
	struct uri uri;

	if (uri_split(url, &uri))
		return;
	if (!uri.tls && !uri_host_is_here(uri.host))
		warn(s,
		     "%s is not encrypted: whoever is on the way to %s can "
		     "read and change what is sent (an https:// endpoint "
		     "prevents it)",
		     url, uri.host);
	uri_release(&uri);
}

static void warn_of_bucket(struct stack *s)
{
	const char *bucket = s->o->bucket;

	if (s->outage)
		warn(s, "%s; mounting with what the cache holds",
		     s->outage_reason);
	if (s->versioning == PROBE_UNVERSIONED)
		warn(s,
		     "bucket %s keeps no versions: what is overwritten or "
		     "deleted is gone (-o enable_versioning switches them on)",
		     bucket);
	else if (s->versioning == PROBE_SUSPENDED)
		warn(s,
		     "versioning of bucket %s is suspended: what is "
		     "overwritten or deleted from now on is gone (-o "
		     "enable_versioning switches it on)",
		     bucket);
	else if (s->versioning == PROBE_UNKNOWN)
		warn(s,
		     "whether bucket %s keeps versions is not known, since "
		     "the credentials lack s3:GetBucketVersioning; taken as "
		     "one that does not",
		     bucket);
}

/* How long whoever can do without waits for an answer. */
static int64_t patience_ns(const struct options *o)
{
	return (int64_t)o->connect_timeout_s * NS_PER_S + PATIENCE_MORE_NS;
}

static int see_one(void *ctx, const struct store_entry *e)
{
	(void)e;
	*(bool *)ctx = true;
	return 0;
}

/* Whether earlier mounts have found, or made, any name. */
static bool knows_names(struct stack *s)
{
	bool any;

	if (meta_lock(s->meta))
		return false;
	any = meta_dentry_any(s->meta, META_ROOT_INO) > 0;
	meta_unlock(s->meta);
	return any;
}

/*
 * A prefix that is misspelled looks like an empty one. The mount waits no
 * longer for this than a list of names is waited for.
 */
static void warn_of_prefix(struct stack *s)
{
	struct cancel enough, *before;
	struct store_list list;
	bool any = false;
	int rc;

	if (!*s->o->prefix || s->outage || s->o->at || knows_names(s))
		return;
	cancel_init_until(&enough, cancel_current(),
			  clock_mono_ns() + patience_ns(s->o));
	store_list_init(&list, STORE_LIST, s->o->prefix, NULL);
	list.max_keys = 1;
	list.on_entry = see_one;
	list.ctx = &any;
	before = cancel_enter(&enough);
	rc = store_list_page(s->layers.probe, &list);
	cancel_enter(before);
	if (!rc && !any)
		warn(s,
		     "nothing in bucket %s begins with %s yet: check the "
		     "prefix, if something should",
		     s->o->bucket, s->o->prefix);
	store_list_release(&list);
}

/* Else each save would fail, hours after the mount. */
static int check_class(struct stack *s, char *reason, size_t size)
{
	const struct options *o = s->o;

	if (!o->storage_class || o->read_only || s->outage ||
	    caps_class(s->meta, s->layers.top, o->prefix, o->storage_class) !=
		    -EINVAL)
		return 0;
	snprintf(reason, size,
		 "storage_class=%s: the server has no such storage class",
		 o->storage_class);
	return -EINVAL;
}

/* Else each save would fail, or be in plain text there. */
static int check_encryption(struct stack *s, char *reason, size_t size)
{
	static const struct {
		const char *word, *advice;
	} modes[] = {
		[SSE_BUCKET] = {"bucket", ""},
		[SSE_S3] = {"s3", "leave it to the bucket, or take sse=c"},
		[SSE_KMS] = {"kms", "check sse_kms_key=, and that these "
				    "credentials may use that key"},
		[SSE_C] = {"c", "have SSE-C allowed there"},
	};
	const struct options *o = s->o;
	char why[512];

	if (o->sse == SSE_BUCKET || o->read_only || s->outage ||
	    !caps_encryption(s->layers.top, o->prefix, why, sizeof(why)))
		return 0;
	snprintf(reason, size, "sse=%s: %s; %s", modes[o->sse].word, why,
		 modes[o->sse].advice);
	return -EINVAL;
}

/* Takes the cache directory over if its server had another name. */
static int adopt(struct stack *s, char *reason, size_t size)
{
	char *from = NULL;
	int rc = cachedir_recorded(s->cache_path, &from);

	if (rc == -ENOENT)
		return 0;
	if (rc)
		snprintf(reason, size, "no memory");
	else if (cachedir_is_renamed(from, s->identity))
		rc = adopt_dir(s->cache_path, from, s->identity, ENDING_WAIT_MS,
			       s->layers.top, s->o->prefix, reason, size);
	free(from);
	return rc;
}

static int open_parts(struct stack *s, char *reason, size_t size)
{
	const struct options *o = s->o;
	const char *path;
	int rc;

	rc = o->adopt_cache ? adopt(s, reason, size) : 0;
	if (rc)
		return rc;
	rc = cachedir_open(s->cache_path, s->identity, ENDING_WAIT_MS, reason,
			   size, &s->dir);
	if (rc)
		return rc;
	path = cachedir_path(s->dir);
	rc = stand_in_writes(&s->stand_in, o, path, s->replica, &s->layers,
			     reason, size);
	if (rc)
		return rc;
	rc = meta_open(path, s->identity, reason, size, &s->meta);
	if (rc)
		return rc;
	rc = remember(s, reason, size);
	if (rc)
		return rc;
	/* Whoever only reads tries nothing out, and needs it not. */
	s->amazon = caps_known(s3_store_url(s->layers.s3), &s->caps);
	if (!s->amazon)
		caps_learn(s->meta,
			   o->read_only || s->outage ? NULL : s->layers.top,
			   o->prefix,
			   o->versions_dir && *o->versions_dir
				   ? o->versions_dir
				   : MOUNT_VERSIONS_NAME,
			   o->sse != SSE_BUCKET, &s->caps);
	rc = check_class(s, reason, size);
	if (!rc)
		rc = check_encryption(s, reason, size);
	if (rc)
		return rc;
	rc = blocks_open(path, o->cache_size_bytes, reason, size, &s->blocks);
	if (rc)
		return rc;
	rc = staging_open(path, &s->staging);
	if (!rc)
		rc = space_new(path, o->min_free, o->min_free_percent,
			       &s->space);
	if (!rc)
		blocks_watch(s->blocks, s->space);
	if (rc)
		snprintf(reason, size, "cache directory %s: %s", path,
			 strerror(-rc));
	return rc;
}

static int start_vfs(struct stack *s)
{
	const struct options *o = s->o;
	const struct mount_config config = {
		.bucket = o->bucket,
		.prefix = o->prefix,
		.cache_dir = cachedir_path(s->dir),
		.defaults =
			{
				.uid = o->uid != OPTIONS_ID_NONE ? o->uid
								 : getuid(),
				.gid = o->gid != OPTIONS_ID_NONE ? o->gid
								 : getgid(),
				.file_mode = o->file_mode,
				.dir_mode = o->dir_mode,
			},
		.ttl_ns = o->ttl_ns,
		.patience_ns = patience_ns(o),
		.commit_ns = o->commit_ns,
		.save_after_ns = o->save_after_ns,
		.settle_ns = SETTLE_NS,
		.states_ns = STATES_NS,
		.read_only = o->read_only,
		.sync = o->sync,
		.fsync_local = o->fsync == OPTIONS_FSYNC_LOCAL,
		.fsync_replica_ns = o->fsync == OPTIONS_FSYNC_REPLICA
					    ? o->replica_timeout_ns
					    : 0,
		.quota_bytes = o->quota_bytes,
		.max_file_bytes = o->max_file_bytes,
		.storage_class = o->storage_class,
		.encryption = s3_store_encryption(s->layers.s3),
		.versions = o->versions,
		.versions_name = o->versions_dir,
		.control_name = o->control_file,
		.at = o->at,
		.replica_bucket = o->replica,
		.versioned = s->versioning == PROBE_VERSIONED,
		/* Amazon's copies are copies: nothing saved is looked at. */
		.suspended = !s->amazon && (s->versioning == PROBE_SUSPENDED ||
					    s->versioning == PROBE_UNKNOWN),
		.caps = s->caps,
	};
	struct mount_parts parts = {
		.meta = s->meta,
		.blocks = s->blocks,
		.staging = s->staging,
		.space = s->space,
		.store = s->layers.top,
		.metrics = s->layers.metrics,
		.s3 = s->layers.s3,
	};

	if (s->replica) {
		parts.replica = replica_store(s->replica);
		parts.replica_metrics = replica_metrics(s->replica);
		parts.replica_s3 = replica_s3(s->replica);
		parts.failover = s->stand_in.failover;
		parts.standby = s->stand_in.standby;
		parts.journal = s->stand_in.journal;
	}
	return vfs_new(&config, &parts, &s->vfs);
}

/* What can be done about a disk, behind why it will not do. */
static void advise(const struct stack *s, int rc, char *reason, size_t size)
{
	size_t len = strlen(reason);

	if (rc == -ENOSPC || rc == -EDQUOT)
		snprintf(reason + len, size - len,
			 "; make room on the disk of %s, where unsent changes "
			 "are kept, and mount again",
			 s->cache_path);
	else if (!strstr(reason, "cache_dir=") &&
		 (rc == -EROFS || rc == -EACCES || rc == -EPERM))
		snprintf(reason + len, size - len,
			 "; name another place with -o cache_dir=");
}

int stack_open(struct stack *s, char *reason, size_t size)
{
	int rc = open_parts(s, reason, size);

	if (rc) {
		advise(s, rc, reason, size);
		return rc;
	}
	rc = start_vfs(s);
	if (rc == -EINVAL && s->o->at) {
		snprintf(reason, size,
			 "at=%s is no time, and no named point; want such as "
			 "2026-11-21T12-00-00Z, 2026-11-21 or 2h",
			 s->o->at);
		return rc;
	}
	if (rc) {
		snprintf(reason, size, "cannot start: %s", strerror(-rc));
		return rc;
	}
	warn_of_plain_text(s, s3_store_url(s->layers.s3));
	if (s->replica)
		warn_of_plain_text(s, s3_store_url(replica_s3(s->replica)));
	warn_of_bucket(s);
	warn_of_prefix(s);
	return 0;
}

struct vfs *stack_vfs(struct stack *s)
{
	return s->vfs;
}

const char *stack_cache_path(const struct stack *s)
{
	return s->cache_path;
}

const char *stack_warning(const struct stack *s)
{
	return s->warning[0] ? s->warning : NULL;
}

void stack_reload(struct stack *s)
{
	int rc = s3_store_reload(s->layers.s3);

	if (rc)
		log_error("credentials could not be read again: %s",
			  strerror(-rc));
	else
		log_info("credentials read again");
	if (s->replica)
		replica_reload(s->replica);
}

void stack_set_ending(struct stack *s)
{
	if (s->dir)
		cachedir_set_ending(s->dir);
	/*
	 * What is left is sent by the next mount, if the server is this slow.
	 */
	retry_store_set_mood(s->layers.retry, RETRY_QUICK);
	replica_set_ending(s->replica);
}

/* All is sent that could be: what is still asked for is wanted by nobody. */
static void end_network(struct stack *s)
{
	replica_end(s->replica);
	layers_end(&s->layers);
}

int stack_drain(struct stack *s)
{
	struct cancel *before = cancel_enter(&s->patience);
	int left = vfs_drain(s->vfs);

	cancel_enter(before);
	end_network(s);
	vfs_free(s->vfs);
	s->vfs = NULL;
	if (s->dir)
		cachedir_set_ended(s->dir, left == 0);
	return left;
}

void stack_free(struct stack *s)
{
	if (!s)
		return;
	end_network(s);
	vfs_free(s->vfs);
	/* The last commit of meta makes staged data durable first. */
	meta_close(s->meta);
	if (s->staging)
		staging_close(s->staging);
	if (s->blocks)
		blocks_close(s->blocks);
	space_free(s->space);
	layers_release(&s->layers);
	stand_in_release(&s->stand_in);
	replica_free(s->replica);
	cachedir_close(s->dir);
	free(s->cache_path);
	free(s->identity);
	free(s);
}
