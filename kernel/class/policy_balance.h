/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which VM is to have another home, and when.
 *
 * What a VM asks for is known once a second: the pCPUs that it used, and those
 * that it waited for.  A host has a *level*: the weight for each pCPU at which
 * every VM gets, in proportion to its weight, what it asks for or less.  A VM's
 * *pull* is its weight; or, if it asks for less than that is worth at the level,
 * what it asks for.  Every VM has its due if each cell has the same pull for
 * each of its pCPUs.  So at its heartbeat a cell that has more than the one that
 * has least moves one VM there: the one whose pull is nearest to half of the
 * difference.
 *
 * A worked number: two cells of 2 pCPUs; A has two VMs of two busy vCPUs, B one
 * of one, all of weight 100.  They ask for 5 pCPUs of 4; the level is 67: the
 * small VM can use no more than the one pCPU that 67 are worth.  A's pull is 200,
 * B's 67; half of the difference is 67, and a VM of A's that moves leaves 100
 * here and makes it 167 there: now B has two thirds of what A had over it, the
 * other way round.  All four pCPUs are busy, and no move makes that better.
 *
 * It never goes back and forth: a move always shrinks the difference, by an
 * eighth of the way at least; the difference has to be there at two heartbeats
 * in a row, and a VM that has moved stays for 8 s.  Only where a cell is seen
 * to run nobody, at two looks 100 ms apart and in between, though it could, while
 * somebody waits here, is a VM moved at once.
 *
 * The limits: a VM is moved whole, so shares are as even as whole VMs can be
 * spread: the last VM that would have to be cut in two is not.  A cell looks at
 * VG_SWEEP of its VMs each time, so a host that packs more into a cell needs as
 * many seconds more to know.  Demand that comes and goes within a second is
 * seen as its average.
 *
 * Other cells' sums are single words, read without their locks: they may be a
 * second old.  What was sent to a cell a moment ago is in its @due.
 */
#ifndef VMGANG_POLICY_BALANCE_H
#define VMGANG_POLICY_BALANCE_H

#include "policy_pick.h"

#define VG_LOOK		(100 * VG_MS)	/* between two looks at an idle cell */
#define VG_STAY		(8000 * VG_MS)	/* after a move */
#define VG_DUE		(1000 * VG_MS)	/* until who was sent is counted there */
#define VG_UNEVEN	2		/* heartbeats */
#define VG_GOALS	4		/* cells that a look tries */

/* A difference of less than this part of the level is none: 1.6 %. */
#define VG_LEVEL_SLACK	64

/* Weight over demand as a power of two. */
VG_INLINE u32 vg_ratio(u32 weight, u32 demand)
{
	u64 r = ((u64)weight << 16) / (demand ? demand : 1) | 1;

	r |= r >> 1;
	r |= r >> 2;
	r |= r >> 4;
	r |= r >> 8;
	r |= r >> 16;
	return (vg_weight_of(r) - 1) & (VG_RATIOS - 1);
}

/* Take ent @e out of its cell's sums. */
VG_FN void vg_ent_uncount(struct vg_cell *c, struct vg_ent *e)
{
	u32 r = vg_ratio(e->counted, e->demand);

	if (!e->counted)
		return;
	c->demand.weight[r] -= e->counted;
	c->demand.pcpus[r] -= e->demand;
	c->asked -= e->counted;
	c->want -= e->pull;
	e->counted = 0;
	e->pull = 0;
}

/* Enter it, as one that asks for @demand. */
VG_FN void vg_ent_count(struct vg_state_all *s, struct vg_cell *c, struct vg_ent *e, u32 demand)
{
	u64 weight = vg_vm(s, e->slot)->weight, pull = (u64)demand * s->level;
	u32 r;

	vg_ent_uncount(c, e);
	e->demand = demand;
	if (!demand)
		return;
	if (pull > weight * VG_WHOLE)
		pull = weight * VG_WHOLE;
	r = vg_ratio(weight, demand);
	c->demand.weight[r] += weight;
	c->demand.pcpus[r] += demand;
	c->asked += weight;
	c->want += pull;
	e->counted = weight;
	e->pull = pull;
}

