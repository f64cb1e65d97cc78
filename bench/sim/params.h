/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What things cost: the parameters of the model, in ns unless the name says
 * otherwise, each with its source. A scenario may set any in its [costs].
 *
 * "assumed" means that no published figure is claimed for it.
 *
 *	Li 2007		Li, Ding and Shen, "Quantifying the cost of context
 *			switch", ExpCS 2007: 3.8 us direct; indirectly, by the
 *			cache, from a few to more than 1,000 us
 *	Agesen 2012	Agesen, Mattson, Rugina and Sheldon, "Software
 *			techniques for avoiding hardware virtualization exits",
 *			USENIX ATC 2012: hardware round trip below 1,000 cycles
 *	GCC		GCC, "GNU Offloading and Multi Processing Runtime Library"
 *	KVM		Linux, arch/x86/kvm: the defaults of module parameters
 *	Linux		Linux, kernel/sched and the configuration of Debian 13
 */
#ifndef SIM_PARAMS_H
#define SIM_PARAMS_H

#include "types.h"

/* X(name, default, largest) */
#define COSTS(X)								\
	/* Save, choose and restore (Li 2007, direct part). */			\
	X(switch_ns, 3800, 1000000)						\
	/* L1 and L2 after somebody else ran there, or after a move within */	\
	/* the LLC (assumed; in the lower part of Li 2007's range). */		\
	X(refill_ns, 20000, 10000000)						\
	/* The same after a move to another LLC, to another NUMA node */	\
	/* (assumed; in the upper part of Li 2007's range). */			\
	X(refill_llc_ns, 100000, 10000000)					\
	X(refill_node_ns, 200000, 10000000)					\
	/* From the sender to the receiver's scheduler, its VM exit included */	\
	/* (assumed; some 1 us for the interrupt and 1 us for the exit). */	\
	X(ipi_ns, 2000, 1000000)						\
	/* Out of the idle loop on top of that, shallow C-state (assumed). */	\
	X(idle_exit_ns, 2000, 1000000)						\
	/* VM exit and entry with its handling (Agesen 2012: 0.3 us in */	\
	/* hardware at 3 GHz; the rest is software, assumed). */		\
	X(exit_ns, 1200, 1000000)						\
	/* The host's tick: an exit and its handler (assumed). */		\
	X(tick_ns, 3000, 1000000)						\
	/* A guest's own tick while it is busy (assumed: two exits and its */	\
	/* handler). */								\
	X(guest_tick_ns, 5000, 1000000)						\
	/* A lock's cache line from one holder to the next (assumed). */	\
	X(handoff_ns, 100, 1000000)						\
	/* PAUSE-loop exits: the first window (KVM: 4096 cycles on Intel, */	\
	/* 3000 PAUSEs on AMD; 3 GHz and 40 cycles a PAUSE assumed). It */	\
	/* doubles with each exit of a stint (KVM), on AMD up to 65535. */	\
	X(ple_intel_ns, 1365, 100000000)					\
	X(ple_amd_ns, 40000, 100000000)						\
	X(ple_amd_max_ns, 873800, 1000000000)					\
	/* Period of the tick (Linux: HZ=250). */				\
	X(hz_ns, 4000000, 100000000)						\
	/* How far the pCPUs' ticks are apart, of an even spread over the period */ \
	/* (Linux: 0, all at once, unless booted with skew_tick=1, says */	\
	/* Documentation/admin-guide/kernel-parameters.txt; an even spread is */ \
	/* the harder case for gangs, and the default here). */			\
	X(tick_skew_percent, 100, 100)						\
	/* An iteration of libgomp's spinning: PAUSE, a load, a compare (assumed: */\
	/* 14 cycles at 2.66 GHz on the paper's Xeon X5355; PAUSE alone takes 140 */\
	/* cycles since Skylake: Intel, "64 and IA-32 Architectures Optimization */\
	/* Reference Manual", PAUSE latency in Skylake). */			\
	X(spin_iteration_ns, 5, 10000)						\
	/* … and how often before it sleeps (GCC, "GNU libgomp", 4.24 */	\
	/* GOMP_SPINCOUNT: 300,000 if OMP_WAIT_POLICY is undefined). */		\
	X(spin_count, 300000, 1000000000)					\
	/* For who wakes a sleeper: futex system call and the interrupt's exit */\
	/* (assumed: 1 us of kernel, and exit_ns). */				\
	X(futex_wake_ns, 2200, 1000000)						\
	/* For who sleeps: futex wait, the guest's switch to idle and back */	\
	/* (assumed: two switches without the host's part). */			\
	X(futex_wait_ns, 4000, 1000000)						\
	/* EEVDF: base slice before it is scaled by 1 + log2 of the pCPUs, at */\
	/* most 8; what ran this recently is not moved (Linux). */		\
	X(eevdf_slice_ns, 700000, 100000000)					\
	X(migration_hot_ns, 500000, 100000000)

struct costs {
#define X(name, dfl, most) u64 name;
	COSTS(X)
#undef X
};

#endif
