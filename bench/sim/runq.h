/* SPDX-License-Identifier: GPL-2.0-only */
/* A queue of vCPUs that want to run: what the yardstick schedulers share. */
#ifndef SIM_RUNQ_H
#define SIM_RUNQ_H

#include <stdio.h>

#include "host.h"

/**
 * struct runq_node - a vCPU's place, part of a scheduler's vCPU; zeroed: in none
 * @key:	the lowest is first; among equals, who came first
 */
struct runq_node {
	struct runq_node *next;
	struct runq_node *prev;
	struct vcpu *v;
	s64 key;
	bool on;
};

struct runq {
	struct runq_node *first;
	u32 nr;
};

static inline void runq_add(struct runq *q, struct runq_node *n, struct vcpu *v, s64 key)
{
	struct runq_node **at = &q->first, *last = NULL;

	while (*at && (*at)->key <= key) {
		last = *at;
		at = &last->next;
	}
	n->v = v;
	n->key = key;
	n->on = true;
	n->prev = last;
	n->next = *at;
	if (*at)
		(*at)->prev = n;
	*at = n;
	q->nr++;
}

static inline void runq_del(struct runq *q, struct runq_node *n)
{
	if (!n->on)
		return;
	if (n->prev)
		n->prev->next = n->next;
	else
		q->first = n->next;
	if (n->next)
		n->next->prev = n->prev;
	n->on = false;
	q->nr--;
}

/* The pCPU of @v's mask that comes after the last one asked for: where new ones go. */
static inline u32 runq_deal(struct sim *sim, const struct vcpu *v, u32 *last)
{
	u32 i, at = *last;

	for (i = 0; i < sim->nr_pcpus; i++) {
		at = at + 1 < sim->nr_pcpus ? at + 1 : 0;
		if (cpuset_has(&v->mask, at))
			break;
	}
	*last = at;
	return at;
}

/* 0, or -1 after a message: @sim's scheduler is of a time before pinned vCPUs. */
static inline int runq_refuse_pins(const struct sim *sim, const char *name)
{
	u32 i;

	for (i = 0; i < sim->nr_vms; i++) {
		if (sim->vms[i].conf->pin == PIN_NONE)
			continue;
		fprintf(stderr, "sim: %s: [vm %s] pin: allowed is none under this scheduler\n",
			name, sim->vms[i].conf->name);
		return -1;
	}
	return 0;
}

#endif
