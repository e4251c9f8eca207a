// SPDX-License-Identifier: GPL-2.0-only
#include <linux/binfmts.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/major.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/personality.h>
#include <linux/sched.h>

#include "capability.h"
#include "compat/mount.h"
#include "confine.h"
#include "file.h"
#include "instance.h"
#include "path.h"
#include "policy.h"

/* One use of one file. */
struct vk_access {
	struct vk_name name;
	enum vkernel_operation kind;
	u32 mask; /* VK_MAY_* */
	const struct inode *inode; /* whose owner counts; NULL: the task's own, which it creates */
};

/* Rules mostly say the same of all: who owns it is asked only where they do not. */
static bool vk_owner_matters(const struct vk_dfa *dfa, u32 state)
{
	const struct vk_dfa_state *s = &dfa->states[state];
	const u32 both = VK_MAY_MASK | VK_MAY_MASK << VK_QUIET_SHIFT;

	return ((s->accept ^ s->accept >> VK_OTHER_SHIFT) & VK_MAY_MASK) ||
	       ((s->accept2 ^ s->accept2 >> VK_OTHER_SHIFT) & both);
}

static bool vk_is_owner(const struct vk_access *access, const struct vk_dfa *dfa, u32 state)
{
	if (!access->inode)
		return true;
	return vk_owner_matters(dfa, state) && vk_path_is_owned(&access->name.path, access->inode);
}

static int vk_file_conclude(struct vk_instance *instance, const struct vk_confinement *c,
			    const struct vk_access *access, const struct vk_answer *answer,
			    int error)
{
	struct vk_operation operation = {
		.class = VK_CLASS_FILE,
		.kind = access->kind,
		.requested = access->mask,
		.error = error,
		.name = &access->name,
	};

	return vk_confine(instance, c, &operation, answer);
}

/* What a runtime puts over a masked file: to open it is to get nothing. */
static bool vk_is_cover(const struct vk_access *access)
{
	return (access->kind == VKERNEL_OP_OPEN || access->kind == VKERNEL_OP_RECEIVE) &&
	       access->inode && S_ISCHR(access->inode->i_mode) && access->inode->i_rdev == MKDEV(MEM_MAJOR, 3);
}

static __always_inline int vk_file_ask(struct vk_instance *instance,
				       const struct vk_confinement *c,
				       const struct vk_access *access)
{
	const struct vk_dfa *dfa = vk_confinement_file(c);
	struct vk_answer answer = { .missing = access->mask };
	u32 state, allowed;
	bool owner;
	int err;

	if (!dfa)
		return vk_file_conclude(instance, c, access, &answer, -EACCES);
	state = dfa->start;
	err = vk_path_match(c, dfa, &access->name, &state);
	if (err)
		return vk_file_conclude(instance, c, access, &answer, err);
	owner = vk_is_owner(access, dfa, state);
	allowed = vk_file_allowed(dfa, state, owner);
	if (!(access->mask & ~allowed) && !(c->flags & VK_CONFINE_AUDITS))
		return 0;
	if (vk_file_masked(dfa, state) && vk_is_cover(access))
		return 0;
	answer.missing = access->mask & ~allowed;
	answer.audited = access->mask & vk_file_audited(dfa, state, owner);
	answer.quiet = vk_file_quiet(dfa, state, owner);
	return vk_file_conclude(instance, c, access, &answer, -EACCES);
}

/* What all confinements of the instance's policy say: one policy, whatever replaces it meanwhile. */
static noinline int vk_file_ask_all(struct vk_instance *instance, const struct vk_access *access)
{
	const struct vk_confinement *c;
	const struct vk_policy *policy;
	int err = 0;

	rcu_read_lock();
	policy = vk_instance_policy(instance);
	vk_for_each_ruling(c, policy, VK_CLASS_FILE) {
		err = vk_file_ask(instance, c, access);
		if (err)
			break;
	}
	rcu_read_unlock();
	return err;
}

/*
 * Whether the first name of the path says that everybody may, whatever follows it: there most uses
 * end. Without preemption, which RCU waits for as for its own lock.
 */
