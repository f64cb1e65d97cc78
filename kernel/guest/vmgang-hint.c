// SPDX-License-Identifier: GPL-2.0-only
/*
 * For Linux guests: tells a host that runs vmgang when a vCPU holds a lock, by
 * Uhlig's intrusive method, without a change to any lock.
 *
 * A kernel that can be preempted counts, per CPU, what forbids that: spinlocks,
 * softirqs and interrupts.  That counter is the word that the host may look at
 * (hint.h), so to mark a region costs the guest nothing at all.
 *
 * And his safe-state device: a host that waits in vain for the counter to be 0
 * asks for it.  The interrupt by which it does so may come where locks are held or
 * interrupts are off; but a real-time thread that it wakes runs as soon as nothing
 * forbids that, so when it runs, no lock is held.
 */
#include <linux/cc_platform.h>
#include <linux/cpuhotplug.h>
#include <linux/io.h>
#include <linux/irq_work.h>
#include <linux/kvm_para.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/smpboot.h>
#include <linux/timer.h>

#include <asm/apic.h>
#include <asm/nmi.h>

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

static bool ask = true;
module_param(ask, bool, 0444);
MODULE_PARM_DESC(ask, "whether the host may ask a CPU to let go of its locks");

static DEFINE_PER_CPU(struct timer_list, timers);
static int cpuhp_state;
static bool leaving;

/* By which the host asks, and who answers. */
static DEFINE_PER_CPU(u32, asked);
static DEFINE_PER_CPU(struct irq_work, wakers);
static DEFINE_PER_CPU(struct task_struct *, answerers);
static DEFINE_PER_CPU(bool, unmasked);

static void tell(u32 leaf, phys_addr_t held, phys_addr_t asked_by)
{
	unsigned long a = leaf, b = held, s = asked_by;
	unsigned long c = VMGANG_HINT_CONTROL(hold_us), d = HELD;

	asm volatile("cpuid" : "+a" (a), "+b" (b), "+c" (c), "+d" (d) :
		     "S" (s) : "memory");
}

static void give(void)
{
	tell(VMGANG_HINT_LEAF, slow_virt_to_phys(preempt_count_word()),
	     ask ? slow_virt_to_phys(this_cpu_ptr(&asked)) : 0);
}

static void take_back(void *unused)
{
	tell(VMGANG_HINT_LEAF, 0, 0);
}

static int is_asked(unsigned int cpu)
{
	return READ_ONCE(per_cpu(asked, cpu)) == VMGANG_ASK_SAFE;
}

/* In the CPU's own thread: the host may have the pCPU here. */
static void answer(unsigned int cpu)
{
	WRITE_ONCE(per_cpu(asked, cpu), VMGANG_ASK_NOT);
	tell(VMGANG_SAFE_LEAF, 0, 0);
}

static void answerer_setup(unsigned int cpu)
{
	sched_set_fifo(current);
}

static struct smp_hotplug_thread answerer = {
	.store = &answerers,
	.thread_should_run = is_asked,
	.thread_fn = answer,
	.setup = answerer_setup,
	.thread_comm = "vmgang-hint/%u",
};

static void wake_answerer(struct irq_work *work)
{
	wake_up_process(this_cpu_read(answerers));
}

/* The counters' interrupt is shared with perf, which is never asked by this word. */
static int on_nmi(unsigned int type, struct pt_regs *regs)
{
	if (!is_asked(smp_processor_id()))
		return NMI_DONE;
	/* Some CPUs mask it when it is raised. */
	apic->write(APIC_LVTPC, APIC_DM_NMI);
	irq_work_queue(this_cpu_ptr(&wakers));
	return NMI_HANDLED;
}

/* The counters' interrupt is as perf has it; without perf it is masked. */
static void listen(void)
{
	u32 lvtpc = apic->read(APIC_LVTPC);

	this_cpu_write(unmasked, lvtpc & APIC_LVT_MASKED);
	if (lvtpc & APIC_LVT_MASKED)
		apic->write(APIC_LVTPC, APIC_DM_NMI);
	this_cpu_write(asked, VMGANG_ASK_NOT);
}

static void listen_no_more(void)
{
	this_cpu_write(asked, 0);
	if (this_cpu_read(unmasked))
		apic->write(APIC_LVTPC, APIC_DM_NMI | APIC_LVT_MASKED);
}

/*
 * On the CPU that it was started on; one that sleeps is not woken for it.  Another
 * host may know nothing of what the one before it asked.
 */
static void renew(struct timer_list *timer)
{
	unsigned long flags;

	if (ask && is_asked(smp_processor_id()))
		wake_up_process(this_cpu_read(answerers));
	/* Or the reboot's word might come between the look and what is given. */
	local_irq_save(flags);
	if (!READ_ONCE(leaving))
		give();
	local_irq_restore(flags);
	mod_timer(timer, jiffies + VMGANG_HINT_RENEW_S * HZ);
}

static int online(unsigned int cpu)
{
	struct timer_list *timer = per_cpu_ptr(&timers, cpu);

	if (ask)
		listen();
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
	if (ask)
		listen_no_more();
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

static int __init answer_init(void)
{
	unsigned int cpu;
	int ret;

	if (!ask)
		return 0;
	for_each_possible_cpu(cpu)
		per_cpu(wakers, cpu) = IRQ_WORK_INIT_HARD(wake_answerer);
	ret = smpboot_register_percpu_thread(&answerer);
	if (ret)
		return ret;
	ret = register_nmi_handler(NMI_LOCAL, on_nmi, 0, "vmgang-hint");
	if (ret)
		smpboot_unregister_percpu_thread(&answerer);
	return ret;
}

/* No CPU listens any more; one that was asked until then may still be at it. */
static void answer_uninit(void)
{
	unsigned int cpu;

	if (!ask)
		return;
	unregister_nmi_handler(NMI_LOCAL, "vmgang-hint");
	for_each_possible_cpu(cpu)
		irq_work_sync(per_cpu_ptr(&wakers, cpu));
	smpboot_unregister_percpu_thread(&answerer);
}

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
	if (!boot_cpu_has(X86_FEATURE_APIC))
		ask = false;
	ret = answer_init();
	if (ret)
		return ret;
	ret = register_reboot_notifier(&reboot_block);
	if (ret)
		goto no_answer;
	ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "vmgang/hint:online",
				online, offline);
	if (ret < 0)
		goto no_reboot;
	cpuhp_state = ret;
	return 0;

no_reboot:
	unregister_reboot_notifier(&reboot_block);
no_answer:
	answer_uninit();
	return ret;
}

/* Every CPU takes its word back. */
static void __exit hint_exit(void)
{
	cpuhp_remove_state(cpuhp_state);
	unregister_reboot_notifier(&reboot_block);
	answer_uninit();
}

module_init(hint_init);
module_exit(hint_exit);

MODULE_DESCRIPTION("Tells a vmgang host when a vCPU of this guest holds a lock");
MODULE_LICENSE("GPL");
