/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events: what happens at a time. A binary heap; events of the same time happen
 * in the order in which they were set, so that a run can be repeated exactly.
 */
#ifndef SIM_EVENT_H
#define SIM_EVENT_H

#include "types.h"

struct sim;

/**
 * struct event - something that is to happen; part of what it happens to
 * @at:		ns
 * @seq:	the how manieth event that was set
 * @pos:	in the heap; 0: not set (zeroed memory is an event that is not set)
 * @fire:	called when it is time; the event is not set then
 * @arg:	for @fire
 */
struct event {
	u64 at;
	u64 seq;
	u32 pos;
	void (*fire)(struct sim *sim, void *arg);
	void *arg;
};

struct event_queue {
	struct event **heap;	/* from 1 */
	u32 nr;
	u32 max;
	u64 seq;
};

/* Set @e, which may be set already, to happen @at. */
void event_set(struct event_queue *q, struct event *e, u64 at);
void event_cancel(struct event_queue *q, struct event *e);
/* The earliest event, no longer set; NULL if there is none. */
struct event *event_pop(struct event_queue *q);
void event_free(struct event_queue *q);

static inline bool event_is_set(const struct event *e)
{
	return e->pos;
}

#endif