static __always_inline bool vk_is_plain(struct vk_instance *instance, const struct vfsmount *mnt,
					const struct dentry *dentry, u32 mask)
{
	const struct vk_image *image;
	const unsigned char *name;
	struct vk_path_seq seq;
	bool plain = false;
	u32 state, allowed;

	rcu_read_lock_sched_notrace();
	seq = vk_path_begin();
	image = READ_ONCE(instance->image);
	name = vk_path_first(mnt, dentry);
	if (!name)
		goto out;
	allowed = image->plain[*name];
	if (mask & ~allowed) {
		state = image->first[*name];
		if (state == VK_DFA_NOMATCH || vk_dfa_run(image->file, &state, name + 1))
			goto out;
		allowed = image->file->states[state].accept;
		allowed &= allowed >> VK_OTHER_SHIFT;
	}
	plain = !(mask & ~allowed) && vk_path_held(seq);
out:
	rcu_read_unlock_sched_notrace();
	return plain;
}

/* The same by all of the path. */
static bool vk_is_permitted(struct vk_instance *instance, const struct vk_access *access)
{
	const struct vk_dfa *dfa;
	bool permitted = false;
	u32 state, accept;

	rcu_read_lock_sched_notrace();
	dfa = READ_ONCE(instance->image)->file;
	if (dfa) {
		state = dfa->start;
		if (vk_path_match_quick(dfa, &access->name.path, access->name.dir, &state)) {
			accept = dfa->states[state].accept;
			permitted = !(access->mask & ~(accept & accept >> VK_OTHER_SHIFT));
		}
	}
	rcu_read_unlock_sched_notrace();
	return permitted;
}

static noinline int vk_file_check(struct vk_instance *instance, const struct vk_access *access)
{
	return vk_is_permitted(instance, access) ? 0 : vk_file_ask_all(instance, access);
}

static bool vk_is_dir(const struct inode *inode)
{
	return S_ISDIR(inode->i_mode);
}

static int vk_open_file_check(struct vk_instance *instance, struct file *file,
			      enum vkernel_operation kind, u32 mask)
{
	const struct path *path = vk_file_path(file);
	struct vk_access access = {
		.name = { .path = *path, .used = true },
		.kind = kind,
		.mask = mask,
		.inode = d_backing_inode(path->dentry),
	};

	if (!mask || !vk_path_is_named(path->dentry))
		return 0;
	access.name.dir = vk_is_dir(access.inode);
	return vk_file_check(instance, &access);
}

/* What is asked of a file by how it is opened. */
static u32 vk_open_mask(const struct file *file)
{
	u32 mask;

	/* FMODE_READ is 1, FMODE_WRITE is 2. */
	BUILD_BUG_ON((__force u32)FMODE_READ << 2 != VK_MAY_READ ||
		     (__force u32)FMODE_WRITE != VK_MAY_WRITE);
	mask = ((__force u32)file->f_mode << 2 & VK_MAY_READ) |
	       ((__force u32)file->f_mode & VK_MAY_WRITE);
	if (unlikely(file->f_flags & O_APPEND) && mask & VK_MAY_WRITE)
		mask ^= VK_MAY_WRITE | VK_MAY_APPEND;
	if (unlikely(file->f_flags & (O_TRUNC | O_CREAT)))
		mask |= VK_MAY_WRITE;
	return mask;
}

/* The most frequent of all: what is plain needs no look at what the file is. */
asmlinkage bool vk_file_is_plain(struct file *file, struct vk_instance *instance)
{
	return vk_is_plain(instance, file->f_path.mnt, file->f_path.dentry, vk_open_mask(file));
}

/* The same of names in directories: to make them, and to take them away. */
asmlinkage bool vk_name_is_plain(const struct path *dir, struct dentry *dentry,
				 struct vk_instance *instance)
{
	return vk_is_plain(instance, dir->mnt, dentry, VK_MAY_WRITE);
}

