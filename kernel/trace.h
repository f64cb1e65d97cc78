/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * perf list 'vmgang:*'.  Scalars only, so that tp_btf programs can take them.
 * Emitted without any lock of ours, since such a program may call our kfuncs.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vmgang

#if !defined(VMGANG_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VMGANG_TRACE_H

#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(vmgang_vm,
	TP_PROTO(u32 slot, pid_t pid, u64 id),
	TP_ARGS(slot, pid, id),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, slot)
		__field(pid_t, pid)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->slot = slot;
		__entry->pid = pid;
	),
	TP_printk("slot=%u pid=%d id=%llu",
		  __entry->slot, __entry->pid, __entry->id)
);

DEFINE_EVENT(vmgang_vm, vm_add,
	TP_PROTO(u32 slot, pid_t pid, u64 id), TP_ARGS(slot, pid, id));
DEFINE_EVENT(vmgang_vm, vm_del,
	TP_PROTO(u32 slot, pid_t pid, u64 id), TP_ARGS(slot, pid, id));
DEFINE_EVENT(vmgang_vm, policy_change,
	TP_PROTO(u32 slot, pid_t pid, u64 id), TP_ARGS(slot, pid, id));

DECLARE_EVENT_CLASS(vmgang_vcpu_thread,
	TP_PROTO(u32 slot, pid_t pid, u32 vcpu, pid_t tid),
	TP_ARGS(slot, pid, vcpu, tid),
	TP_STRUCT__entry(
		__field(u32, slot)
		__field(pid_t, pid)
		__field(u32, vcpu)
		__field(pid_t, tid)
	),
	TP_fast_assign(
		__entry->slot = slot;
		__entry->pid = pid;
		__entry->vcpu = vcpu;
		__entry->tid = tid;
	),
	TP_printk("slot=%u pid=%d vcpu=%u tid=%d",
		  __entry->slot, __entry->pid, __entry->vcpu, __entry->tid)
);

DEFINE_EVENT(vmgang_vcpu_thread, vcpu_add,
	TP_PROTO(u32 slot, pid_t pid, u32 vcpu, pid_t tid),
	TP_ARGS(slot, pid, vcpu, tid));
DEFINE_EVENT(vmgang_vcpu_thread, vcpu_del,
	TP_PROTO(u32 slot, pid_t pid, u32 vcpu, pid_t tid),
	TP_ARGS(slot, pid, vcpu, tid));

DECLARE_EVENT_CLASS(vmgang_gang,
	TP_PROTO(u32 slot, pid_t pid, u32 width),
	TP_ARGS(slot, pid, width),
	TP_STRUCT__entry(
		__field(u32, slot)
		__field(pid_t, pid)
		__field(u32, width)
	),
	TP_fast_assign(
		__entry->slot = slot;
		__entry->pid = pid;
		__entry->width = width;
	),
	TP_printk("slot=%u pid=%d width=%u",
		  __entry->slot, __entry->pid, __entry->width)
);

DEFINE_EVENT(vmgang_gang, gang_start,
	TP_PROTO(u32 slot, pid_t pid, u32 width), TP_ARGS(slot, pid, width));
DEFINE_EVENT(vmgang_gang, gang_stop,
	TP_PROTO(u32 slot, pid_t pid, u32 width), TP_ARGS(slot, pid, width));

DECLARE_EVENT_CLASS(vmgang_vcpu,
	TP_PROTO(u32 slot, pid_t pid, u32 vcpu),
	TP_ARGS(slot, pid, vcpu),
	TP_STRUCT__entry(
		__field(u32, slot)
		__field(pid_t, pid)
		__field(u32, vcpu)
	),
	TP_fast_assign(
		__entry->slot = slot;
		__entry->pid = pid;
		__entry->vcpu = vcpu;
	),
	TP_printk("slot=%u pid=%d vcpu=%u",
		  __entry->slot, __entry->pid, __entry->vcpu)
);

DEFINE_EVENT(vmgang_vcpu, vcpu_costop,
	TP_PROTO(u32 slot, pid_t pid, u32 vcpu), TP_ARGS(slot, pid, vcpu));
/* The guest has been asked to come into a safe state, and is there. */
DEFINE_EVENT(vmgang_vcpu, vcpu_safe,
	TP_PROTO(u32 slot, pid_t pid, u32 vcpu), TP_ARGS(slot, pid, vcpu));
/* Preempted in guest kernel mode; a sibling ran on, or came to run meanwhile. */
DEFINE_EVENT(vmgang_vcpu, vcpu_lhp,
	TP_PROTO(u32 slot, pid_t pid, u32 vcpu), TP_ARGS(slot, pid, vcpu));

/* Runnable throughout a period, but did not get what it has reserved. */
DEFINE_EVENT(vmgang_vcpu, vcpu_missed,
	TP_PROTO(u32 slot, pid_t pid, u32 vcpu), TP_ARGS(slot, pid, vcpu));

TRACE_EVENT(vcpu_costart,
	TP_PROTO(u32 slot, pid_t pid, u32 vcpu, u64 held_us),
	TP_ARGS(slot, pid, vcpu, held_us),
	TP_STRUCT__entry(
		__field(u64, held_us)
		__field(u32, slot)
		__field(pid_t, pid)
		__field(u32, vcpu)
	),
	TP_fast_assign(
		__entry->held_us = held_us;
		__entry->slot = slot;
		__entry->pid = pid;
		__entry->vcpu = vcpu;
	),
	TP_printk("slot=%u pid=%d vcpu=%u held_us=%llu", __entry->slot,
		  __entry->pid, __entry->vcpu, __entry->held_us)
);

TRACE_EVENT(vcpu_guard,
	TP_PROTO(u32 slot, pid_t pid, u32 vcpu, u64 guarded_us, bool expired),
	TP_ARGS(slot, pid, vcpu, guarded_us, expired),
	TP_STRUCT__entry(
		__field(u64, guarded_us)
		__field(u32, slot)
		__field(pid_t, pid)
		__field(u32, vcpu)
		__field(u32, expired)
	),
	TP_fast_assign(
		__entry->guarded_us = guarded_us;
		__entry->slot = slot;
		__entry->pid = pid;
		__entry->vcpu = vcpu;
		__entry->expired = expired;
	),
	TP_printk("slot=%u pid=%d vcpu=%u guarded_us=%llu expired=%u",
		  __entry->slot, __entry->pid, __entry->vcpu,
		  __entry->guarded_us, __entry->expired)
);

TRACE_EVENT(vcpu_spin,
	TP_PROTO(u32 slot, pid_t pid, u32 vcpu, u32 exits),
	TP_ARGS(slot, pid, vcpu, exits),
	TP_STRUCT__entry(
		__field(u32, slot)
		__field(pid_t, pid)
		__field(u32, vcpu)
		__field(u32, exits)
	),
	TP_fast_assign(
		__entry->slot = slot;
		__entry->pid = pid;
		__entry->vcpu = vcpu;
		__entry->exits = exits;
	),
	TP_printk("slot=%u pid=%d vcpu=%u exits=%u", __entry->slot,
		  __entry->pid, __entry->vcpu, __entry->exits)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
