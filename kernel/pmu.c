// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PMU: perf stat -a -e vmgang/costop-time/, an event for each statistic of
 * sysfs that can be added up.
 *
 * An event counts for all VMs of the host, those included that come and go
 * while it counts, or for one of them (vm=<id>).  That is no pCPU's, so the PMU
 * is one of the whole system: perf asks its cpumask and opens each event once.
 * An event of a task would have to stop while the task is not on a pCPU, when
 * just the times begin that are of interest: perf's core refuses it (EINVAL),
 * as it does cgroups, sampling and what excludes user, kernel or guest.
 *
 * A count never goes back: what can not be read just now is counted later.
 */
#include <linux/module.h>
#include <linux/perf_event.h>
#include <linux/stddef.h>
#include <linux/sysfs.h>

#include "vm.h"

/* X(name in perf, name in C, number, member of struct vmgang_totals) */
#define TIMES(X)							\
	X(run-time, run_time, 0x01, sums.ns[VMGANG_RUN])		\
	X(ready-time, ready_time, 0x02, sums.ns[VMGANG_READY])		\
	X(costop-time, costop_time, 0x03, sums.ns[VMGANG_COSTOP])	\
	X(wait-time, wait_time, 0x04, sums.ns[VMGANG_WAIT])		\
	X(corun-time, corun_time, 0x05, sums.corun_ns)			\
	X(guarded-time, guarded_time, 0x06, sums.guarded_ns)		\
	X(frag-time, frag_time, 0x07, frag_ns)
#define COUNTS(X)							\
	X(preemptions, preemptions, 0x10, sums.preemptions)		\
	X(preemptions-in-kernel, preemptions_in_kernel, 0x11,		\
	  sums.preemptions_in_kernel)					\
	X(spin-exits, spin_exits, 0x12, sums.spin_exits)		\
	X(directed-yields, directed_yields, 0x13, sums.directed_yields)	\
	X(gang-starts, gang_starts, 0x14, gang_starts)			\
	X(gang-stops, gang_stops, 0x15, gang_stops)			\
	X(spin-verdicts, spin_verdicts, 0x16, sums.spin_verdicts)	\
	X(guard-extensions, guard_extensions, 0x17,			\
	  sums.guard_extensions)					\
	X(guard-expiries, guard_expiries, 0x18, sums.guard_expiries)	\
	X(preemptions-in-lock, preemptions_in_lock, 0x19,		\
	  sums.preemptions_in_lock)					\
	X(guard-asks, guard_asks, 0x1a, sums.guard_asks)

/* Where an event's total is; 0 for what is no event. */
#define OFFSET(_name, _var, _event, _member)				\
	[_event] = 1 + offsetof(struct vmgang_totals, _member),
static const u16 offsets[] = {
	TIMES(OFFSET)
	COUNTS(OFFSET)
};

#define EVENT(_name, _var, _event, _member)				\
	PMU_EVENT_ATTR_STRING(_name, _var, "event=" #_event)
#define EVENT_IN_MS(_name, _var, _event, _member)			\
	EVENT(_name, _var, _event, _member)				\
	PMU_EVENT_ATTR_STRING(_name.unit, _var##_unit, "ms")		\
	PMU_EVENT_ATTR_STRING(_name.scale, _var##_scale, "1e-6")
TIMES(EVENT_IN_MS)
COUNTS(EVENT)

#define ATTR(_name, _var, _event, _member)				\
	&_var.attr.attr,
#define ATTR_IN_MS(_name, _var, _event, _member)			\
	&_var.attr.attr, &_var##_unit.attr.attr, &_var##_scale.attr.attr,
static struct attribute *event_attrs[] = {
	TIMES(ATTR_IN_MS)
	COUNTS(ATTR)
	NULL
};
static const struct attribute_group event_group = {
	.name = "events", .attrs = event_attrs
};

PMU_FORMAT_ATTR(event, "config:0-7");
PMU_FORMAT_ATTR(vm, "config1:0-63");
static struct attribute *format_attrs[] = {
	&format_attr_event.attr, &format_attr_vm.attr, NULL
};
static const struct attribute_group format_group = {
	.name = "format", .attrs = format_attrs
};

static const struct attribute_group *groups[] = {
	&event_group, &format_group, NULL
};

static struct pmu pmu;

static void event_destroy(struct perf_event *event)
{
	if (event->pmu_private)
		vmgang_vm_put(event->pmu_private);
}

static int event_init(struct perf_event *event)
{
	const struct perf_event_attr *attr = &event->attr;
	struct vmgang_vm *vm = NULL;

	if (attr->type != pmu.type)
		return -ENOENT;
	if (event->cpu < 0 || attr->config2 ||
	    attr->config >= ARRAY_SIZE(offsets) || !offsets[attr->config])
		return -EINVAL;
	if (has_branch_stack(event))
		return -EOPNOTSUPP;
	if (attr->config1) {
		vm = vmgang_vm_get_id(attr->config1);
		if (!vm)
			return -ESRCH;
	}
	event->pmu_private = vm;
	event->destroy = event_destroy;
	return 0;
}

/* hw.prev_count as long as no total could be read. */
#define NO_BASE		(-1ll)

/* May be called by several readers at a time, and within itself. */
static void event_read(struct perf_event *event)
{
	local64_t *base = &event->hw.prev_count;
	struct vmgang_totals totals;
	s64 prev, now;

	if (!vmgang_vm_totals(event->pmu_private, &totals))
		return;
	now = *(u64 *)((char *)&totals + offsets[event->attr.config] - 1);
	prev = local64_read(base);
	do {
		if (now <= prev)
			return;
	} while (!local64_try_cmpxchg(base, &prev, now));
	if (prev != NO_BASE)
		local64_add(now - prev, &event->count);
}

static void event_start(struct perf_event *event, int flags)
{
	event->hw.state = 0;
	local64_set(&event->hw.prev_count, NO_BASE);
	event_read(event);
}

static void event_stop(struct perf_event *event, int flags)
{
	if (event->hw.state & PERF_HES_STOPPED)
		return;
	event_read(event);
	event->hw.state = PERF_HES_STOPPED | PERF_HES_UPTODATE;
}

static int event_add(struct perf_event *event, int flags)
{
	event->hw.state = PERF_HES_STOPPED | PERF_HES_UPTODATE;
	if (flags & PERF_EF_START)
		event_start(event, flags);
	return 0;
}

static void event_del(struct perf_event *event, int flags)
{
	event_stop(event, PERF_EF_UPDATE);
}

static struct pmu pmu = {
	.module = THIS_MODULE,
	.task_ctx_nr = perf_invalid_context,
	.scope = PERF_PMU_SCOPE_SYS_WIDE,
	.capabilities = PERF_PMU_CAP_NO_INTERRUPT | PERF_PMU_CAP_NO_EXCLUDE,
	.attr_groups = groups,
	.event_init = event_init,
	.add = event_add,
	.del = event_del,
	.start = event_start,
	.stop = event_stop,
	.read = event_read,
};

/*
 * An open event holds the module, so none is there when the PMU goes; for the
 * same reason it comes last, when nothing can fail any more.
 */
int vmgang_pmu_init(void)
{
	return perf_pmu_register(&pmu, "vmgang", -1);
}

void vmgang_pmu_uninit(void)
{
	perf_pmu_unregister(&pmu);
}
