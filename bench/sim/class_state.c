// SPDX-License-Identifier: GPL-2.0-only
/* The state of the modelled class: made once, copied for each simulation. */

#include <sys/mman.h>
#include <unistd.h>

#include "sched_class.h"

/*
 * A state of its own for each simulation, without clearing 10 MB each time: a
 * private mapping of one that has just begun, of which only the pages that the
 * simulation writes to are ever copied.
 */
struct vg_state_all *class_state_map(void)
{
	static int fd = -1;
	struct vg_state_all *s;

	if (fd < 0) {
		fd = memfd_create("vg_state_all", MFD_CLOEXEC);
		if (fd < 0 || ftruncate(fd, sizeof(*s)))
			return NULL;
		s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (s == MAP_FAILED)
			return NULL;
		vg_state_begin(s);
		munmap(s, sizeof(*s));
	}
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	return s == MAP_FAILED ? NULL : s;
}
