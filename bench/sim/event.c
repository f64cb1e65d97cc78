// SPDX-License-Identifier: GPL-2.0-only
/* The heap of events. */

#include <stdio.h>
#include <stdlib.h>

#include "event.h"

static bool before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void put(struct event_queue *q, u32 pos, struct event *e)
{
	q->heap[pos] = e;
	e->pos = pos;
}

/* Move @e from the hole at @pos to where it belongs. */
static void sift(struct event_queue *q, u32 pos, struct event *e)
{
	u32 child;

	while (pos > 1 && before(e, q->heap[pos / 2])) {
		put(q, pos, q->heap[pos / 2]);
		pos /= 2;
	}
	while ((child = pos * 2) <= q->nr) {
		if (child < q->nr && before(q->heap[child + 1], q->heap[child]))
			child++;
		if (!before(q->heap[child], e))
			break;
		put(q, pos, q->heap[child]);
		pos = child;
	}
	put(q, pos, e);
}

void event_set(struct event_queue *q, struct event *e, u64 at)
{
	e->at = at;
	e->seq = ++q->seq;
	if (e->pos) {
		sift(q, e->pos, e);
		return;
	}
	if (q->nr + 1 >= q->max) {
		u32 max = q->max ? q->max * 2 : 64;
		struct event **heap = realloc(q->heap, max * sizeof(struct event *));

		if (!heap) {
			perror("sim: events");
			exit(1);
		}
		q->heap = heap;
		q->max = max;
	}
	q->nr++;
	sift(q, q->nr, e);
}

void event_cancel(struct event_queue *q, struct event *e)
{
	u32 pos = e->pos;
	struct event *last;

	if (!pos)
		return;
	e->pos = 0;
	last = q->heap[q->nr--];
	if (last != e)
		sift(q, pos, last);
}

struct event *event_pop(struct event_queue *q)
{
	struct event *e = q->nr ? q->heap[1] : NULL;

	if (e)
		event_cancel(q, e);
	return e;
}

void event_free(struct event_queue *q)
{
	free(q->heap);
	q->heap = NULL;
	q->nr = 0;
	q->max = 0;
}
