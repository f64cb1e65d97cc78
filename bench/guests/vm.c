// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "vm.h"

extern const char payload_start[], payload_end[];
extern const char payload_irq[];

static int vcpu_map_size;

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int fail(const char *what)
{
	fprintf(stderr, "vmm: %s: %s\n", what, strerror(errno));
	return -1;
}

static uint32_t *guest_word(struct vm *vm, uint32_t gpa)
{
	return (uint32_t *)((char *)vm->mem + gpa);
}

static uint32_t guest_address(const char *symbol)
{
	return GUEST_CODE + (uint32_t)(symbol - payload_start);
}

int vm_kvm_open(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int version;

	if (kvm < 0) {
		fprintf(stderr, "vmm: no KVM: /dev/kvm: %s (is kvm_intel or kvm_amd loaded?)\n",
			strerror(errno));
		return -1;
	}
	version = ioctl(kvm, KVM_GET_API_VERSION, 0);
	vcpu_map_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (version != KVM_API_VERSION || vcpu_map_size < 0) {
		fprintf(stderr, "vmm: /dev/kvm: API version %d, %d expected\n", version,
			KVM_API_VERSION);
		close(kvm);
		return -1;
	}
	return kvm;
}

/* One flat code and one flat data segment, and 256 gates to one handler. */
static void guest_tables(struct vm *vm)
{
	uint64_t *gdt = (uint64_t *)guest_word(vm, GUEST_GDT);
	uint64_t *idt = (uint64_t *)guest_word(vm, GUEST_IDT);
	uint32_t irq = guest_address(payload_irq);
	unsigned int i;

	gdt[GDT_CODE / 8] = 0x00cf9b000000ffffull;
	gdt[GDT_DATA / 8] = 0x00cf93000000ffffull;
	for (i = 0; i < 256; i++)
		idt[i] = (irq & 0xffff) | GDT_CODE << 16 | 0x8e00ull << 32 |
			 (uint64_t)(irq >> 16) << 48;
}

static void guest_params(struct vm *vm)
{
	const struct vm_params *p = &vm->params;
	int khz = ioctl(vm->vcpus[0].fd, KVM_GET_TSC_KHZ, 0);
	uint64_t run_tsc;

	/* Only `yieldy` reads the TSC; its word is good for a second or so. */
	if (khz <= 0)
		khz = 1000000;
	run_tsc = (uint64_t)p->run_us * khz / 1000;
	if (run_tsc > INT32_MAX)
		run_tsc = INT32_MAX;

	*guest_word(vm, SH_NR_VCPUS) = p->nr_vcpus;
	*guest_word(vm, SH_WORK) = p->work;
	*guest_word(vm, SH_THINK) = p->think;
	*guest_word(vm, SH_PHASE) = p->phase;
	*guest_word(vm, SH_LIMIT) = p->limit;
	*guest_word(vm, SH_RUN_TSC) = run_tsc;
	*guest_word(vm, SH_HALT_NS) = p->halt_us * 1000;
	*guest_word(vm, SH_HINT_SHIFT) = p->hint_shift;
	*guest_word(vm, SH_HINT_CONTROL) = p->hint_control;
	*guest_word(vm, SH_BARRIER) = p->nr_vcpus;
}

static int vcpu_registers(struct vcpu *vcpu)
{
	const struct payload *payload = vcpu->vm->params.payload;
	uint32_t area = GUEST_VCPU + vcpu->index * GUEST_VCPU_STRIDE;
	struct kvm_segment flat = {
		.limit = 0xffffffff, .selector = GDT_DATA, .type = 3, .present = 1,
		.db = 1, .s = 1, .g = 1,
	};
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_regs regs = {
		.rip = guest_address(payload->entry), .rflags = 2, .rbp = area,
		.rdi = vcpu->index, .rsp = area + GUEST_VCPU_STRIDE,
	};
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		return fail("KVM_GET_SREGS");
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat;
	flat.selector = GDT_CODE;
	flat.type = 11;
	sregs.cs = flat;
	sregs.gdt.base = GUEST_GDT;
	sregs.gdt.limit = GDT_DATA + 7;
	sregs.idt.base = GUEST_IDT;
	sregs.idt.limit = 256 * 8 - 1;
	sregs.cr0 |= 1;
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs))
		return fail("KVM_SET_SREGS");
	if (ioctl(vcpu->fd, KVM_SET_REGS, &regs))
		return fail("KVM_SET_REGS");
	if (payload->apic && ioctl(vcpu->fd, KVM_SET_MP_STATE, &runnable))
		return fail("KVM_SET_MP_STATE");
	return 0;
}

static int vcpu_create(struct vcpu *vcpu)
{
	vcpu->fd = ioctl(vcpu->vm->fd, KVM_CREATE_VCPU, (unsigned long)vcpu->index);
	if (vcpu->fd < 0)
		return fail("KVM_CREATE_VCPU");
	vcpu->run = mmap(NULL, vcpu_map_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		vcpu->run = NULL;
		return fail("mapping the vCPU");
	}
	return vcpu_registers(vcpu);
}

