// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gang-scheduling class: a sched_ext scheduler for the vCPUs of KVM.
 *
 * The nouns
 *
 * A *cell* is a set of pCPUs that share a last-level cache, at most 64, with one
 * lock and one queue.  A *VM* has one *ent* in its home cell (and one more for
 * each cell that its pinned vCPUs force on it); an ent is what waits in the
 * queue, as long as one of its vCPUs is runnable and does not run.  It is
 * ordered by *virtual time*: nanoseconds run, times 100/weight.  A *stint* is
 * one uninterrupted run of a vCPU on a pCPU, by default 20 ms.  An independent
 * VM (cosched `off`) starts one vCPU at a time.  A *gang* starts all of its
 * runnable vCPUs, or none: *co-start*.  Its members share one deadline:
 * *co-stop*.  vCPUs that halt give their pCPU away and take no part.
 *
 * What happens, with numbers
 *
 * Gangs A, B and C of two vCPUs each, all busy, on pCPUs 0 and 1.  At 0 ms A
 * starts on both; its virtual time is charged 2 x 20 ms in advance.  At the tick
 * that reaches 20 ms ops.tick() takes the slice of both members.  pCPU 0 is the
 * first to get the cell's lock in ops.dispatch(): A is settled to what it ran,
 * B is furthest behind and two wide.  pCPU 0 *claims* pCPU 1, whose stint is
 * over as well, places B's members on both (pcpu->coming), and sends its own to
 * its local queue.  pCPU 1, which waited for the lock meanwhile, finds its
 * member there and starts it: two picks, no interrupt, and a skew of what it
 * takes to get through one ops.dispatch().  Had pCPU 1 been in the middle of
 * something it would have been sent its member and an interrupt (SCX_ENQ_PREEMPT).
 * At 40 ms C follows; after 60 ms each has run for 20 ms, all of it together.
 *
 * If not enough pCPUs can be claimed, the gang is *held* (that is what co-stop
 * time counts): claimable is a pCPU that is idle, or whose ent is ahead of the
 * gang and has had 2 ms, or whose gang has reached its deadline.  The pCPU that
 * asked takes something narrower, or goes on, or takes one member of the gang
 * alone, for 1 ms; it never idles while somebody could use it.  After two slices
 * the gang claims what it needs, and cuts short whoever is at least half way
 * through.  Nothing is ever claimed from who is further behind than the gang,
 * and a gang that began only because a held one did not fit defends no stint.
 *
 * A member that wakes within its gang's stint gets a pCPU back at once, from
 * whoever filled in.  A vCPU that wakes in a VM which is more than 1 ms behind
 * the ent of some pCPU preempts there, or as soon as the stint is 1 ms old, a gang's
 * 2 ms; if it was a gang that ran there, only that member makes room, and comes
 * back after it.  Who had to make room goes on at once where an ent is a slice
 * ahead, a gang where all of it can.
 *
 * A *strict* gang (cosched `strict`) starts all its vCPUs, the idle ones too:
 * their pCPUs are kept empty for the stint, which counts as forced idle time and
 * is charged to the VM.  A VM that is all idle has no stint.
 *
 * Under `relaxed` vCPUs start one by one, and who is far ahead waits for its siblings.
 *
 * Who decides, and who carries it out
 *
 * A vCPU that spins goes on, hands the rest of its stint to the sibling that KVM
 * names, or makes room for another VM: policy_spin.h.  One that loses its pCPU in
 * guest kernel mode may be let go on for a little: policy_guard.h.
 *
 * A VM under `adaptive` is one or the other kind, as policy_adapt.h finds: the
 * module says when a vCPU spins or loses its pCPU in guest kernel mode.
 *
 * policy*.h decide: plain C on `state`, under the cell's bpf_spin_lock, tested
 * natively (tests/policy-test.c).  This file carries out.  A waiting thread is
 * in nobody's DSQ: its record is enough to find it (by pid) and to insert it
 * into the local DSQ of the pCPU that the policy chose.  Such an insertion is
 * void if the thread has left the queue in between or if another pCPU was
 * first; so a decision that two pCPUs act upon is harmless.
 *
 * The fair class is above this one.  All insertions are SCX_ENQ_IMMED: if a host
 * thread has the pCPU, or takes it later, the vCPU is handed back to
 * ops.enqueue() and goes elsewhere.  A vCPU that may run nowhere else stays
 * after a few such rounds, and the kernel's ext server gives it its 5 %.
 *
 * A VM's weight is its part through the cgroup hierarchy (policy_share.h).  It is
 * reckoned when a VM or a cgroup's weight changes, not when it is asked for.
 *
 * A reservation is booked on a pCPU, where the vCPU comes before all that has
 * none, by earliest deadline (policy_reserve.h, policy_edf.h).  Its stints and
 * periods do not end on ticks, but when the cell's timer says so.
 *
 * Caps are token buckets, for the VM's cgroup and for a vCPU's own.  Stints are
 * cut to what is left, ends fall on ticks (4 ms at HZ=250), and what was
 * overdrawn is debt: exact on average, not within a period.
 *
 * An *isolated* VM (isolate=core) shares no core with another VM: who comes to a
 * sibling waits until the other one has stopped, and what its vCPUs leave empty
 * beside them is charged to it: policy_isolate.h.
 *
 * A host with several last-level caches has several cells, which decide each for
 * itself.  A VM gets the lightest one as its *home* when its first vCPU comes.
 * Once a second a cell that has more weight to serve for each of its pCPUs than
 * another one gives one of its VMs that home (policy_balance.h says when and
 * which; gang_home.bpf.h why that is safe).  Those of the VM's vCPUs that run
 * are made to ask, are not kept, and go over as they are queued again; those
 * that sleep do so when they wake, and those that wait after their next stint,
 * which is 3 ms.  The VM is as far ahead or behind there as it was here.
 *
 * Threads in SCHED_EXT that are no vCPUs wait in a FIFO per cell, which is
 * served when a pCPU has nothing else and at least every 20 ms.
 *
 * Limits
 *
 * Weights come before gangs: where others are owed so much time that a gang
 * finds no room to be whole, it has its share in part, its members by turns of 1 ms
 * or, with spin=yield, as they wait for each other (a gang of two and a VM of one vCPU
 * and equal weight on two pCPUs, for one).  A gang wider than its cell is as
 * relaxed.  With gangs of two on three pCPUs one pCPU always runs half a gang.
 * Virtual time is the VM's, not the vCPU's: siblings share what the VM gets first
 * come, first served.  Of a VM's cgroups only its own and the vCPU's are looked
 * at, not those in between.
 * A gang's members are together in one cell, and a VM moves whole: shares are
 * as even over the cells as VMs can be spread.  Hotplug of a pCPU ends the class;
 * user space attaches it again.
 */
