/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every room needs of the mount: keys and names in it, the server's time,
 * what the kernel is told.
 */
#include "vers3/core/mount.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/core/bucket_config.h"
#include "vers3/core/node.h"
#include "vers3/core/pins.h"
#include "vers3/core/texts.h"
#include "vers3/s3/s3.h"
#include "vers3/store/metrics.h"
#include "vers3/store/standby.h"
#include "vers3/util/clock.h"

#define CLOCK_SLACK_NS (2 * NS_PER_S)
/* A mount begins with clocks that agree: this is no clock's running off. */
#define CLOCK_SKEW_MAX_NS (24 * 3600 * NS_PER_S)

static void set_names(struct mount_config *c)
{
	if (!c->versions_name)
		c->versions_name = MOUNT_VERSIONS_NAME;
	if (!c->control_name)
		c->control_name = MOUNT_CONTROL_NAME;
	if (!*c->versions_name)
		c->versions = MOUNT_VERSIONS_OFF;
}

int mount_new(const struct mount_config *config,
	      const struct mount_parts *parts, struct mount **ret_mount)
{
	struct mount *mount = calloc(1, sizeof(*mount));
	int rc;

	if (!mount)
		return -ENOMEM;
	mount->config = *config;
	set_names(&mount->config);
	mount->began_ns = clock_real_ns();
	mount->meta = parts->meta;
	mount->blocks = parts->blocks;
	mount->staging = parts->staging;
	mount->space = parts->space;
	mount->store = parts->store;
	mount->metrics = parts->metrics;
	mount->s3 = parts->s3;
	mount->replica = parts->replica;
	mount->replica_metrics = parts->replica_metrics;
	mount->replica_s3 = parts->replica_s3;
	mount->failover = parts->failover;
	mount->standby = parts->standby;
	mount->journal = parts->journal;
	rc = nodes_new(&mount->nodes);
	if (!rc)
		rc = pins_new(&mount->pins);
	if (!rc)
		rc = bucket_config_new(mount->store, mount->config.ttl_ns,
				       &mount->bucket);
	if (!rc)
		rc = texts_new(&mount->texts);
	if (rc) {
		mount_free(mount);
		return rc;
	}
	*ret_mount = mount;
	return 0;
}

void mount_free(struct mount *mount)
{
	if (!mount)
		return;
	nodes_free(mount->nodes);
	pins_free(mount->pins);
	bucket_config_free(mount->bucket);
	texts_free(mount->texts);
	free(mount);
}

void mount_inval_inode(struct mount *mount, uint64_t ino)
{
	if (mount->notify.inval_inode)
		mount->notify.inval_inode(mount->notify.ctx, ino);
}

void mount_inval_entry(struct mount *mount, uint64_t parent, const char *name)
{
	if (mount->notify.inval_entry)
		mount->notify.inval_entry(mount->notify.ctx, parent, name);
}

bool mount_is_own_name(const struct mount *mount, const char *name)
{
	return !strcmp(name, MOUNT_OWN_NAME) ||
	       mount_is_versions_name(mount, name);
}

static bool utf8_ok(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	while (*p) {
		unsigned n = *p < 0x80			 ? 0
			     : (*p >= 0xc2 && *p < 0xe0) ? 1
			     : (*p & 0xf0) == 0xe0	 ? 2
			     : (*p >= 0xf0 && *p < 0xf5) ? 3
							 : 9;
		unsigned char lead = *p++;

		if (n == 9)
			return false;
		for (unsigned i = 0; i < n; i++, p++) {
			if ((*p & 0xc0) != 0x80)
				return false;
			if (i == 0 && ((lead == 0xe0 && *p < 0xa0) ||
				       (lead == 0xed && *p > 0x9f) ||
				       (lead == 0xf0 && *p < 0x90) ||
				       (lead == 0xf4 && *p > 0x8f)))
				return false;
		}
	}
	return true;
}

bool mount_name_ok(const struct mount *mount, const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > META_NAME_MAX || strchr(name, '/'))
		return false;
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	if (mount && (mount_is_control_name(mount, name) ||
		      mount_is_own_name(mount, name)))
		return false;
	return utf8_ok(name);
}

void mount_inval_flush(struct mount *mount)
{
	if (mount->notify.flush)
		mount->notify.flush(mount->notify.ctx);
}

bool mount_takes_changes(const struct mount *mount)
{
	return !mount->config.read_only &&
	       !(mount->notify.read_only &&
		 mount->notify.read_only(mount->notify.ctx));
}

bool mount_is_versions_name(const struct mount *mount, const char *name)
{
	return *name && !strcmp(name, mount->config.versions_name);
}

bool mount_is_control_name(const struct mount *mount, const char *name)
{
	return *name && !strcmp(name, mount->config.control_name);
}

bool mount_is_history(const struct mount *mount, const char *path)
{
	char name[META_NAME_MAX + 1];
	size_t len = strcspn(path, "/");

	if (!path[len] || len > META_NAME_MAX)
		return false;
	memcpy(name, path, len);
	name[len] = '\0';
	return mount_is_own_name(mount, name);
}

int mount_key(const struct mount *mount, const char *path, char *buf)
{
	size_t head = strlen(mount->config.prefix), len = strlen(path);

	if (head + len > META_KEY_MAX)
		return -ENAMETOOLONG;
	memcpy(buf, mount->config.prefix, head);
	memcpy(buf + head, path, len + 1);
	return 0;
}

int mount_url(const struct mount *mount, const char *path,
	      const char *version_id, struct buf *url)
{
	bool one = version_id && *version_id;
	char key[META_KEY_MAX + 1];
	int rc = mount->s3 && *path ? mount_key(mount, path, key) : -ENODATA;

	return rc ? rc
		  : s3_store_object_url(mount->s3, key, one ? version_id : NULL,
					url);
}

int mount_child_path(const char *dir, const char *name, char *buf)
{
	size_t dir_len = strlen(dir), len = strlen(name);
	size_t head = dir_len ? dir_len + 1 : 0;

	if (head + len > META_KEY_MAX)
		return -ENAMETOOLONG;
	if (dir_len) {
		memcpy(buf, dir, dir_len);
		buf[dir_len] = '/';
	}
	memcpy(buf + head, name, len + 1);
	return 0;
}

int64_t mount_server_now_ns(struct mount *mount)
{
	struct metrics_snapshot m = {.clock_skew_ns = 0};

	if (mount->metrics)
		metrics_store_read(mount->metrics, &m);
	if (llabs(m.clock_skew_ns) < CLOCK_SLACK_NS ||
	    llabs(m.clock_skew_ns) > CLOCK_SKEW_MAX_NS)
		return clock_real_ns();
	return clock_real_ns() + m.clock_skew_ns;
}

bool mount_replica_stands_in(const struct mount *mount)
{
	return mount->standby && standby_store_is_on(mount->standby);
}

bool mount_source_is_elsewhere(const struct mount *mount, int rc)
{
	/* A server may call another one's id of a version malformed. */
	return mount->standby && (rc == -ENOENT || rc == -EINVAL);
}
