// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each callback of the class asks the policy, as programs that any kernel
 * with may_goto can load: the verifier's word on the policy without sched_ext.
 * The arguments come from maps, so that nothing is known about them.
 */
#include "vmlinux.h"
#include "compat.bpf.h"
#include "policy_vm.h"

char _license[] SEC("license") = "GPL";

struct vg_state_all state;
struct vg_plan plan;
u32 args[8];
u64 now;

struct cell_lock {
	struct bpf_spin_lock lock;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VG_MAX_CELLS + 1);
	__type(key, u32);
	__type(value, struct cell_lock);
} locks SEC(".maps");

#define ASK(name, text)							\
SEC("tc")								\
int name(struct __sk_buff *skb)						\
{									\
	u32 key = args[0], vi = args[1], bit = args[2];			\
	struct cell_lock *l = bpf_map_lookup_elem(&locks, &key);	\
	struct vg_state_all *s = &state;				\
	struct vg_plan *pl = &plan;					\
	struct vg_cell *c = vg_cell(s, key);				\
	u64 t = now;							\
									\
	if (!l || vi >= VG_MAX_VCPUS)					\
		return 0;						\
	vg_plan_begin(pl, t, bit, vi);					\
	pl->unsafe = args[4];						\
	bpf_spin_lock(&l->lock);					\
	text;								\
	bpf_spin_unlock(&l->lock);					\
	return bit + (c != NULL);					\
}

ASK(dispatch, vg_pick(s, c, pl))
ASK(enqueue, vg_vcpu_wait(s, c, pl, vi); bit = vg_wake(s, c, pl, vi, bit))
ASK(running, vg_vcpu_run(s, c, pl, vi, bit))
ASK(stopping, vg_vcpu_stop(s, c, pl, vi))
ASK(quiescent, vg_vcpu_leave(s, c, pl, vi))
ASK(tick, bit = vg_relaxed_tick(s, c, pl, vi))
ASK(timer, bit = vg_cell_timer(s, c, pl))
ASK(safe, bit = vg_guard_safe(s, c, vi))
ASK(bind, vg_vcpu_bind(s, c, vi, args[3], t))
ASK(unbind, t = vg_ent_lead(s, c, args[3], t); vg_vcpu_unbind(s, c, pl, vi))
ASK(arrive, vg_vcpu_arrive(s, c, vi, args[3], t))
ASK(house, bit = vg_vm_house(s, args[3], t))
ASK(move, bit = vg_vm_move(s, c, pl))
ASK(moved, vg_cell_moved(s, c, pl))
ASK(level, vg_host_level(s, t))
ASK(reserve, bit = vg_reserve_book(s, c, vi, t))
ASK(policy, vg_ent_policy(s, c, pl, args[3]))
ASK(adapt, bit = vg_adapt_step(&vg_vm(s, args[3])->adapt, args[4] & 1, t))