#include "vmlinux.h"
#include "compat.bpf.h"
#include "policy_vm.h"
#include "policy_share.h"

char _license[] SEC("license") = "GPL";

/* Set by user space before the program is loaded. */
const volatile u32 cpu_cell[VG_MAX_CPUS];	/* cell of each pCPU, or VG_NONE */
const volatile u32 cpu_core[VG_MAX_CPUS];	/* lowest pCPU of its core */
const volatile u32 nr_cpus = 1;
const volatile u32 nr_cells = 1;
const volatile u32 host_tells = VG_TELLS_ALL;	/* of vCPUs that spin: enum vg_tells */

/* Everything the policy knows.  User space reads stats here. */
struct vg_state_all state;
u32 cpu_bit[VG_MAX_CPUS];
/*
 * Scratch of whoever runs on that pCPU with interrupts off; of who is called in
 * process context there, and is not preempted meanwhile, so that an interrupt's
 * callback does not overwrite it; of the timers.
 */
struct vg_plan plans[VG_MAX_CPUS];
struct vg_plan task_plans[VG_MAX_CPUS];
struct vg_plan timer_plans[VG_MAX_CELLS];

struct cell_lock {
	struct bpf_spin_lock lock;
};

struct cell_timer {
	struct bpf_timer timer;
};

struct look {
	struct bpf_timer timer;
};

struct cgroup_conf {
	u64 quota;
	u64 period;
	u64 burst;
	struct vg_group group;
};