/* The first vCPU of ent @ei has come to the cell: begin to count. */
VG_FN void vg_ent_link(struct vg_state_all *s, struct vg_cell *c, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);

	e->before = VG_NONE;
	e->after = c->ents;
	if (c->ents != VG_NONE)
		vg_ent(s, c->ents)->before = ei;
	c->ents = ei;
	c->nr_ents++;
}

VG_FN void vg_ent_unlink(struct vg_state_all *s, struct vg_cell *c, u32 ei)
{
	struct vg_ent *e = vg_ent(s, ei);

	vg_ent_uncount(c, e);
	if (c->at == ei)
		c->at = e->after;
	if (e->before == VG_NONE)
		c->ents = e->after;
	else
		vg_ent(s, e->before)->after = e->after;
	if (e->after != VG_NONE)
		vg_ent(s, e->after)->before = e->before;
	c->nr_ents--;
}

/* What the VMs of all cells with ratio @r ask for: weights << 32 | pCPUs. */
VG_FN u64 vg_host_asks(struct vg_state_all *s, u32 r)
{
	u64 sum = 0;
	int i;

	vg_times(i, VG_MAX_CELLS) {
		struct vg_demand *d = &vg_cell(s, i)->demand;

		if (i >= (int)s->nr_cells)
			break;
		sum += (u64)d->weight[r & (VG_RATIOS - 1)] << 32;
		sum += d->pcpus[r & (VG_RATIOS - 1)];
	}
	return sum;
}

/*
 * The level, from all cells' sums; no lock.  Those who ask for least by their
 * weight have it in full; what they leave is for the others.  If all can have
 * what they ask for the level is least, and pulls are demands.
 */
VG_FN void vg_host_level(struct vg_state_all *s, u64 now)
{
	u64 weight = 0, pcpus = 0, level = 0;
	int i;

	if (s->nr_cells < 2 || vg_since(now, s->level_at) < VG_HEARTBEAT / 2)
		return;
	s->level_at = now;
	vg_times(i, VG_MAX_CELLS) {
		struct vg_cell *c = vg_cell(s, i);

		if (i >= (int)s->nr_cells)
			break;
		weight += c->asked;
		pcpus += (u64)c->nr_pcpus * VG_WHOLE;
	}
	vg_times(i, VG_RATIOS) {
		u64 asks = vg_host_asks(s, VG_RATIOS - 1 - i);
		u64 w = asks >> 32, d = asks & 0xffffffff;

		if (!d)
			continue;
		if (w * pcpus < weight * d)
			break;
		weight -= w < weight ? w : weight;
		pcpus -= d < pcpus ? d : pcpus;
		if (!weight || !pcpus)
			break;
	}
	if (weight && pcpus)
		level = weight * VG_WHOLE / pcpus;
	s->level = level ? level : 1;
}

/* What ent @ei has asked for since it was last looked at. */
VG_FN void vg_ent_ask(struct vg_state_all *s, struct vg_cell *c, u32 ei, u64 now)
{
	struct vg_ent *e = vg_ent(s, ei);
	struct vg_vm *vm = vg_vm(s, e->slot);
	u64 span, d, most, waits = 0;

	if (e->nr_waiting) {
		waits = vg_since(now, vg_vcpu(s, e->head)->since);
		if (!e->seen)
			e->seen = now - waits;
	}
	span = vg_since(now, e->seen);
	if (!e->seen || span < VG_HEARTBEAT / 4)
		return;
	waits = (waits < span ? waits : span) * e->nr_waiting;
	d = (e->ran + e->waited + waits) * VG_WHOLE / span;
	most = (u64)e->nr_bound * VG_WHOLE;
	if (d > most * 7 / 8)
		d = most;		/* all of them, all the time */
	else
		d = (d + e->demand) / 2;
	most = (u64)c->nr_pcpus * VG_WHOLE;
	if (vm->cap.quota && vm->cap.period &&
	    vm->cap.quota * VG_WHOLE / vm->cap.period < most)
		most = vm->cap.quota * VG_WHOLE / vm->cap.period;
	if (d > most)
		d = most;
	e->seen = now;
	e->ran = 0;
	e->waited = 0;
	if (vm->home != c->id && (e->cells & vg_bit(vm->home)))
		d = 0;			/* on its way out */
	vg_ent_count(s, c, e, d);
}

