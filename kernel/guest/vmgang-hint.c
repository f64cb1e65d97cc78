// SPDX-License-Identifier: GPL-2.0-only
/*
 * For Linux guests: tells a host that runs vmgang when a vCPU holds a lock, by
 * Uhlig's intrusive method, without a change to any lock.
 *
 * A kernel that can be preempted counts, per CPU, what forbids that: spinlocks,
 * softirqs and interrupts.  That counter is the word that the host may look at
 * (hint.h), so to mark a region costs the guest nothing at all.
 */
#include <linux/cc_platform.h>
#include <linux/cpuhotplug.h>
#include <linux/io.h>
#include <linux/kvm_para.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <linux/timer.h>

#include "compat.h"
#include "hint.h"

/*
 * Every bit that a lock or an interrupt sets; the one above says, inverted,
 * that the guest's own scheduler wants the CPU.
 */
#define HELD	(PREEMPT_MASK | SOFTIRQ_MASK | HARDIRQ_DISABLE_MASK | \
		 HARDIRQ_MASK | NMI_MASK)

static unsigned int hold_us = 500;
module_param(hold_us, uint, 0444);
MODULE_PARM_DESC(hold_us, "how long a lock is held as a rule, in microseconds (1 to 65535)");

static DEFINE_PER_CPU(struct timer_list, timers);
static int cpuhp_state;
static bool leaving;

static void tell(phys_addr_t word)
{
	unsigned long a = VMGANG_HINT_LEAF, b = word;
	unsigned long c = VMGANG_HINT_CONTROL(hold_us), d = HELD;

	asm volatile("cpuid" : "+a" (a), "+b" (b), "+c" (c), "+d" (d) : :
		     "memory");
}

static void give(void)
{
	tell(slow_virt_to_phys(preempt_count_word()));
}

static void take_back(void *unused)
{
	tell(0);
}

/* On the CPU that it was started on; one that sleeps is not woken for it. */
static void renew(struct timer_list *timer)
{
	if (READ_ONCE(leaving))
		return;
	give();
	mod_timer(timer, jiffies + VMGANG_HINT_RENEW_S * HZ);
}

static int online(unsigned int cpu)
{
	struct timer_list *timer = per_cpu_ptr(&timers, cpu);

	give();
	timer_setup(timer, renew, TIMER_PINNED | TIMER_DEFERRABLE);
	timer->expires = jiffies + VMGANG_HINT_RENEW_S * HZ;
	add_timer_on(timer, cpu);
	return 0;
}

static int offline(unsigned int cpu)
{
	timer_delete_sync(per_cpu_ptr(&timers, cpu));
	take_back(NULL);
	return 0;
}

/* Before a reboot and before kexec: the word will soon be something else. */
static int on_reboot(struct notifier_block *block, unsigned long action,
		     void *data)
{
	WRITE_ONCE(leaving, true);
	on_each_cpu(take_back, NULL, 1);
	return NOTIFY_DONE;
}

static struct notifier_block reboot_block = { .notifier_call = on_reboot };

static int __init hint_init(void)
{
	int ret;

	if (!kvm_para_available())
		return -ENODEV;
	/* The host could not read what it is to look at. */
	if (cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT))
		return -EOPNOTSUPP;
	if (!hold_us || VMGANG_HINT_HOLD_US(hold_us) != hold_us) {
		pr_err("vmgang-hint: hold_us=%u is not 1 to 65535\n", hold_us);
		return -EINVAL;
	}
	ret = register_reboot_notifier(&reboot_block);
	if (ret)
		return ret;
	ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "vmgang/hint:online",
				online, offline);
	if (ret < 0) {
		unregister_reboot_notifier(&reboot_block);
		return ret;
	}
	cpuhp_state = ret;
	return 0;
}

/* Every CPU takes its word back. */
static void __exit hint_exit(void)
{
	cpuhp_remove_state(cpuhp_state);
	unregister_reboot_notifier(&reboot_block);
}

module_init(hint_init);
module_exit(hint_exit);

MODULE_DESCRIPTION("Tells a vmgang host when a vCPU of this guest holds a lock");
MODULE_LICENSE("GPL");
