/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The power goes: the disk under the cache stops at a random moment, without
 * writing what was on its way, and comes back as it was. What the next mount
 * brings to the bucket must be one moment of each worker's directory, with
 * all that fsync had promised (`-o fsync=local`) or that had ended GRACE_NS
 * before; no file is torn, and no zeros stand where nobody wrote them.
 *
 * The machine stays up, so each time the kernel's boot id is covered by
 * another one: what tells a loss of power from a kill.
 *
 * Needs root and a loop device; ext4 and XFS in turn, where mkfs is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rig.h"
#include "vers3/util/clock.h"

#define GRACE_NS (100 * NS_PER_MS)
/* XFS_IOC_GOINGDOWN of linux/xfs_fs.h; ext4 takes the same. */
#define GOING_DOWN   _IOR('X', 125, uint32_t)
#define GOING_NO_LOG 2
#define DISK_BYTES   "1G"

struct disk {
	const char *type;
	char image[256], mnt[256];
	bool mounted;
};

static int disk_mount(struct disk *d)
{
	if (rig_shell("mount -o loop '%s' '%s'", d->image, d->mnt))
		return -EIO;
	d->mounted = true;
	return 0;
}

static void disk_unmount(struct disk *d)
{
	for (int i = 0; d->mounted && i < 50; i++) {
		if (!rig_shell("umount '%s' 2>/dev/null", d->mnt))
			d->mounted = false;
		else
			rig_sleep_ms(100);
	}
}

static int disk_make(struct rig *r, struct disk *d)
{
	snprintf(d->image, sizeof(d->image), "%s/image", r->work);
	snprintf(d->mnt, sizeof(d->mnt), "%s/disk", r->work);
	mkdir(d->mnt, 0755);
	if (rig_shell("truncate -s 0 '%s' && truncate -s " DISK_BYTES
		      " '%s' && mkfs.%s -q '%s' >/dev/null",
		      d->image, d->image, d->type, d->image))
		return -EIO;
	snprintf(r->cache, sizeof(r->cache), "%.180s/cache", d->mnt);
	return disk_mount(d);
}

/* From here on the disk takes nothing more. */
static int disk_stop(struct disk *d)
{
	uint32_t how = GOING_NO_LOG;
	int fd = open(d->mnt, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || ioctl(fd, GOING_DOWN, &how) ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

/*
 * Of what is mounted elsewhere: a copy here would keep a file system alive
 * whose unmounting somebody waits for there.
 */
static bool leave_others(void)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	bool found = false;

	while (f && (m = getmntent(f)))
		if (!strcmp(m->mnt_type, "fuse.vers3") &&
		    !umount2(m->mnt_dir, MNT_DETACH))
			found = true;
	if (f)
		endmntent(f);
	return found;
}

/* From here on this is another boot, for this process and its children. */
static int boot_again(struct rig *r)
{
	static bool covered;
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/boot_id", r->work);
	f = fopen(path, "we");
	if (!f ||
	    fprintf(f, "powerloss-%016llx\n",
		    (unsigned long long)model_random(&r->models[0],
						     UINT64_MAX)) < 0 ||
	    fclose(f))
		return -EIO;
	if (covered)
		return 0;
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(path, "/proc/sys/kernel/random/boot_id", NULL, MS_BIND, NULL))
		return -errno;
	covered = true;
	/* Reading on where something went leaves some out. */
	while (leave_others())
		;
	return 0;
}

static int lose_power(struct rig *r, struct disk *d)
{
	int64_t stopped_ns, grace_ns;
	int rc;

	rig_sleep_ms(200 + model_random(&r->models[0], 1500));
	grace_ns = GRACE_NS + 2 * rig_slack_ns(r);
	stopped_ns = clock_mono_ns();
	rc = disk_stop(d);
	if (rc)
		fprintf(stderr, "the disk cannot be stopped: %s\n",
			strerror(-rc));
	rig_sleep_ms(model_random(&r->models[0], 100));
	rig_end(&r->live);
	rig_stop(r);
	rig_detach(&r->live);
	for (unsigned i = 0; i < RIG_WORKERS; i++)
		model_certify(&r->models[i], stopped_ns, grace_ns);
	disk_unmount(d);
	if (!rc)
		rc = disk_mount(d);
	if (!rc)
		rc = boot_again(r);
	return rc ? rc : rig_check_workers(r, true);
}

static int one_round(struct rig *r, struct disk *d)
{
	static const char *const options[] = {
		"fsync=local,commit=30",
		"fsync=local,commit=1",
		"fsync=local,commit=0",
	};
	const char *o = options[model_random(&r->models[0], 3)];
	int rc = rig_mount(r, &r->live, NULL, r->cache, o);

	if (!rc && !r->models[0].state_count)
		rc = rig_begin(r);
	if (!rc)
		rc = rig_start(r, 0);
	if (!rc)
		rc = lose_power(r, d);
	if (!rc)
		rc = rig_mount(r, &r->live, NULL, r->cache, o);
	if (!rc)
		rc = rig_unmount(&r->live);
	if (!rc)
		rc = rig_verify(r);
	if (rc)
		fprintf(stderr, "on %s with %s\n", d->type, o);
	return rc;
}

int main(int argc, char **argv)
{
	struct disk disks[] = {{.type = "ext4"}, {.type = "xfs"}};
	struct rig r;
	unsigned i = 0;
	int rc = 0;

	rig_init(&r, argc, argv, 8);
	if (geteuid() != 0 || access("/dev/loop-control", R_OK)) {
		printf("SKIP: needs root and loop devices\n");
		return RIG_SKIP;
	}
	/* In a mount namespace of its own, before anything is mounted. */
	rc = boot_again(&r);
	for (unsigned k = 0; !rc && k < 2; k++) {
		struct disk *d = &disks[k];

		if (disk_make(&r, d)) {
			printf("no %s here\n", d->type);
			continue;
		}
		for (unsigned n = 0; !rc && n < (r.options.rounds + 1) / 2;
		     n++, i++)
			rc = one_round(&r, d);
		disk_unmount(d);
	}
	rc = rig_verdict(&r, rc, i);
	rig_release(&r);
	for (unsigned k = 0; k < 2; k++)
		disk_unmount(&disks[k]);
	return rc;
}