/* One for each cell; the last is the registry's. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VG_MAX_CELLS + 1);
	__type(key, u32);
	__type(value, struct cell_lock);
} locks SEC(".maps");

/* Likewise; the last is for weights. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VG_MAX_CELLS + 1);
	__type(key, u32);
	__type(value, struct cell_timer);
} timers SEC(".maps");

/* By pCPU: when one that goes on with a guarded vCPU asks again. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VG_MAX_CPUS);
	__type(key, u32);
	__type(value, struct look);
} looks SEC(".maps");

/* cpu.weight and cpu.max of every cgroup that has a cpu controller. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u64);
	__type(value, struct cgroup_conf);
} cgroups SEC(".maps");

/* Which build this is: set and compared by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} ident SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct vg_exit_record);
} exits SEC(".maps");

int vmgang_bpf_attach_class(u32 abi) __ksym;
void vmgang_bpf_detach_class(void) __ksym;
int vmgang_bpf_get_vcpu(struct task_struct *p, struct vmgang_bpf_vcpu *out) __ksym;
int vmgang_bpf_get_vm(u32 slot, struct vmgang_bpf_vm *out) __ksym;
bool vmgang_bpf_in_kernel(struct task_struct *p) __ksym;
u32 vmgang_bpf_lock_us(struct task_struct *p) __ksym;
void vmgang_bpf_ask_safe(struct task_struct *p) __ksym;
void vmgang_bpf_report_guard(struct task_struct *p, u64 ns, bool expired) __ksym;
void vmgang_bpf_report_costop(struct task_struct *p, bool held) __ksym;
void vmgang_bpf_report_gang(u32 slot, u64 id, bool start, u32 width) __ksym;
void vmgang_bpf_report_reserve(const struct vmgang_bpf_reserve *answer) __ksym;
void vmgang_bpf_report_missed(u32 slot, u64 id, u32 vcpu) __ksym;
void vmgang_bpf_report_frag(u32 slot, u64 id, u64 ns) __ksym;

#define ENQ(name)	bpf_core_enum_value(enum scx_enq_flags, SCX_ENQ_##name)
#define DSQ_LOCAL	bpf_core_enum_value(enum scx_dsq_id_flags, SCX_DSQ_LOCAL)
#define DSQ_LOCAL_ON	bpf_core_enum_value(enum scx_dsq_id_flags, SCX_DSQ_LOCAL_ON)
#define KICK_IDLE	bpf_core_enum_value(enum scx_kick_flags, SCX_KICK_IDLE)

/* ops.tick() ends stints; this only catches a pCPU without ticks. */
#define SLICE_GUARD	(1000 * VG_MS)
#define FOREIGN_SLICE	(5 * VG_MS)
#define FOREIGN_DSQ	0x766d0000ULL
#define MAX_BOUNCES	3

VG_INLINE struct bpf_spin_lock *cell_lock(u32 cell)
{
	struct cell_lock *l = bpf_map_lookup_elem(&locks, &cell);

	return l ? &l->lock : NULL;
}

VG_INLINE u32 cell_of(s32 cpu)
{
	return cpu >= 0 && cpu < VG_MAX_CPUS ? cpu_cell[cpu] : VG_NONE;
}

VG_INLINE struct vg_plan *my_plan(void)
{
	return &plans[bpf_get_smp_processor_id() & (VG_MAX_CPUS - 1)];
}

/* Preemption is off. */
VG_INLINE struct vg_plan *my_task_plan(void)
{
	return &task_plans[bpf_get_smp_processor_id() & (VG_MAX_CPUS - 1)];
}

/*
 * The record of a thread is found through p->scx.dsq_vtime, a field that only
 * orders priority DSQs, of which this class has none.
 */
VG_INLINE u32 task_vcpu(struct task_struct *p)
{
	u64 vi = p->scx.dsq_vtime - 1;

	if (vi >= VG_MAX_VCPUS || vg_vcpu(&state, vi)->pid != (u32)p->pid ||
	    vg_vcpu(&state, vi)->ent == VG_NONE)
		return VG_NONE;
	return vi;
}

VG_INLINE u32 vcpu_cell(u32 vi)
{
	return vg_ent(&state, vg_vcpu(&state, vi)->ent)->cell;
}

/* … and before it has an ent. */
VG_INLINE u32 task_vcpu_raw(struct task_struct *p)
{
	u64 vi = p->scx.dsq_vtime - 1;

	if (vi >= VG_MAX_VCPUS || vg_vcpu(&state, vi)->pid != (u32)p->pid)
		return VG_NONE;
	return vi;
}

#include "gang_act.bpf.h"
#include "gang_cgroup.bpf.h"
#include "gang_policy.bpf.h"
#include "gang_home.bpf.h"

