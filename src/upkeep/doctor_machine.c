/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of this machine: keys' file, kernel, cache's disk and limits. */
#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "doctor_gather.h"
#include "vers3/core/mount.h"
#include "vers3/net/uri.h"
#include "vers3/s3/s3.h"
#include "vers3/util/clock.h"
#include "vers3/util/minmax.h"

#define CIFS_MAGIC 0xff534d42
#define CGROUP_MAX 4096

static void gather_url(struct doctor_facts *facts)
{
	const char *bucket = facts->bucket;
	struct caps unused;
	struct uri uri;
	size_t len;
	char *at;

	facts->amazon = caps_known(facts->url, &unused);
	if (uri_split(facts->url, &uri))
		return;
	facts->tls = uri.tls;
	facts->server_is_here = uri_host_is_here(uri.host);
	uri_release(&uri);
	if (facts->amazon)
		return;
	/* https://host/bucket or https://bucket.host */
	snprintf(facts->endpoint, sizeof(facts->endpoint), "%s", facts->url);
	at = strstr(facts->endpoint, "://");
	at = at ? at + 3 : facts->endpoint;
	len = strlen(bucket);
	if (!strncmp(at, bucket, len) && at[len] == '.')
		memmove(at, at + len + 1, strlen(at + len + 1) + 1);
	at = strrchr(facts->endpoint, '/');
	if (at && !strcmp(at + 1, bucket))
		*at = '\0';
}

static int gather_keys(struct mount *mount, struct doctor_facts *facts)
{
	struct s3_identity id = {.file = NULL};
	struct stat st;
	int rc;

	if (!mount->s3)
		return 0;
	rc = s3_store_identity(mount->s3, &id);
	if (rc)
		return rc;
	facts->anonymous = id.anonymous;
	facts->temporary = id.temporary;
	facts->cred_source = id.source;
	facts->cred_until_ns = id.until_ns;
	if (id.file && !stat(id.file, &st)) {
		snprintf(facts->cred_file, sizeof(facts->cred_file), "%s",
			 id.file);
		facts->cred_changed_ns = (int64_t)st.st_mtim.tv_sec * NS_PER_S;
		facts->cred_exposed = st.st_mode & (S_IRGRP | S_IROTH);
	}
	free(id.file);
	return 0;
}

static void gather_disk(struct doctor_facts *facts)
{
	struct statfs st;

	if (!facts->cache_dir || statfs(facts->cache_dir, &st))
		return;
	switch ((unsigned)st.f_type) {
	case TMPFS_MAGIC:
	case RAMFS_MAGIC:
		facts->disk = DISK_MEMORY;
		break;
	case NFS_SUPER_MAGIC:
	case SMB_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
	case CIFS_MAGIC:
		facts->disk = DISK_REMOTE;
		break;
	}
}

/* The number at the beginning of a file; UINT64_MAX: none. */
static uint64_t number_in(const char *path)
{
	FILE *file = fopen(path, "re");
	uint64_t n = UINT64_MAX;

	if (!file)
		return n;
	if (fscanf(file, "%" SCNu64, &n) != 1)
		n = UINT64_MAX;
	fclose(file);
	return n;
}

/* What the control group of this process may have; UINT64_MAX: no limit. */
static uint64_t group_threads(void)
{
	char line[CGROUP_MAX], path[CGROUP_MAX + 64];
	FILE *file = fopen("/proc/self/cgroup", "re");
	uint64_t n = UINT64_MAX;

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "0::", 3) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s/pids.max",
			 line + 3);
		n = number_in(path);
	}
	if (file)
		fclose(file);
	return n;
}

static void gather_limits(struct doctor_facts *facts)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit) &&
	    limit.rlim_cur != RLIM_INFINITY)
		facts->open_files = limit.rlim_cur;
	facts->threads = number_in("/proc/sys/kernel/threads-max");
	facts->threads = min_u64(facts->threads, group_threads());
	/* Root's processes are not counted. */
	if (geteuid() && !getrlimit(RLIMIT_NPROC, &limit))
		facts->threads = min_u64(facts->threads, limit.rlim_cur);
	if (facts->threads == UINT64_MAX)
		facts->threads = 0;
}

static void gather_kernel(const struct mount *mount, struct doctor_facts *facts)
{
	struct utsname name;

	snprintf(facts->kernel, sizeof(facts->kernel), "%s",
		 uname(&name) ? "not known" : name.release);
	if (mount->notify.features)
		mount->notify.features(mount->notify.ctx, facts->fuse,
				       facts->fuse_lacks, sizeof(facts->fuse));
}

int doctor_gather_host(struct mount *mount, struct doctor_facts *facts)
{
	const struct mount_config *config = &mount->config;

	facts->now_ns = clock_real_ns();
	facts->bucket = config->bucket ? config->bucket : "";
	facts->prefix = config->prefix;
	facts->replica = mount->replica ? config->replica_bucket : NULL;
	facts->cache_dir = config->cache_dir ? config->cache_dir : "not known";
	facts->url = mount->s3 ? s3_store_url(mount->s3) : "";
	facts->region = mount->s3 ? s3_store_region(mount->s3) : "";
	facts->read_only = !mount_takes_changes(mount);
	facts->purges = config->versions == MOUNT_VERSIONS_PURGE;
	facts->versioned = config->versioned;
	gather_url(facts);
	gather_kernel(mount, facts);
	gather_disk(facts);
	for (int i = 0; i < WATERMARKS; i++)
		facts->marks[i] = watermark_read(mount, (enum watermark_kind)i);
	gather_limits(facts);
	return gather_keys(mount, facts);
}
