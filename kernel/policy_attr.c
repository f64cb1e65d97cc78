// SPDX-License-Identifier: GPL-2.0-only
/*
 * policy/ of a VM in sysfs: what an operator sets, one file per knob, and beside
 * it for each knob with names a file of the host that lists them.
 */
#include <linux/kstrtox.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "trace.h"
#include "vm.h"

/* A knob of names or of numbers: a u32 of struct vmgang_vm. */
struct knob {
	struct kobj_attribute attr;
	unsigned int offset;
	const char * const *names;	/* NULL: a number */
	u32 nr_names;
	u32 min, max;
	bool zero;			/* 0, for none, is taken as well */
	bool levels;			/* skew begins anew with it */
};

static u32 *knob_value(struct kobject *kobj, struct kobj_attribute *attr)
{
	struct knob *knob = container_of(attr, struct knob, attr);

	return (u32 *)((char *)vmgang_vm_of(kobj) + knob->offset);
}

static ssize_t knob_show(struct kobject *kobj, struct kobj_attribute *attr,
			 char *buf)
{
	struct knob *knob = container_of(attr, struct knob, attr);
	u32 value = READ_ONCE(*knob_value(kobj, attr));

	if (knob->names)
		return sysfs_emit(buf, "%s\n", knob->names[value]);
	return sysfs_emit(buf, "%u\n", value);
}

static int knob_parse(const struct knob *knob, const char *buf, u32 *value)
{
	int ret;

	if (knob->names) {
		ret = __sysfs_match_string(knob->names, knob->nr_names, buf);
		if (ret < 0)
			return ret;
		*value = ret;
		return 0;
	}
	ret = kstrtou32(buf, 10, value);
	if (ret)
		return ret;
	if (!*value && knob->zero)
		return 0;
	return *value < knob->min || *value > knob->max ? -ERANGE : 0;
}

static ssize_t knob_store(struct kobject *kobj, struct kobj_attribute *attr,
			  const char *buf, size_t count)
{
	struct knob *knob = container_of(attr, struct knob, attr);
	struct vmgang_vm *vm = vmgang_vm_of(kobj);
	u32 value;
	int ret;

	ret = knob_parse(knob, buf, &value);
	if (ret)
		return ret;
	if (xchg(knob_value(kobj, attr), value) == value)
		return count;
	/* The class begins to compare vCPUs' progress at the same time. */
	guard(preempt)();
	if (knob->levels)
		vmgang_vm_level(vm);
	trace_policy_change(vm->slot, vm->pid, vm->id);
	return count;
}

#define KNOB_ATTR(_name, _store)					\
	.attr = __ATTR(_name, 0644, knob_show, _store),			\
	.offset = offsetof(struct vmgang_vm, _name)

#define KNOB_NAMES(_name, ...)						\
static struct knob _name##_knob = {					\
	KNOB_ATTR(_name, knob_store),					\
	.names = _name##_names,						\
	.nr_names = ARRAY_SIZE(_name##_names),				\
	__VA_ARGS__							\
};									\
static ssize_t _name##_values_show(struct kobject *kobj,		\
				   struct kobj_attribute *attr, char *buf) \
{									\
	return values_show(&_name##_knob, buf);				\
}									\
static struct kobj_attribute _name##_values = __ATTR_RO(_name##_values)

#define KNOB_NUMBER(_name, _store, _min, _max, ...)			\
static struct knob _name##_knob = {					\
	KNOB_ATTR(_name, _store),					\
	.min = _min,							\
	.max = _max,							\
	__VA_ARGS__							\
}

static ssize_t values_show(const struct knob *knob, char *buf)
{
	int len = 0;
	u32 i;

	for (i = 0; i < knob->nr_names; i++)
		len += sysfs_emit_at(buf, len, "%s%c", knob->names[i],
				     i + 1 < knob->nr_names ? ' ' : '\n');
	return len;
}

static const char * const cosched_names[] = {
	[VMGANG_COSCHED_OFF] = "off",
	[VMGANG_COSCHED_GANG] = "gang",
	[VMGANG_COSCHED_ADAPTIVE] = "adaptive",
	[VMGANG_COSCHED_STRICT] = "strict",
	[VMGANG_COSCHED_RELAXED] = "relaxed",
};
KNOB_NAMES(cosched, .levels = true);

static const char * const guard_names[] = {
	[VMGANG_GUARD_OFF] = "off",
	[VMGANG_GUARD_KERNEL] = "kernel",
	[VMGANG_GUARD_HINT] = "hint",
};
KNOB_NAMES(guard);

static const char * const spin_names[] = {
	[VMGANG_SPIN_OFF] = "off",
	[VMGANG_SPIN_YIELD] = "yield",
	[VMGANG_SPIN_PREEMPT] = "preempt",
};
KNOB_NAMES(spin);

KNOB_NUMBER(slice_us, knob_store, VMGANG_SLICE_US_MIN, VMGANG_SLICE_US_MAX);
KNOB_NUMBER(guard_us, knob_store, VMGANG_GUARD_US_MIN, VMGANG_GUARD_US_MAX);
KNOB_NUMBER(skew_us, knob_store, VMGANG_SKEW_US_MIN, VMGANG_SKEW_US_MAX,
	    .levels = true);

/* Writing 1 to it also has threads tried again that were fifo or rr before. */
static ssize_t managed_store(struct kobject *kobj, struct kobj_attribute *attr,
			     const char *buf, size_t count)
{
	ssize_t ret = knob_store(kobj, attr, buf, count);

	if (ret >= 0)
		vmgang_thread_kick_all(vmgang_vm_of(kobj));
	return ret;
}
KNOB_NUMBER(managed, managed_store, 0, 1);

/* What is reserved has to fit. */
static ssize_t reserve_store(struct kobject *kobj, struct kobj_attribute *attr,
			     const char *buf, size_t count)
{
	u32 value;
	int ret;

	ret = knob_parse(container_of(attr, struct knob, attr), buf, &value);
	if (!ret)
		ret = vmgang_reserve_change(vmgang_vm_of(kobj),
					    knob_value(kobj, attr), value);
	return ret ? ret : count;
}
KNOB_NUMBER(reserve_period_us, reserve_store, VMGANG_RESERVE_PERIOD_US_MIN,
	    VMGANG_RESERVE_PERIOD_US_MAX, .zero = true);
KNOB_NUMBER(reserve_slice_us, reserve_store, VMGANG_RESERVE_SLICE_US_MIN,
	    VMGANG_RESERVE_PERIOD_US_MAX, .zero = true);
KNOB_NUMBER(extratime, reserve_store, 0, 1);

static struct attribute *policy_attrs[] = {
	&cosched_knob.attr.attr, &guard_knob.attr.attr, &spin_knob.attr.attr,
	&slice_us_knob.attr.attr, &guard_us_knob.attr.attr,
	&skew_us_knob.attr.attr, &managed_knob.attr.attr,
	&reserve_period_us_knob.attr.attr, &reserve_slice_us_knob.attr.attr,
	&extratime_knob.attr.attr, NULL
};
const struct attribute_group vmgang_policy_group = {
	.name = "policy", .attrs = policy_attrs
};

static struct attribute *values_attrs[] = {
	&cosched_values.attr, &guard_values.attr, &spin_values.attr, NULL
};
const struct attribute_group vmgang_policy_values_group = {
	.attrs = values_attrs
};
