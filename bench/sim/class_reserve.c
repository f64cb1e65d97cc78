// SPDX-License-Identifier: GPL-2.0-only
/* What vCPUs have reserved, watched from outside the policy: period by period. */

#include "props.h"
#include "sched_class.h"

static u64 ran_until_now(struct sim *sim, struct vcpu *v)
{
	return v->stats.run + (v->state == VCPU_RUNNING ? sim->now - v->since : 0);
}

/* A new period of its reservation may have begun, as it woke. */
void class_period_woken(struct sim *sim, struct vcpu *v)
{
	const struct vg_reserve *r = &vg_vcpu(st(sim), cv(v)->vi)->rsv;

	if (!r->terms.slice || r->due == cv(v)->due)
		return;
	cv(v)->due = r->due;
	cv(v)->ran = ran_until_now(sim, v);
}

/*
 * Periods that end now, of vCPUs that were runnable throughout and not held
 * by a cap: has each had its slice? What has run is the engine's word.
 */
void class_periods_end(struct sim *sim, struct vg_cell *c)
{
	u32 b, seat;
	u64 m, n;

	vg_each_bit(b, m, c->all) {
		const struct vg_pcpu *p = vg_pcpu(c, b);

		vg_each_bit(seat, n, p->live) {
			u32 vi = p->seat[seat & (VG_SEATS - 1)];
			const struct vg_reserve *r = &vg_vcpu(st(sim), vi)->rsv;
			struct vcpu *v = vcpu_at(sim, vi);

			if (!v || r->due > sim->now || v->vm->conf->quota)
				continue;
			/* What had run was forgotten since. */
			if (sim->warm_at > r->due - r->terms.period)
				continue;
			if (r->due == cv(v)->due && r->ready + r->terms.period <= r->due)
				props_period(sim, v, ran_until_now(sim, v) - cv(v)->ran,
					     r->terms.slice);
		}
	}
}

void class_periods_begin(struct sim *sim, struct vg_cell *c)
{
	u32 b, seat;
	u64 m, n;

	vg_each_bit(b, m, c->all)
		vg_each_bit(seat, n, vg_pcpu(c, b)->live) {
			struct vcpu *v = vcpu_at(sim, vg_pcpu(c, b)->seat[seat & (VG_SEATS - 1)]);

			if (v)
				class_period_woken(sim, v);
		}
}
