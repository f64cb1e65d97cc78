// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/vmgang: one value per file, units in names.  What each file
 * means is in Documentation/ABI/testing/sysfs-kernel-vmgang.
 */
#include <linux/ctype.h>
#include <linux/pid.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <uapi/linux/sched.h>

#include "version.h"
#include "vm.h"

/* Directories and files of one vCPU. */
#define VCPU_FILES	19

/* What a vCPU costs in all, its files in sysfs included: at most 4 KB. */
static_assert(sizeof(struct vmgang_vcpu) + sizeof(struct vmgang_thread) +
	      (1 + VCPU_FILES) * (sizeof(struct kernfs_node) + 32) <= 4096 ||
	      IS_ENABLED(CONFIG_DEBUG_LOCK_ALLOC));

static const char * const state_names[] = {
	[VMGANG_RUN] = "run",
	[VMGANG_READY] = "ready",
	[VMGANG_COSTOP] = "costop",
	[VMGANG_WAIT] = "wait",
};

static struct kobject *root;
static struct kset *vms;

#define FILE_RO(_prefix, _name)						\
static struct kobj_attribute _prefix##_##_name =			\
	__ATTR(_name, 0444, _prefix##_##_name##_show, NULL)
#define FILE_RW(_prefix, _name)						\
static struct kobj_attribute _prefix##_##_name =			\
	__ATTR(_name, 0644, _prefix##_##_name##_show, _prefix##_##_name##_store)

/* vmgang/ */

static ssize_t root_version_show(struct kobject *kobj,
				 struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", VMGANG_VERSION);
}
FILE_RO(root, version);

static ssize_t root_state_show(struct kobject *kobj,
			       struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  vmgang_class_attached() ? "class" : "observe");
}
FILE_RO(root, state);

static ssize_t root_nr_vms_show(struct kobject *kobj,
				struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", vmgang_vm_count());
}
FILE_RO(root, nr_vms);

static struct attribute *root_attrs[] = {
	&root_version.attr, &root_state.attr, &root_nr_vms.attr, NULL
};
static const struct attribute_group root_group = { .attrs = root_attrs };
static const struct attribute_group *root_groups[] = {
	&root_group, &vmgang_policy_values_group, NULL
};

/* vmgang/vms/<pid>/ */

static ssize_t vm_id_show(struct kobject *kobj, struct kobj_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%llu\n", vmgang_vm_of(kobj)->id);
}
FILE_RO(vm, id);

static ssize_t vm_slot_show(struct kobject *kobj, struct kobj_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%u\n", vmgang_vm_of(kobj)->slot);
}
FILE_RO(vm, slot);

static ssize_t vm_pid_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%d\n", vmgang_vm_of(kobj)->pid);
}
FILE_RO(vm, pid);

static ssize_t vm_cgroup_show(struct kobject *kobj,
			      struct kobj_attribute *attr, char *buf)
{
	ssize_t len = vmgang_cgroup_path(vmgang_vm_of(kobj), buf, PAGE_SIZE - 1);

	if (len < 0)
		return len;
	vmgang_cgroup_resolve(vmgang_vm_of(kobj));
	buf[len++] = '\n';
	return len;
}
FILE_RO(vm, cgroup);

static ssize_t vm_nr_vcpus_show(struct kobject *kobj,
				struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(vmgang_vm_of(kobj)->nr_vcpus));
}
FILE_RO(vm, nr_vcpus);

static ssize_t vm_name_show(struct kobject *kobj, struct kobj_attribute *attr,
			    char *buf)
{
	struct vmgang_vm *vm = vmgang_vm_of(kobj);
	char name[VMGANG_NAME_MAX + 1];

	scoped_guard(raw_spinlock_irqsave, &vm->lock)
		strscpy(name, vm->name);
	return sysfs_emit(buf, "%s\n", name);
}

/* A label: one line of printable text, or nothing. */
static ssize_t vm_name_store(struct kobject *kobj, struct kobj_attribute *attr,
			     const char *buf, size_t count)
{
	struct vmgang_vm *vm = vmgang_vm_of(kobj);
	size_t len = count, i;

	if (len && buf[len - 1] == '\n')
		len--;
	if (len > VMGANG_NAME_MAX)
		return -EINVAL;
	for (i = 0; i < len; i++) {
		if (iscntrl(buf[i]))
			return -EINVAL;
	}
	guard(raw_spinlock_irqsave)(&vm->lock);
	memcpy(vm->name, buf, len);
	vm->name[len] = '\0';
	return count;
}
FILE_RW(vm, name);

