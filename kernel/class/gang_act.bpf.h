/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a plan is carried out: threads are sent to pCPUs, pCPUs are made to ask,
 * the module is told.  Never under a cell's lock.
 */
#ifndef VMGANG_GANG_ACT_BPF_H
#define VMGANG_GANG_ACT_BPF_H

VG_INLINE void start_timer(struct cell_timer *t, u64 now, u64 when)
{
	bpf_timer_start(&t->timer, when > now ? when - now : 1, 0);
}

static void arm_timer(struct vg_cell *c, u64 now, u64 when)
{
	u32 id = c->id;
	struct cell_timer *t = bpf_map_lookup_elem(&timers, &id);
	u64 last;

	c->armed = when;
	if (!t)
		return;
	start_timer(t, now, when);
	/* Another pCPU has set it meanwhile, and knew better. */
	last = *(volatile u64 *)&c->armed;
	if (last != when)
		start_timer(t, now, last);
}

static __noinline void report_held(u32 ei)
{
	u32 vi = vg_ent(&state, ei)->head;

	while (can_loop) {
		struct task_struct *p;
		struct vg_vcpu *v;

		if (vi >= VG_MAX_VCPUS)
			return;
		v = vg_vcpu(&state, vi);
		p = bpf_task_from_pid(v->pid);
		if (p) {
			vmgang_bpf_report_costop(p, true);
			bpf_task_release(p);
		}
		vi = v->next;
	}
}

static __noinline void report_freed(struct vg_plan *pl)
{
	struct task_struct *p;
	u32 i;

	for (i = 0; i < VG_PLAN_FREED; i++) {
		if (i >= pl->nr_freed)
			break;
		p = bpf_task_from_pid(vg_vcpu(&state, pl->freed[i])->pid);
		if (!p)
			continue;
		vmgang_bpf_report_costop(p, false);
		bpf_task_release(p);
	}
}

static __noinline void report_plan(struct vg_plan *pl)
{
	struct vg_ent *e;
	u32 i;

	report_freed(pl);
	for (i = 0; i < VG_PLAN_STOPS; i++) {
		if (i >= pl->nr_stopped)
			break;
		e = vg_ent(&state, pl->stopped[i]);
		if (e->slot < VMGANG_MAX_VMS)
			vmgang_bpf_report_gang(e->slot, vg_vm(&state, e->slot)->id, false,
					       pl->width[i]);
	}
	if (pl->started != VG_NONE) {
		e = vg_ent(&state, pl->started);
		if (e->slot < VMGANG_MAX_VMS)
			vmgang_bpf_report_gang(e->slot, vg_vm(&state, e->slot)->id, true,
					       vg_ent_width(e));
	}
	if (pl->held != VG_NONE)
		report_held(pl->held);
	if (pl->frag != VG_NONE) {
		e = vg_ent(&state, pl->frag);
		if (e->slot < VMGANG_MAX_VMS)
			vmgang_bpf_report_frag(e->slot, vg_vm(&state, e->slot)->id, pl->frag_ns);
	}
}

/* Has the module, or whoever watches, to be told anything? */
VG_INLINE bool plan_tells(struct vg_plan *pl)
{
	return pl->nr_stopped || pl->nr_freed || pl->started != VG_NONE || pl->held != VG_NONE ||
	       pl->frag != VG_NONE;
}

/*
 * Make pCPUs ask for work.  What they run loses its slice, by name: a kick with
 * SCX_KICK_PREEMPT would hit whoever runs there by the time it arrives.
 */
static __noinline void kick(struct vg_cell *c, u64 mask)
{
	u64 m;
	u32 b;

	vg_each_bit(b, m, mask & c->all) {
		struct vg_pcpu *p = vg_pcpu(c, b);
		u32 vi = p->cur;

		if (p->coming != VG_NONE && p->served)
			continue;
		if (vi < VG_MAX_VCPUS) {
			struct task_struct *t = bpf_task_from_pid(vg_vcpu(&state, vi)->pid);

			if (t) {
				scx_bpf_task_set_slice(t, 0);
				bpf_task_release(t);
			}
		}
		scx_bpf_kick_cpu(p->cpu, 0);
	}
}