/* What a file system opens for itself, beneath another one that the container did not mount. */
static bool vk_is_others(const struct vk_instance *instance, const struct file *file)
{
	return (vk_file_is_beneath(file) || vk_path_is_internal(&file->f_path)) &&
	       !vk_capability_is_of(instance, file->f_cred);
}

int vk_file_open(struct file *file, long b, long c, long d, long e, struct vk_instance *instance)
{
	const struct vk_access access = {
		.name = {
			.path = file->f_path,
			.dir = vk_is_dir(file_inode(file)),
			.used = true,
		},
		.kind = VKERNEL_OP_OPEN,
		.mask = vk_open_mask(file),
		.inode = file_inode(file),
	};

	if (!access.mask || vk_file_is_executed(file) || !vk_path_is_named(file->f_path.dentry) ||
	    vk_is_others(instance, file))
		return 0;
	return vk_file_check(instance, &access);
}

int vk_file_lock(struct file *file, unsigned int cmd, long c, long d, long e,
		 struct vk_instance *instance)
{
	u32 mask = VK_MAY_LOCK;

	if (cmd == F_WRLCK)
		mask |= VK_MAY_WRITE;
	return vk_open_file_check(instance, file, VKERNEL_OP_LOCK, mask);
}

/* From whatever container or host it came; AppArmor passes on what nobody confined. */
int vk_file_receive(struct file *file, long b, long c, long d, long e,
		    struct vk_instance *instance)
{
	if (vk_path_is_internal(&file->f_path))
		return 0;
	return vk_open_file_check(instance, file, VKERNEL_OP_RECEIVE, vk_open_mask(file));
}

int vk_file_truncate(struct file *file, long b, long c, long d, long e,
		     struct vk_instance *instance)
{
	return vk_open_file_check(instance, file, VKERNEL_OP_TRUNCATE, VK_MAY_WRITE);
}

static int vk_map_check(struct vk_instance *instance, struct file *file, unsigned long prot)
{
	if (!file || !(prot & PROT_EXEC) || vk_file_is_executed(file))
		return 0;
	return vk_open_file_check(instance, file, VKERNEL_OP_MMAP, VK_MAY_MMAP_EXEC);
}

static bool vk_is_noexec(const struct vfsmount *mnt)
{
	return mnt->mnt_flags & MNT_NOEXEC || mnt->mnt_sb->s_iflags & SB_I_NOEXEC;
}

int vk_mmap_file(struct file *file, unsigned long prot, unsigned long flags, long d, long e,
		 struct vk_instance *instance)
{
	/* Old programs may execute all that they may read, but on mounts where nobody may. */
	if (file && prot & PROT_READ && current->personality & READ_IMPLIES_EXEC &&
	    !vk_is_noexec(file->f_path.mnt))
		prot |= PROT_EXEC;
	return vk_map_check(instance, file, prot);
}

int vk_file_mprotect(struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot, long d,
		     long e, struct vk_instance *instance)
{
	return vk_map_check(instance, vma->vm_file, prot);
}

int vk_bprm_creds_for_exec(struct linux_binprm *bprm, long b, long c, long d, long e,
			   struct vk_instance *instance)
{
	struct vk_access access = {
		.name = { .path = bprm->file->f_path },
		.kind = VKERNEL_OP_EXEC,
		.mask = VK_MAY_EXEC,
		.inode = file_inode(bprm->file),
	};

	return vk_file_ask_all(instance, &access);
}

/* Of a file that is there, by its path. */
static int vk_path_check(struct vk_instance *instance, const struct path *path,
			 enum vkernel_operation kind)
{
	struct vk_access access = {
		.name = { .path = *path, .used = true },
		.kind = kind,
		.mask = VK_MAY_WRITE,
		.inode = d_backing_inode(path->dentry),
	};

	/* A name without a file can not be removed: the kernel says so. */
	if (!access.inode || !vk_path_is_named(path->dentry))
		return 0;
	access.name.dir = vk_is_dir(access.inode);
	return vk_file_check(instance, &access);
}

int vk_path_truncate(const struct path *path, long b, long c, long d, long e,
		     struct vk_instance *instance)
{
	return vk_path_check(instance, path, VKERNEL_OP_TRUNCATE);
}

