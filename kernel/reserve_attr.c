// SPDX-License-Identifier: GPL-2.0-only
/*
 * How it is decided what a VM's vCPUs may reserve (policy/reserve_period_us,
 * policy/reserve_slice_us, policy/extratime), and what sysfs says of that
 * (reserve/).
 *
 * The class knows what is booked on which pCPU, so it decides.  It hears of a
 * change by the tracepoint policy_change and answers by
 * vmgang_bpf_report_reserve() before that returns; so nobody waits.  If it
 * refuses, it has gone back to what it was, and so do we.  Without a class
 * everything is accepted: it is booked when the class comes, as far as it fits.
 */
#include <linux/errno.h>
#include <linux/mutex.h>
#include <linux/sysfs.h>

#include "trace.h"
#include "vm.h"

/* One change at a time, so that an answer belongs to its question. */
static DEFINE_MUTEX(reserve_lock);

/* Change @knob, one of the three, if the class agrees. */
int vmgang_reserve_change(struct vmgang_vm *vm, u32 *knob, u32 value)
{
	u32 former;

	guard(mutex)(&reserve_lock);
	if (vm->reserve_period_us && knob == &vm->reserve_slice_us &&
	    value > vm->reserve_period_us)
		return -ERANGE;
	if (knob == &vm->reserve_period_us && value &&
	    value < vm->reserve_slice_us)
		return -ERANGE;
	former = *knob;
	if (former == value)
		return 0;
	WRITE_ONCE(vm->reserve_refused, false);
	WRITE_ONCE(*knob, value);
	trace_policy_change(vm->slot, vm->pid, vm->id);
	if (!READ_ONCE(vm->reserve_refused))
		return 0;
	WRITE_ONCE(*knob, former);
	return -ENOSPC;
}

/* vmgang/vms/<pid>/reserve/: what the class said last */

#define ANSWER_FILE(_file, _member)					\
static ssize_t _file##_show(struct kobject *kobj,			\
			    struct kobj_attribute *attr, char *buf)	\
{									\
	return sysfs_emit(buf, "%u\n",					\
		READ_ONCE(vmgang_vm_of(kobj)->reserve_answer._member));	\
}									\
static struct kobj_attribute answer_##_file = __ATTR_RO(_file)

ANSWER_FILE(booked_vcpus, vcpus);
ANSWER_FILE(cell_capacity_ppm, capacity_ppm);
ANSWER_FILE(cell_booked_ppm, booked_ppm);
ANSWER_FILE(cell_free_max_ppm, free_ppm);

static ssize_t misses_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%llu\n",
			  READ_ONCE(vmgang_vm_of(kobj)->reserve_misses));
}
static struct kobj_attribute answer_misses = __ATTR_RO(misses);

static struct attribute *answer_attrs[] = {
	&answer_booked_vcpus.attr, &answer_cell_capacity_ppm.attr,
	&answer_cell_booked_ppm.attr, &answer_cell_free_max_ppm.attr,
	&answer_misses.attr, NULL
};
const struct attribute_group vmgang_reserve_group = {
	.name = "reserve", .attrs = answer_attrs
};

/* The class is gone, and all bookings with it. */
void vmgang_reserve_forget(void)
{
	struct vmgang_vm *vm;

	guard(raw_spinlock_irqsave)(&vmgang_lock);
	list_for_each_entry(vm, &vmgang_vms, link)
		memset(&vm->reserve_answer, 0, sizeof(vm->reserve_answer));
}