static struct attribute *vm_attrs[] = {
	&vm_id.attr, &vm_slot.attr, &vm_pid.attr, &vm_cgroup.attr,
	&vm_nr_vcpus.attr, &vm_name.attr, NULL
};
static const struct attribute_group vm_group = { .attrs = vm_attrs };

/* vmgang/vms/<pid>/stats/ and vmgang/vms/<pid>/vcpus/<n>/ */

struct sums_file {
	struct kobj_attribute attr;
	unsigned int offset;
	unsigned int divisor;
};

static u64 sums_value(struct kobj_attribute *attr,
		      const struct vmgang_sums *sums)
{
	struct sums_file *file = container_of(attr, struct sums_file, attr);

	return *(const u64 *)((const char *)sums + file->offset) /
	       file->divisor;
}

static ssize_t vm_sums_show(struct kobject *kobj, struct kobj_attribute *attr,
			    char *buf)
{
	struct vmgang_vm *vm = vmgang_vm_of(kobj);
	struct vmgang_sums sums;

	scoped_guard(raw_spinlock_irqsave, &vm->lock)
		vmgang_vm_sum(vm, &sums);
	return sysfs_emit(buf, "%llu\n", sums_value(attr, &sums));
}

static struct vmgang_vcpu *to_vcpu(struct kobject *kobj)
{
	return container_of(kobj, struct vmgang_vcpu, kobj);
}

static ssize_t vcpu_sums_show(struct kobject *kobj,
			      struct kobj_attribute *attr, char *buf)
{
	struct vmgang_vcpu *vcpu = to_vcpu(kobj);
	struct vmgang_sums sums;

	scoped_guard(raw_spinlock_irqsave, &vcpu->vm->lock) {
		vmgang_vm_clock(vcpu->vm);
		if (!list_empty(&vcpu->account.link))
			vmgang_vcpu_settle(vcpu);
		sums = vcpu->account.sums;
	}
	return sysfs_emit(buf, "%llu\n", sums_value(attr, &sums));
}

#define SUMS_FILE(_prefix, _name, _member, _divisor)			\
static struct sums_file _prefix##_##_name = {				\
	.attr = __ATTR(_name, 0444, _prefix##_sums_show, NULL),		\
	.offset = offsetof(struct vmgang_sums, _member),		\
	.divisor = _divisor,						\
}
#define SUMS_FILES(_prefix)						\
SUMS_FILE(_prefix, run_us, ns[VMGANG_RUN], NSEC_PER_USEC);		\
SUMS_FILE(_prefix, ready_us, ns[VMGANG_READY], NSEC_PER_USEC);		\
SUMS_FILE(_prefix, costop_us, ns[VMGANG_COSTOP], NSEC_PER_USEC);	\
SUMS_FILE(_prefix, wait_us, ns[VMGANG_WAIT], NSEC_PER_USEC);		\
SUMS_FILE(_prefix, corun_us, corun_ns, NSEC_PER_USEC);			\
SUMS_FILE(_prefix, preemptions, preemptions, 1);			\
SUMS_FILE(_prefix, preemptions_in_kernel, preemptions_in_kernel, 1);	\
SUMS_FILE(_prefix, preemptions_in_lock, preemptions_in_lock, 1);	\
SUMS_FILE(_prefix, spin_exits, spin_exits, 1);				\
SUMS_FILE(_prefix, spin_verdicts, spin_verdicts, 1);			\
SUMS_FILE(_prefix, directed_yields, directed_yields, 1);		\
SUMS_FILE(_prefix, guard_extensions, guard_extensions, 1);		\
SUMS_FILE(_prefix, guard_expiries, guard_expiries, 1);			\
SUMS_FILE(_prefix, guard_asks, guard_asks, 1);				\
SUMS_FILE(_prefix, guarded_us, guarded_ns, NSEC_PER_USEC)
#define SUMS_ATTRS(_prefix)						\
	&_prefix##_run_us.attr.attr, &_prefix##_ready_us.attr.attr,	\
	&_prefix##_costop_us.attr.attr, &_prefix##_wait_us.attr.attr,	\
	&_prefix##_corun_us.attr.attr, &_prefix##_preemptions.attr.attr, \
	&_prefix##_preemptions_in_kernel.attr.attr,			\
	&_prefix##_preemptions_in_lock.attr.attr,			\
	&_prefix##_spin_exits.attr.attr,				\
	&_prefix##_spin_verdicts.attr.attr,				\
	&_prefix##_directed_yields.attr.attr,				\
	&_prefix##_guard_extensions.attr.attr,				\
	&_prefix##_guard_expiries.attr.attr,				\
	&_prefix##_guard_asks.attr.attr,				\
	&_prefix##_guarded_us.attr.attr