/* Once a second: what do VG_SWEEP of the cell's VMs ask for? */
VG_FN void vg_cell_ask(struct vg_state_all *s, struct vg_cell *c, u64 now)
{
	u32 n = c->nr_ents < VG_SWEEP ? c->nr_ents : VG_SWEEP, ei = c->at;
	int i;

	c->reach = 0;
	c->level = s->level;
	vg_times(i, n) {
		if (ei == VG_NONE)
			ei = c->ents;
		if (ei == VG_NONE)
			break;
		vg_ent_ask(s, c, ei, now);
		c->reach |= vg_ent(s, ei)->cells;
		ei = vg_ent(s, ei)->after;
	}
	c->at = ei;
}

/* What the VMs of cell @c come to, those on their way there included. */
VG_INLINE u64 vg_cell_expects(struct vg_cell *c, u64 now)
{
	s64 due = c->due;

	return c->want + (due > 0 && vg_since(now, c->due_at) < VG_DUE ? (u64)due : 0);
}

/*
 * Can @o's sums be held against those of others?  Not if they were made for
 * another level; that takes no longer than until its next heartbeat.
 */
VG_INLINE bool vg_cell_current(struct vg_state_all *s, struct vg_cell *o)
{
	u64 off = o->level < s->level ? s->level - o->level : o->level - s->level;

	return !o->asked || off * 16 <= s->level;
}

/* The cell of @cells with the least for each of its pCPUs. */
VG_FN u32 vg_cell_lighter(struct vg_state_all *s, struct vg_cell *c, u64 cells, u64 now)
{
	u32 best = VG_NONE, pcpus = 0;
	u64 least = 0;
	int i;

	vg_times(i, VG_MAX_CELLS) {
		struct vg_cell *o = vg_cell(s, i);
		u64 wants;

		if (i >= (int)s->nr_cells)
			break;
		if (o == c || !(cells & vg_bit(i)) || !o->nr_pcpus || !vg_cell_current(s, o))
			continue;
		wants = vg_cell_expects(o, now);
		if (best == VG_NONE || wants * pcpus < least * o->nr_pcpus) {
			best = i;
			least = wants;
			pcpus = o->nr_pcpus;
		}
	}
	return best;
}

/*
 * The VM of cell @c whose pull is nearest to @half and that may go to pl->to, all
 * of it at once if it is a gang.  @rests: nobody is there, so that any VM will do
 * with which that cell has less than this one has now.
 */
VG_FN void vg_cell_mover(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl, u64 half,
			 bool rests)
{
	u32 n = c->nr_ents < VG_SWEEP ? c->nr_ents : VG_SWEEP, ei = c->at, room;
	u64 least = ~0ULL, most = rests ? 2 * half : 2 * half - half / 8;
	int i;

	room = vg_cell(s, pl->to)->nr_pcpus;
	vg_times(i, n) {
		struct vg_ent *e;
		struct vg_vm *vm;
		u64 off;
		u32 at;

		at = ei == VG_NONE ? c->ents : ei;
		if (at == VG_NONE)
			break;
		e = vg_ent(s, at);
		vm = vg_vm(s, e->slot);
		ei = e->after;
		/* What is reserved is booked here. */
		if (vm->terms.slice || vm->home != c->id || !e->pull || e->pull >= most ||
		    !(e->cells & vg_bit(pl->to)) ||
		    (room < c->nr_pcpus && e->nr_bound > room) ||
		    (!rests && vm->moved && vg_since(pl->now, vm->moved) < VG_STAY))
			continue;
		off = e->pull < half ? half - e->pull : e->pull - half;
		if (off >= least)
			continue;
		least = off;
		pl->mover = at;
		pl->mover_id = vm->id;
	}
}

