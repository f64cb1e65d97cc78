// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which cgroup is the VM's: the one whose weight and cap the whole VM has.
 *
 * libvirt and systemd put each VM into a unit of its own, and may split the
 * unit further (libvirt: .../emulator and .../vcpuN inside the scope).  So it
 * is the nearest ancestor of the process's cgroup that is called like a unit,
 * and if there is none, the domain cgroup that the process is in.
 */
#include <linux/cgroup.h>
#include <linux/limits.h>
#include <linux/pid.h>
#include <linux/string.h>

#include "compat.h"
#include "trace.h"
#include "vm.h"

static bool ends_with(const char *name, const char *suffix)
{
	size_t len = strlen(name), end = strlen(suffix);

	return len > end && !strcmp(name + len - end, suffix);
}

static bool is_unit(const struct cgroup *cgrp)
{
	const char *name = vmgang_kernfs_name(cgrp->kn);

	return name && (ends_with(name, ".scope") || ends_with(name, ".service"));
}

/* The caller is inside an RCU read-side critical section. */
static struct cgroup *vm_cgroup(struct task_struct *leader)
{
	struct cgroup *own = task_dfl_cgroup(leader), *cgrp;

	for (cgrp = own; cgrp; cgrp = cgroup_parent(cgrp)) {
		if (is_unit(cgrp))
			return cgrp;
	}
	return own->dom_cgrp;
}

/* Finds the VM's cgroup anew, and says so if it has changed. */
void vmgang_cgroup_resolve(struct vmgang_vm *vm)
{
	struct task_struct *leader = get_pid_task(vm->tgid, PIDTYPE_TGID);
	u64 id, former;

	if (!leader)
		return;
	scoped_guard(rcu)
		id = cgroup_id(vm_cgroup(leader));
	put_task_struct(leader);
	former = xchg(&vm->cgroup_id, id);
	if (former && former != id)
		trace_policy_change(vm->slot, vm->pid, vm->id);
}

/* @task, or the process that it leads, is in another cgroup now. */
void vmgang_cgroup_moved(struct task_struct *task)
{
	struct vmgang_vm *vm;

	if (!vmgang_vm_count())
		return;
	guard(raw_spinlock_irqsave)(&vmgang_lock);
	list_for_each_entry(vm, &vmgang_vms, link) {
		if (vm->pid == task_tgid_nr(task))
			vmgang_vm_kick(vm);
	}
}

/* Its path in the v2 hierarchy; empty if the process is gone. */
ssize_t vmgang_cgroup_path(struct vmgang_vm *vm, char *buf, size_t size)
{
	struct task_struct *leader = get_pid_task(vm->tgid, PIDTYPE_TGID);
	int ret;

	buf[0] = '\0';
	if (!leader)
		return 0;
	scoped_guard(rcu)
		ret = cgroup_path(vm_cgroup(leader), buf, size);
	put_task_struct(leader);
	return ret;
}