SUMS_FILES(vm);

static ssize_t stats_skew_max_us_show(struct kobject *kobj,
				      struct kobj_attribute *attr, char *buf)
{
	struct vmgang_vm *vm = vmgang_vm_of(kobj);
	struct vmgang_sums sums;
	u64 ns;

	scoped_guard(raw_spinlock_irqsave, &vm->lock) {
		vmgang_vm_sum(vm, &sums);
		ns = vm->account.skew_max_ns;
	}
	return sysfs_emit(buf, "%llu\n", ns / NSEC_PER_USEC);
}
FILE_RO(stats, skew_max_us);

#define STATS_FILE(_name, _member, _divisor)				\
static ssize_t stats_##_name##_show(struct kobject *kobj,		\
				    struct kobj_attribute *attr, char *buf) \
{									\
	return sysfs_emit(buf, "%llu\n",				\
			  READ_ONCE(vmgang_vm_of(kobj)->_member) / (_divisor)); \
}									\
FILE_RO(stats, _name)

STATS_FILE(gang_starts, gang_starts, 1);
STATS_FILE(gang_stops, gang_stops, 1);
STATS_FILE(guard_max_us, guard_max_ns, NSEC_PER_USEC);
STATS_FILE(frag_us, frag_ns, NSEC_PER_USEC);

static struct attribute *stats_attrs[] = {
	SUMS_ATTRS(vm), &stats_skew_max_us.attr, &stats_gang_starts.attr,
	&stats_gang_stops.attr, &stats_guard_max_us.attr, &stats_frag_us.attr, NULL
};
static const struct attribute_group stats_group = {
	.name = "stats", .attrs = stats_attrs
};

static const struct attribute_group *vm_groups[] = {
	&vm_group, &vmgang_policy_group, &stats_group, &vmgang_reserve_group, NULL
};

/* The thread that runs the vCPU, with a reference, or NULL. */
static struct task_struct *vcpu_task(struct vmgang_vcpu *vcpu)
{
	guard(raw_spinlock_irqsave)(&vcpu->vm->lock);
	return vcpu->thread ? get_task_struct(vcpu->thread->task) : NULL;
}

static ssize_t vcpu_tid_show(struct kobject *kobj, struct kobj_attribute *attr,
			     char *buf)
{
	struct task_struct *task = vcpu_task(to_vcpu(kobj));
	pid_t tid = 0;

	if (task) {
		tid = task_pid_nr(task);
		put_task_struct(task);
	}
	return sysfs_emit(buf, "%d\n", tid);
}
FILE_RO(vcpu, tid);

static ssize_t vcpu_state_show(struct kobject *kobj,
			       struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  state_names[READ_ONCE(to_vcpu(kobj)->account.state)]);
}
FILE_RO(vcpu, state);

static const char *policy_name(unsigned int policy)
{
	switch (policy) {
	case SCHED_BATCH:
		return "batch";
	case SCHED_IDLE:
		return "idle";
	case SCHED_FIFO:
		return "fifo";
	case SCHED_RR:
		return "rr";
	case SCHED_DEADLINE:
		return "deadline";
	case SCHED_EXT:
		return "ext";
	default:
		return "normal";
	}
}

static ssize_t vcpu_sched_policy_show(struct kobject *kobj,
				      struct kobj_attribute *attr, char *buf)
{
	struct task_struct *task = vcpu_task(to_vcpu(kobj));
	unsigned int policy = SCHED_NORMAL;

	if (task) {
		policy = READ_ONCE(task->policy);
		put_task_struct(task);
	}
	return sysfs_emit(buf, "%s\n", policy_name(policy));
}
FILE_RO(vcpu, sched_policy);

static ssize_t vcpu_hint_us_show(struct kobject *kobj,
				 struct kobj_attribute *attr, char *buf)
{
	struct vmgang_vcpu *vcpu = to_vcpu(kobj);
	u32 hold_us;