/* Does cell @o do nothing now, and is not kept from it by the host's threads? */
VG_INLINE bool vg_cell_idles(struct vg_cell *o)
{
	return !o->nr_running && (o->idle & o->all);
}

/* Has cell @t done nothing since the last look?  If it is idle now, look again. */
VG_FN bool vg_cell_rests(struct vg_state_all *s, struct vg_cell *c, u32 t, u64 now)
{
	u64 runs = vg_cell(s, t)->runs;
	bool known = c->idler == t && c->idler_runs == runs;

	c->idler = t;
	c->idler_runs = runs;
	c->look = now + VG_LOOK;
	return known;
}

/* The lowest of @cells that is idle, VG_NONE if none is. */
VG_FN u32 vg_cell_idler(struct vg_state_all *s, struct vg_cell *c, u64 cells)
{
	int i;

	vg_times(i, VG_MAX_CELLS) {
		struct vg_cell *o = vg_cell(s, i);

		if (i >= (int)s->nr_cells)
			break;
		if (o != c && (cells & vg_bit(i)) && vg_cell_idles(o))
			return i;
	}
	return VG_NONE;
}

/*
 * Would a VM that moves from @c to pl->to, which expects @there, make the two
 * more even?  Then pl->mover is the one that does so most.  False: there is not
 * enough between the two.
 */
VG_FN bool vg_cell_compare(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl,
			   u64 there, bool rests)
{
	struct vg_cell *o = vg_cell(s, pl->to);
	u64 mine = c->want * o->nr_pcpus, theirs = there * c->nr_pcpus, half;

	if (mine <= theirs)
		return false;
	if (!rests && (mine - theirs) * VG_LEVEL_SLACK <=
		      s->level * VG_WHOLE * c->nr_pcpus * o->nr_pcpus)
		return false;
	half = (mine - theirs) / (c->nr_pcpus + o->nr_pcpus);
	vg_cell_mover(s, c, pl, half, rests);
	return true;
}

/*
 * Cell lock.  Is somebody to leave this cell?  The answer is in pl->mover and
 * pl->to.  @beat: it is the heartbeat, not a look in between.
 */
VG_FN void vg_cell_balance(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl,
			   bool beat)
{
	u64 cells;
	int k;

	pl->mover = VG_NONE;
	c->look = 0;
	if (s->nr_cells < 2)
		return;
	if (beat)
		vg_cell_ask(s, c, pl->now);
	cells = c->reach & ~vg_bit(c->id);
	pl->to = c->nr_queued ? vg_cell_idler(s, c, cells) : VG_NONE;
	if (pl->to == VG_NONE)
		c->idler = VG_NONE;
	if (pl->to != VG_NONE && vg_cell_rests(s, c, pl->to, pl->now)) {
		pl->due = vg_cell(s, pl->to)->due;
		vg_cell_compare(s, c, pl, vg_cell_expects(vg_cell(s, pl->to), pl->now) -
				vg_cell(s, pl->to)->want, true);
		if (pl->mover != VG_NONE)
			return;
		c->look = 0;
	}
	if (!beat)
		return;
	/* Who has no more than the level asks nobody to share. */
	if (c->want * 8 < s->level * 7 * VG_WHOLE * c->nr_pcpus) {
		c->uneven = 0;
		return;
	}
	c->uneven++;
	vg_times(k, VG_GOALS) {
		pl->to = vg_cell_lighter(s, c, cells, pl->now);
		if (pl->to == VG_NONE)
			break;
		pl->due = vg_cell(s, pl->to)->due;
		if (!vg_cell_compare(s, c, pl, vg_cell_expects(vg_cell(s, pl->to), pl->now),
				     false))
			break;
		if (pl->mover != VG_NONE)
			break;
		cells &= ~vg_bit(pl->to);
	}
	if (pl->mover == VG_NONE)
		c->uneven = 0;
	else if (c->uneven < VG_UNEVEN)
		pl->mover = VG_NONE;
}

