// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "vm.h"

#define SLOT_ID		1
#define HELD_BYTE	0xff	/* of every word */

static const char *const fates[] = {
	[SLOT_UNMAP] = "unmap",
	[SLOT_MOVE] = "move",
	[SLOT_REPLACE] = "replace",
};

int slot_parse(const char *name, enum slot_fate *fate)
{
	int i;

	for (i = SLOT_UNMAP; i <= SLOT_REPLACE; i++) {
		if (!strcmp(fates[i], name)) {
			*fate = i;
			return 0;
		}
	}
	return -1;
}

static int fail(const char *what)
{
	fprintf(stderr, "vmm: second slot: %s: %s\n", what, strerror(errno));
	return -1;
}

/* The slot is @size bytes of vm->slot at the guest's @gpa; of none it is gone. */
static int set_region(struct vm *vm, uint64_t gpa, uint64_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = SLOT_ID, .guest_phys_addr = gpa, .memory_size = size,
		.userspace_addr = (uintptr_t)vm->slot,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region) ?
	       fail("KVM_SET_USER_MEMORY_REGION") : 0;
}

static int map(struct vm *vm)
{
	vm->slot = mmap(NULL, GUEST_SLOT_MEM, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (vm->slot != MAP_FAILED)
		return 0;
	vm->slot = NULL;
	return fail("mmap");
}

int slot_create(struct vm *vm)
{
	if (vm->params.slot == SLOT_NONE)
		return 0;
	if (map(vm))
		return -1;
	memset(vm->slot, HELD_BYTE, GUEST_SLOT_MEM);
	return set_region(vm, GUEST_SLOT, GUEST_SLOT_MEM);
}

/* The vCPUs run meanwhile. */
int slot_change(struct vm *vm)
{
	if (!vm->slot)
		return 0;
	if (vm->params.slot == SLOT_MOVE)
		return set_region(vm, GUEST_SLOT_MOVED, GUEST_SLOT_MEM);
	if (set_region(vm, GUEST_SLOT, 0))
		return -1;
	slot_destroy(vm);
	if (vm->params.slot == SLOT_UNMAP)
		return 0;
	return map(vm) ? -1 : set_region(vm, GUEST_SLOT, GUEST_SLOT_MEM);
}

void slot_destroy(struct vm *vm)
{
	if (vm->slot)
		munmap(vm->slot, GUEST_SLOT_MEM);
	vm->slot = NULL;
}