	scoped_guard(raw_spinlock_irqsave, &vcpu->vm->lock) {
		vmgang_vm_clock(vcpu->vm);
		hold_us = vmgang_hint_hold_us(&vcpu->hint,
					      vcpu->vm->account.now);
	}
	return sysfs_emit(buf, "%u\n", hold_us);
}
FILE_RO(vcpu, hint_us);

SUMS_FILES(vcpu);

static struct attribute *vcpu_attrs[] = {
	&vcpu_tid.attr, &vcpu_state.attr, &vcpu_sched_policy.attr,
	&vcpu_hint_us.attr, SUMS_ATTRS(vcpu), NULL
};
static_assert(ARRAY_SIZE(vcpu_attrs) == VCPU_FILES + 1);
ATTRIBUTE_GROUPS(vcpu);

/* Objects */

static void vm_release(struct kobject *kobj)
{
	vmgang_vm_release(vmgang_vm_of(kobj));
}

static const struct kobj_type vm_type = {
	.release = vm_release,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = vm_groups,
};

static void vcpu_release(struct kobject *kobj)
{
	vmgang_vcpu_release(to_vcpu(kobj));
}

static const struct kobj_type vcpu_type = {
	.release = vcpu_release,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = vcpu_groups,
};

static const char *uevent_subsystem(const struct kobject *kobj)
{
	return "vmgang";
}

static int uevent_env(const struct kobject *kobj, struct kobj_uevent_env *env)
{
	const struct vmgang_vm *vm = container_of(kobj, struct vmgang_vm, kobj);

	return add_uevent_var(env, "VMGANG_PID=%d", vm->pid);
}

static const struct kset_uevent_ops uevent_ops = {
	.name = uevent_subsystem,
	.uevent = uevent_env,
};

void vmgang_sysfs_init_vm(struct vmgang_vm *vm)
{
	kobject_init(&vm->kobj, &vm_type);
}

void vmgang_sysfs_init_vcpu(struct vmgang_vcpu *vcpu)
{
	kobject_init(&vcpu->kobj, &vcpu_type);
}

int vmgang_sysfs_add_vm(struct vmgang_vm *vm)
{
	int ret;

	vm->kobj.kset = vms;
	if (vm->instance)
		ret = kobject_add(&vm->kobj, NULL, "%d-%u", vm->pid,
				  vm->instance);
	else
		ret = kobject_add(&vm->kobj, NULL, "%d", vm->pid);
	if (ret)
		return ret;
	vm->vcpus_kobj = kobject_create_and_add("vcpus", &vm->kobj);
	if (!vm->vcpus_kobj) {
		kobject_del(&vm->kobj);
		return -ENOMEM;
	}
	return 0;
}

/* All that user space expects is there now. */
void vmgang_sysfs_announce_vm(struct vmgang_vm *vm)
{
	kobject_uevent(&vm->kobj, KOBJ_ADD);
}

void vmgang_sysfs_del_vm(struct vmgang_vm *vm)
{
	kobject_del(vm->vcpus_kobj);
	kobject_put(vm->vcpus_kobj);
	kobject_uevent(&vm->kobj, KOBJ_REMOVE);
	kobject_del(&vm->kobj);
}

int vmgang_sysfs_add_vcpu(struct vmgang_vcpu *vcpu)
{
	return kobject_add(&vcpu->kobj, vcpu->vm->vcpus_kobj, "%u",
			   vcpu->index);
}

/*
 * Waits for readers of its files.  A vCPU may have left before it was ever
 * shown.
 */
void vmgang_sysfs_del_vcpu(struct vmgang_vcpu *vcpu)
{
	if (vcpu->kobj.state_in_sysfs)
		kobject_del(&vcpu->kobj);
}

void vmgang_sysfs_notify_state(void)
{
	sysfs_notify(root, NULL, "state");
}

int vmgang_sysfs_init(void)
{
	int ret;

	root = kobject_create_and_add("vmgang", kernel_kobj);
	if (!root)
		return -ENOMEM;
	ret = sysfs_create_groups(root, root_groups);
	if (ret)
		goto err;
	vms = kset_create_and_add("vms", &uevent_ops, root);
	if (!vms) {
		ret = -ENOMEM;
		goto err;
	}
	return 0;
err:
	kobject_put(root);
	return ret;
}

void vmgang_sysfs_uninit(void)
{
	kset_unregister(vms);
	sysfs_remove_groups(root, root_groups);
	kobject_put(root);
}