/*
 * Registry lock.  The VM of pl->mover, which was chosen under the lock of cell
 * @c, is at home in pl->to from now on.  False: that has become a bad idea.
 */
VG_FN bool vg_vm_move(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	struct vg_cell *to = vg_cell(s, pl->to);
	struct vg_ent *e = vg_ent(s, pl->mover);
	struct vg_vm *vm = vg_vm(s, e->slot);

	if (vm->id != pl->mover_id || !vm->nr_vcpus || vm->home != c->id || to->due != pl->due)
		return false;
	if (vg_since(pl->now, to->due_at) >= VG_DUE)
		to->due = 0;
	__sync_fetch_and_add(&to->due, e->pull);
	to->due_at = pl->now;
	c->load -= vm->weight < c->load ? vm->weight : c->load;
	to->load += vm->weight;
	vm->demand = e->demand;
	vm->moved = pl->now;
	vm->home = to->id;
	return true;
}

/*
 * Cell lock, after that: those who run are to go at once, so let them ask; who
 * waits is not to wait for a gang that will not be whole here again.
 */
VG_FN void vg_cell_moved(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	struct vg_ent *e = vg_ent(s, pl->mover);

	vg_count(c, VG_STAT_MOVES, 1);
	if (e->cell != c->id || e->slot >= VMGANG_MAX_VMS ||
	    vg_vm(s, e->slot)->id != pl->mover_id)
		return;
	vg_ent_count(s, c, e, 0);
	vg_ent_cosched(s, c, pl, pl->mover, VMGANG_COSCHED_OFF);
	vg_ent_relax(s, c, pl->mover, pl->now);
	vg_relaxed_free(s, c, pl, pl->mover);
	pl->kick |= e->on;
}

/*
 * How far ent @ei is ahead of its cell, by what its vCPUs have really run: who
 * runs is charged in advance.
 */
VG_FN s64 vg_ent_lead(struct vg_state_all *s, struct vg_cell *c, u32 ei, u64 now)
{
	struct vg_ent *e = vg_ent(s, ei);
	u64 v = e->vtime, m;
	u32 b;

	vg_each_bit(b, m, e->on) {
		struct vg_pcpu *p = vg_pcpu(c, b);
		u32 vi = p->cur;

		if (p->coming != VG_NONE && vg_vcpu(s, p->coming)->ent == ei)
			v -= vg_vtime(e, vg_vcpu(s, p->coming)->pre);
		if (vi == VG_NONE || vg_vcpu(s, vi)->ent != ei)
			continue;
		v -= vg_vtime(e, vg_vcpu(s, vi)->pre);
		v += vg_vtime(e, vg_since(now, vg_vcpu(s, vi)->start));
	}
	return v - c->vnow;
}

/*
 * What a cell's timer does, under its lock, at the time it asked for and at
 * least at each heartbeat.  Returns when it is to come again.
 */
VG_FN u64 vg_cell_timer(struct vg_state_all *s, struct vg_cell *c, struct vg_plan *pl)
{
	u64 next = pl->now + VG_HEARTBEAT, wants;
	bool beat = vg_since(pl->now, c->swept) >= VG_HEARTBEAT / 2;

	vg_cell_refill(s, c, pl);
	vg_cell_alarm(s, c, pl);
	vg_core_settle(s, c, pl->now);
	pl->mover = VG_NONE;
	if (beat) {
		c->swept = pl->now;
		vg_cell_sweep(s, c, pl);
	}
	if (beat || (c->look && pl->now >= c->look))
		vg_cell_balance(s, c, pl, beat);
	if (c->look && c->look < next)
		next = c->look;
	wants = vg_cell_wants(c);
	if (wants && wants < next)
		next = wants;
	return next;
}

/* Is the timer of cell @c, which has something to do, set for too late? */
VG_INLINE bool vg_cell_late(struct vg_cell *c, u64 now)
{
	u64 wants = vg_cell_wants(c);

	return wants && (wants < c->armed || c->armed <= now);
}

#endif /* VMGANG_POLICY_BALANCE_H */