s32 BPF_STRUCT_OPS(vg_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	u32 vi = task_vcpu(p), b;
	struct vg_vcpu *v;
	struct vg_cell *c;
	u64 idle;

	if (vi == VG_NONE)
		return prev_cpu;
	v = vg_vcpu(&state, vi);
	c = vg_cell(&state, vcpu_cell(vi));
	idle = (vg_cell_idle(c) | vg_ent(&state, v->ent)->kept) & v->mask;
	if (!idle)
		return prev_cpu;
	idle = vg_core_nearest(vg_ent(&state, v->ent), idle);
	b = idle & vg_bit(v->bit) ? v->bit : vg_lowest(idle);
	return vg_pcpu(c, b)->cpu;
}

static void enqueue_foreign(struct task_struct *p, u64 enq_flags)
{
	s32 cpu = scx_bpf_task_cpu(p);
	u32 cell = cell_of(cpu), b;
	struct vg_cell *c;
	u64 m;

	if (cell >= VG_MAX_CELLS)
		cell = 0;
	c = vg_cell(&state, cell);
	vg_count(c, VG_STAT_FOREIGN, 1);
	scx_bpf_dsq_insert(p, FOREIGN_DSQ + cell, FOREIGN_SLICE, enq_flags);
	vg_each_bit(b, m, c->idle & c->all) {
		cpu = vg_pcpu(c, b)->cpu;
		if (!bpf_cpumask_test_cpu(cpu, p->cpus_ptr))
			continue;
		scx_bpf_kick_cpu(cpu, KICK_IDLE);
		break;
	}
}

void BPF_STRUCT_OPS(vg_enqueue, struct task_struct *p, u64 enq_flags)
{
	u32 vi = task_vcpu(p), cell, b = VG_NONE;
	struct bpf_spin_lock *lock;
	struct vg_plan *pl = my_plan();
	bool again = enq_flags & ENQ(REENQ), held;
	struct vg_vcpu *v;
	struct vg_cell *c;
	u64 now = scx_bpf_now();

	if (vi == VG_NONE) {
		enqueue_foreign(p, enq_flags);
		return;
	}
	v = vg_vcpu(&state, vi);
	cell = vcpu_cell(vi);
	c = vg_cell(&state, cell);
	if (vg_vcpu_strays(&state, c, v)) {
		rehome(p, vi);
		cell = vcpu_cell(vi);
		c = vg_cell(&state, cell);
		enq_flags &= ~ENQ(LAST);	/* elsewhere it is not */
	}
	lock = cell_lock(cell);
	if (!lock)
		return;
	bpf_spin_lock(lock);
	vg_plan_begin(pl, now, VG_NONE, VG_NONE);
	if (again) {
		v->bounced++;
		vg_count(c, VG_STAT_HOST, 1);
	}
	vg_vcpu_wait(&state, c, pl, vi);
	if (!(enq_flags & ENQ(LAST)) || !vg_pcpu_asked(c, v->bit))
		b = vg_wake(&state, c, pl, vi, (enq_flags & ENQ(WAKEUP)) && !again);
	held = v->costop || (vg_ent(&state, v->ent)->flags & VG_HELD);
	bpf_spin_unlock(lock);
	if (b != VG_NONE) {
		scx_bpf_dsq_insert(p, DSQ_LOCAL_ON | vg_pcpu(c, b)->cpu, SLICE_GUARD,
				   place_flags(v));
	} else if (held) {
		vmgang_bpf_report_costop(p, true);
	}
	act(c, pl, pl->kick);
}

