/* SPDX-License-Identifier: GPL-2.0-only */
/* One micro-VM: its KVM objects, its guest memory and its vCPU threads. */
#ifndef VMGANG_GUEST_VM_H
#define VMGANG_GUEST_VM_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "layout.h"

struct payload {
	const char *name;
	const char *entry;	/* in payload.S */
	bool apic;		/* needs KVM's interrupt controller */
	uint32_t work;		/* default turns */
	const char *counts;	/* what one iteration is */
};

struct vm_params {
	const struct payload *payload;
	unsigned int nr_vcpus;
	uint32_t work, think, phase, limit;
	uint32_t run_us, halt_us;
	uint32_t hint_shift, hint_control;
	const cpu_set_t *pins;	/* vCPU i runs on pins[i % nr_pins] */
	unsigned int nr_pins;
};

struct vm;

struct vcpu {
	struct vm *vm;
	unsigned int index;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	bool started;
	pid_t tid;
	uint64_t done_ns;	/* CLOCK_MONOTONIC of reaching the limit, or 0 */
	uint64_t seen;		/* latest counter value that was read */
};

struct vm {
	struct vm_params params;
	int fd;
	void *mem;
	bool stop;
	bool failed;
	struct vcpu vcpus[GUEST_MAX_VCPUS];
};

/* All return 0 or print why not and return -1. */
int vm_kvm_open(void);
int vm_create(struct vm *vm, int kvm, const struct vm_params *params);
int vm_start(struct vm *vm);
/* Wait until every vCPU has reached its limit. */
int vm_wait(struct vm *vm);
/* Stop the vCPU threads, wherever the guest is, and join them. */
int vm_stop(struct vm *vm);
void vm_destroy(struct vm *vm);

uint64_t vm_count(struct vm *vm, unsigned int vcpu);
uint64_t now_ns(void);

#endif