static __noinline void report_missed(struct vg_plan *pl)
{
	struct vg_vcpu *v;
	u32 i;

	for (i = 0; i < VG_PLAN_MISSES; i++) {
		if (i >= pl->nr_missed)
			break;
		v = vg_vcpu(&state, pl->missed[i]);
		if (v->slot < VMGANG_MAX_VMS)
			vmgang_bpf_report_missed(v->slot, vg_vm(&state, v->slot)->id, v->index);
	}
}

/* Is @prev, which is pl->prev, not to be preempted now, as far as its VM is guarded? */
static __always_inline void ask_unsafe(struct vg_vm *vm, struct vg_plan *pl,
				       struct task_struct *prev)
{
	if (!vm->guard)
		return;
	if (vm->hinted) {
		pl->hold = vmgang_bpf_lock_us(prev) * 1000ULL;
		pl->unsafe = pl->hold > 0;
	} else {
		pl->unsafe = vmgang_bpf_in_kernel(prev);
	}
}

static __noinline void report_guard(struct vg_plan *pl)
{
	struct task_struct *p = bpf_task_from_pid(vg_vcpu(&state, pl->guarded)->pid);

	if (!p)
		return;
	vmgang_bpf_report_guard(p, pl->guard_ns, pl->expired);
	bpf_task_release(p);
}

/* Let pCPU @bit of @c ask for work again at @when, if there is need: see vg_pcpu_looks(). */
static __noinline void look_at(struct vg_cell *c, u32 bit, u64 now, u64 when)
{
	u32 cpu = vg_pcpu(c, bit)->cpu;
	struct look *l = bpf_map_lookup_elem(&looks, &cpu);

	if (l)
		bpf_timer_start(&l->timer, when > now ? when - now : 1, VG_TIMER_CPU_PIN);
}

/* Carry out what a plan says, apart from moving threads. */
VG_INLINE void act(struct vg_cell *c, struct vg_plan *pl, u64 kicks)
{
	if (pl->look)
		look_at(c, pl->look_bit, pl->now, pl->look);
	if (kicks)
		kick(c, kicks);
	if (plan_tells(pl))
		report_plan(pl);
	if (pl->guarded != VG_NONE)
		report_guard(pl);
	if (vg_cell_late(c, pl->now))
		arm_timer(c, pl->now, vg_cell_wants(c));
}

VG_INLINE u64 place_flags(struct vg_vcpu *v)
{
	return ENQ(PREEMPT) | (v->bounced < MAX_BOUNCES ? ENQ(IMMED) : 0);
}

/*
 * From ops.dispatch(): send @vi to the local queue of the pCPU it was placed
 * on.  The insertion holds only for the thread's present turn in the queue; so
 * look at its affinity after it, and take it back if it does not fit.
 */
static __noinline bool send(struct vg_cell *c, u32 vi, u32 bit, bool own)
{
	struct vg_vcpu *v = vg_vcpu(&state, vi);
	struct task_struct *p = bpf_task_from_pid(v->pid);
	s32 cpu = vg_pcpu(c, bit)->cpu;
	bool ok = false;

	if (!p)
		return false;
	scx_bpf_dsq_insert(p, own ? DSQ_LOCAL : DSQ_LOCAL_ON | cpu, SLICE_GUARD,
			   own ? place_flags(v) & ~ENQ(PREEMPT) : place_flags(v));
	if (bpf_cpumask_test_cpu(cpu, p->cpus_ptr))
		ok = true;
	else
		scx_bpf_dispatch_cancel();
	bpf_task_release(p);
	return ok;
}

static __noinline void unsend(struct vg_cell *c, u32 cell, u32 vi, u32 bit, struct vg_plan *pl)
{
	struct bpf_spin_lock *lock = cell_lock(cell);

	if (!lock)
		return;
	bpf_spin_lock(lock);
	if (vg_pcpu(c, bit)->coming == vi && vg_vcpu(&state, vi)->state == VG_COMING)
		vg_vcpu_wait(&state, c, pl, vi);
	vg_count(c, VG_STAT_STALE, 1);
	bpf_spin_unlock(lock);
}

static __noinline void send_placed(struct vg_cell *c, u32 cell, struct vg_plan *pl)
{
	u64 m;
	u32 b;

	vg_each_bit(b, m, pl->placed) {
		u32 vi;

		vi = vg_pcpu(c, b)->coming;
		if (vi < VG_MAX_VCPUS && !send(c, vi, b, false))
			unsend(c, cell, vi, b, pl);
	}
}

#endif /* VMGANG_GANG_ACT_BPF_H */