void BPF_STRUCT_OPS(vg_dispatch, s32 cpu, struct task_struct *prev)
{
	u32 cell = cell_of(cpu), bit, pvi = VG_NONE;
	struct vg_plan *pl = my_plan();
	struct bpf_spin_lock *lock;
	struct vg_cell *c;
	u64 now = scx_bpf_now();

	if (cell >= VG_MAX_CELLS || cpu < 0)
		return;
	bit = cpu_bit[cpu & (VG_MAX_CPUS - 1)];
	c = vg_cell(&state, cell);
	lock = cell_lock(cell);
	if (!lock)
		return;
	if (prev && (prev->scx.flags & SCX_TASK_QUEUED)) {
		pvi = task_vcpu(prev);
		if (pvi != VG_NONE && (vcpu_cell(pvi) != cell ||
				       vg_vcpu(&state, pvi)->state != VG_RUNNING))
			pvi = VG_NONE;
	}
	if (scx_bpf_dsq_nr_queued(FOREIGN_DSQ + cell) > 0 &&
	    vg_since(now, c->foreign) >= 4 * FOREIGN_SLICE &&
	    scx_bpf_dsq_move_to_local(FOREIGN_DSQ + cell)) {
		c->foreign = now;
		return;
	}

	vg_plan_begin(pl, now, bit, pvi);
	if (pvi != VG_NONE)
		ask_unsafe(vg_vm(&state, vg_vcpu(&state, pvi)->slot), pl, prev);
	bpf_spin_lock(lock);
	vg_pick(&state, c, pl);
	bpf_spin_unlock(lock);

	/*
	 * Read again what was known before: the verifier would follow the
	 * decision once for each of its values.
	 */
	prev = (struct task_struct *)ctx[1];
	pvi = prev ? task_vcpu(prev) : VG_NONE;
	if (pl->own == VG_KEEP) {
		if (prev)
			scx_bpf_task_set_slice(prev, SLICE_GUARD);
		if (prev && pl->ask)
			vmgang_bpf_ask_safe(prev);
	} else if (pl->own < VG_MAX_VCPUS) {
		if (!send(c, pl->own, bit, true)) {
			unsend(c, cell, pl->own, bit, pl);
			scx_bpf_kick_cpu(cpu, 0);
		}
	} else if (scx_bpf_dsq_nr_queued(FOREIGN_DSQ + cell) > 0 &&
		   scx_bpf_dsq_move_to_local(FOREIGN_DSQ + cell)) {
		c->foreign = pl->now;
		vg_idle_clear(c, bit);
	} else if (prev && pvi == VG_NONE && (prev->scx.flags & SCX_TASK_QUEUED)) {
		/* No vCPU: it goes on. */
		scx_bpf_task_set_slice(prev, FOREIGN_SLICE);
	}
	if (pl->placed)
		send_placed(c, cell, pl);
	act(c, pl, pl->kick);
}

void BPF_STRUCT_OPS(vg_running, struct task_struct *p)
{
	s32 cpu = scx_bpf_task_cpu(p);
	u32 vi = task_vcpu(p), cell;
	struct bpf_spin_lock *lock;
	struct vg_plan *pl = my_plan();
	struct vg_cell *c;
	u64 now = scx_bpf_now(), clock = bpf_ktime_get_ns();

	if (vi == VG_NONE || cpu < 0)
		return;
	cell = vcpu_cell(vi);
	c = vg_cell(&state, cell);
	lock = cell_lock(cell);
	if (!lock)
		return;
	bpf_spin_lock(lock);
	vg_plan_begin(pl, now, VG_NONE, VG_NONE);
	pl->clock = clock;
	if (cell_of(cpu) == cell) {
		vg_vcpu_run(&state, c, pl, vi, cpu_bit[cpu & (VG_MAX_CPUS - 1)]);
	} else {
		/* The kernel runs it where we would not: leave it alone. */
		vg_vcpu_leave(&state, c, pl, vi);
	}
	bpf_spin_unlock(lock);
	act(c, pl, pl->kick);
}

void BPF_STRUCT_OPS(vg_stopping, struct task_struct *p, bool runnable)
{
	u32 vi = task_vcpu(p), cell;
	struct bpf_spin_lock *lock;
	struct vg_plan *pl = my_plan();
	struct vg_cell *c;
	u64 now = scx_bpf_now(), clock = runnable ? 0 : bpf_ktime_get_ns();

	if (vi == VG_NONE)
		return;
	cell = vcpu_cell(vi);
	c = vg_cell(&state, cell);
	lock = cell_lock(cell);
	if (!lock)
		return;
	bpf_spin_lock(lock);
	vg_plan_begin(pl, now, VG_NONE, VG_NONE);
	pl->clock = clock;
	vg_vcpu_stop(&state, c, pl, vi);
	if (!runnable)
		vg_vcpu_sleeps(&state, c, vi, now);
	bpf_spin_unlock(lock);
	act(c, pl, pl->kick);
}