int vm_create(struct vm *vm, int kvm, const struct vm_params *params)
{
	struct kvm_userspace_memory_region region = { .memory_size = GUEST_MEM };
	unsigned int i;

	memset(vm, 0, sizeof(*vm));
	vm->params = *params;
	for (i = 0; i < params->nr_vcpus; i++)
		vm->vcpus[i] = (struct vcpu){ .vm = vm, .index = i, .fd = -1 };

	vm->fd = ioctl(kvm, KVM_CREATE_VM, 0ul);
	if (vm->fd < 0)
		return fail("KVM_CREATE_VM");
	vm->mem = mmap(NULL, GUEST_MEM, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (vm->mem == MAP_FAILED) {
		vm->mem = NULL;
		fail("guest memory");
		goto destroy;
	}
	memcpy(guest_word(vm, GUEST_CODE), payload_start, payload_end - payload_start);
	guest_tables(vm);
	region.userspace_addr = (uintptr_t)vm->mem;
	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region)) {
		fail("KVM_SET_USER_MEMORY_REGION");
		goto destroy;
	}
	/* Intel needs three pages for itself; AMD refuses or ignores them. */
	ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000ul);
	if (params->payload->apic && ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0)) {
		fail("KVM_CREATE_IRQCHIP");
		goto destroy;
	}
	for (i = 0; i < params->nr_vcpus; i++) {
		if (vcpu_create(&vm->vcpus[i]))
			goto destroy;
	}
	guest_params(vm);
	return 0;

destroy:
	vm_destroy(vm);
	return -1;
}

/* False: this vCPU is through with its work, or can not go on. */
static bool vcpu_handle_exit(struct vcpu *vcpu)
{
	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_IO:
		if (vcpu->run->io.port != PORT_DONE || !vcpu->vm->params.limit)
			return true;
		vcpu->done_ns = now_ns();
		return false;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		return true;
	default:
		fprintf(stderr, "vmm: vCPU %u: unexpected exit %u (%llx)\n", vcpu->index,
			vcpu->run->exit_reason,
			(unsigned long long)vcpu->run->hw.hardware_exit_reason);
		vcpu->vm->failed = true;
		return false;
	}
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *vcpu = arg;
	const struct vm_params *p = &vcpu->vm->params;
	char name[16];

	snprintf(name, sizeof(name), "CPU %u/KVM", vcpu->index);
	pthread_setname_np(pthread_self(), name);
	__atomic_store_n(&vcpu->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	if (p->nr_pins &&
	    sched_setaffinity(0, sizeof(*p->pins), &p->pins[vcpu->index % p->nr_pins])) {
		fail("--pin");
		vcpu->vm->failed = true;
		return NULL;
	}

	while (!__atomic_load_n(&vcpu->vm->stop, __ATOMIC_ACQUIRE)) {
		if (ioctl(vcpu->fd, KVM_RUN, 0)) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			fail("KVM_RUN");
			vcpu->vm->failed = true;
			break;
		}
		if (!vcpu_handle_exit(vcpu))
			break;
	}
	return NULL;
}

int vm_start(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->params.nr_vcpus; i++) {
		struct vcpu *vcpu = &vm->vcpus[i];

		errno = pthread_create(&vcpu->thread, NULL, vcpu_thread, vcpu);
		if (errno) {
			fail("vCPU thread");
			vm_stop(vm);
			return -1;
		}
		vcpu->started = true;
	}
	for (i = 0; i < vm->params.nr_vcpus; i++) {
		while (!__atomic_load_n(&vm->vcpus[i].tid, __ATOMIC_ACQUIRE))
			usleep(50);
	}
	return 0;
}

int vm_wait(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->params.nr_vcpus; i++) {
		if (vm->vcpus[i].started)
			pthread_join(vm->vcpus[i].thread, NULL);
		vm->vcpus[i].started = false;
	}
	return vm->failed ? -1 : 0;
}

/*
 * A vCPU in the guest leaves it for the signal; one on its way there sees
 * immediate_exit. The guest need not take part.
 */
int vm_stop(struct vm *vm)
{
	unsigned int i;

	__atomic_store_n(&vm->stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < vm->params.nr_vcpus; i++) {
		if (!vm->vcpus[i].started)
			continue;
		__atomic_store_n(&vm->vcpus[i].run->immediate_exit, 1, __ATOMIC_RELEASE);
		pthread_kill(vm->vcpus[i].thread, SIGUSR1);
	}
	return vm_wait(vm);
}

void vm_destroy(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->params.nr_vcpus; i++) {
		if (vm->vcpus[i].run)
			munmap(vm->vcpus[i].run, vcpu_map_size);
		if (vm->vcpus[i].fd >= 0)
			close(vm->vcpus[i].fd);
	}
	if (vm->mem)
		munmap(vm->mem, GUEST_MEM);
	close(vm->fd);
}

/*
 * The guest adds to a 64-bit counter with two instructions; a read between
 * them would be 2^32 short, and is taken for the value before.
 */
uint64_t vm_count(struct vm *vm, unsigned int vcpu)
{
	uint32_t *word = guest_word(vm, GUEST_VCPU + vcpu * GUEST_VCPU_STRIDE);
	uint64_t value = __atomic_load_n((uint64_t *)word, __ATOMIC_RELAXED);

	if (value > vm->vcpus[vcpu].seen)
		vm->vcpus[vcpu].seen = value;
	return vm->vcpus[vcpu].seen;
}