int vk_path_chmod(const struct path *path, umode_t mode, long c, long d, long e,
		  struct vk_instance *instance)
{
	return vk_path_check(instance, path, VKERNEL_OP_CHMOD);
}

int vk_path_chown(const struct path *path, kuid_t uid, kgid_t gid, long d, long e,
		  struct vk_instance *instance)
{
	return vk_path_check(instance, path, VKERNEL_OP_CHOWN);
}

/* Of a name in a directory, where a file is to be. */
static int vk_create_check(struct vk_instance *instance, const struct path *dir,
			   struct dentry *dentry, enum vkernel_operation kind)
{
	const struct vk_access access = {
		.name = {
			.path = { .mnt = dir->mnt, .dentry = dentry },
			.dir = kind == VKERNEL_OP_MKDIR,
			.used = true,
		},
		.kind = kind,
		.mask = VK_MAY_WRITE,
	};

	return vk_path_is_named(dir->dentry) ? vk_file_check(instance, &access) : 0;
}

int vk_path_mknod(const struct path *dir, struct dentry *dentry, umode_t mode, unsigned int dev,
		  long e, struct vk_instance *instance)
{
	return vk_create_check(instance, dir, dentry, VKERNEL_OP_MKNOD);
}

int vk_path_mkdir(const struct path *dir, struct dentry *dentry, umode_t mode, long d, long e,
		  struct vk_instance *instance)
{
	return vk_create_check(instance, dir, dentry, VKERNEL_OP_MKDIR);
}

int vk_path_symlink(const struct path *dir, struct dentry *dentry, const char *old_name, long d,
		    long e, struct vk_instance *instance)
{
	return vk_create_check(instance, dir, dentry, VKERNEL_OP_SYMLINK);
}

/* Of a name in a directory, whose file is to go. */
static int vk_remove_check(struct vk_instance *instance, const struct path *dir,
			   struct dentry *dentry, enum vkernel_operation kind)
{
	const struct path path = { .mnt = dir->mnt, .dentry = dentry };

	return vk_path_check(instance, &path, kind);
}

int vk_path_unlink(const struct path *dir, struct dentry *dentry, long c, long d, long e,
		   struct vk_instance *instance)
{
	return vk_remove_check(instance, dir, dentry, VKERNEL_OP_UNLINK);
}

int vk_path_rmdir(const struct path *dir, struct dentry *dentry, long c, long d, long e,
		  struct vk_instance *instance)
{
	return vk_remove_check(instance, dir, dentry, VKERNEL_OP_RMDIR);
}

/* @inode: whose owner and kind count, also at a name where it is not yet */
static int vk_rename_check(struct vk_instance *instance, const struct path *dir,
			   struct dentry *dentry, const struct inode *inode, u32 mask)
{
	struct vk_access access = {
		.name = {
			.path = { .mnt = dir->mnt, .dentry = dentry },
			.dir = vk_is_dir(inode),
			.used = true,
		},
		.kind = VKERNEL_OP_RENAME,
		.mask = mask,
		.inode = inode,
	};

	return vk_file_check(instance, &access);
}

int vk_path_rename(const struct path *old_dir, struct dentry *old_dentry,
		   const struct path *new_dir, struct dentry *new_dentry, unsigned int flags,
		   struct vk_instance *instance)
{
	const struct inode *inode = d_backing_inode(old_dentry), *other = d_backing_inode(new_dentry);
	const u32 both = VK_MAY_READ | VK_MAY_WRITE;
	int err = 0;

	if (!vk_path_is_named(old_dentry))
		return 0;
	if (flags & RENAME_EXCHANGE) {
		err = vk_rename_check(instance, new_dir, new_dentry, other, both) ?:
		      vk_rename_check(instance, old_dir, old_dentry, other, VK_MAY_WRITE);
	}
	return err ?: vk_rename_check(instance, old_dir, old_dentry, inode, both) ?:
		      vk_rename_check(instance, new_dir, new_dentry, inode, VK_MAY_WRITE);
}