void BPF_STRUCT_OPS(vg_quiescent, struct task_struct *p, u64 deq_flags)
{
	u32 vi = task_vcpu(p), cell;
	struct bpf_spin_lock *lock;
	struct vg_plan *pl = my_plan();
	struct vg_cell *c;
	u64 now = scx_bpf_now();

	if (vi == VG_NONE || vg_vcpu_left(&state, vi))
		return;
	cell = vcpu_cell(vi);
	c = vg_cell(&state, cell);
	lock = cell_lock(cell);
	if (!lock)
		return;
	bpf_spin_lock(lock);
	vg_plan_begin(pl, now, VG_NONE, VG_NONE);
	vg_vcpu_leave(&state, c, pl, vi);
	bpf_spin_unlock(lock);
	act(c, pl, pl->kick);
}

/*
 * Adaptive and relaxed VMs are looked at here, since only what runs changes them.
 * The first member of a gang whose tick finds the deadline reached ends it.
 */
void BPF_STRUCT_OPS(vg_tick, struct task_struct *p)
{
	s32 cpu = scx_bpf_task_cpu(p);
	u32 vi = task_vcpu(p), cell = cell_of(cpu);
	struct vg_pcpu *pc;

	if (vi == VG_NONE || cell >= VG_MAX_CELLS || cpu < 0)
		return;
	adapt(vi);
	pc = vg_pcpu(vg_cell(&state, cell), cpu_bit[cpu & (VG_MAX_CPUS - 1)]);
	if (leads(vi) || pc->guard || scx_bpf_now() + VG_SLOP >= vg_pcpu_deadline(&state, pc, vi))
		scx_bpf_task_set_slice(p, 0);
}

bool BPF_STRUCT_OPS(vg_yield, struct task_struct *from, struct task_struct *to)
{
	u32 vi = task_vcpu(from), other;
	struct vg_cell *c;

	if (vi == VG_NONE) {
		scx_bpf_task_set_slice(from, 0);
		return false;
	}
	c = vg_cell(&state, vcpu_cell(vi));
	if (!to) {
		vg_pcpu(c, vg_vcpu(&state, vi)->bit)->yielded = 1;
		scx_bpf_task_set_slice(from, 0);
		return true;
	}
	other = task_vcpu(to);
	if (other == VG_NONE || !vg_spin_yield(&state, c, vi, other))
		return false;
	scx_bpf_task_set_slice(from, 0);
	return true;
}

void BPF_STRUCT_OPS(vg_update_idle, s32 cpu, bool idle)
{
	u32 cell = cell_of(cpu);
	struct vg_cell *c;

	if (cell >= VG_MAX_CELLS || cpu < 0)
		return;
	c = vg_cell(&state, cell);
	if (idle)
		vg_idle_set(c, cpu_bit[cpu & (VG_MAX_CPUS - 1)]);
	else
		vg_idle_clear(c, cpu_bit[cpu & (VG_MAX_CPUS - 1)]);
}

#include "gang_life.bpf.h"

SEC(".struct_ops.link")
struct sched_ext_ops vmgang_ops = {
	.select_cpu		= (void *)vg_select_cpu,
	.enqueue		= (void *)vg_enqueue,
	.dispatch		= (void *)vg_dispatch,
	.running		= (void *)vg_running,
	.stopping		= (void *)vg_stopping,
	.quiescent		= (void *)vg_quiescent,
	.tick			= (void *)vg_tick,
	.yield			= (void *)vg_yield,
	.update_idle		= (void *)vg_update_idle,
	.enable			= (void *)vg_enable,
	.disable		= (void *)vg_disable,
	.set_cpumask		= (void *)vg_set_cpumask,
	.cgroup_init		= (void *)vg_cgroup_init,
	.cgroup_exit		= (void *)vg_cgroup_exit,
	.cgroup_move		= (void *)vg_cgroup_move,
	.cgroup_set_weight	= (void *)vg_cgroup_set_weight,
	.cgroup_set_bandwidth	= (void *)vg_cgroup_set_bandwidth,
	.dump			= (void *)vg_dump,
	.init			= (void *)vg_init,
	.exit			= (void *)vg_exit,
	.dispatch_max_batch	= VG_CELL_PCPUS,
	.flags			= SCX_OPS_SWITCH_PARTIAL | SCX_OPS_ENQ_LAST,
	.timeout_ms		= 30000,
	.name			= "vmgang",
};
