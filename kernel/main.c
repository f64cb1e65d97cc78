// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmgang: co-scheduling for SMP virtual machines under KVM.
 *
 * The door.  What is inside: vm.h names the objects and the locks, vm.c tells
 * how they live and die, kvm.c and sched.c hold the hooks, account.c is what
 * becomes of them, sysfs.c, policy_attr.c, kfunc.c and pmu.c are for those
 * outside.
 */
#include <linux/init.h>
#include <linux/module.h>

#define CREATE_TRACE_POINTS
#include "trace.h"

#include "version.h"
#include "vm.h"

static int __init vmgang_init(void)
{
	int ret;

	ret = vmgang_sysfs_init();
	if (ret)
		return ret;
	ret = vmgang_vm_init();
	if (ret)
		goto err_sysfs;
	ret = vmgang_kfunc_init();
	if (ret)
		goto err_vm;
	ret = vmgang_sched_init();
	if (ret)
		goto err_kfunc;
	ret = vmgang_kvm_init();
	if (ret)
		goto err_sched;
	ret = vmgang_pmu_init();
	if (ret)
		goto err_kvm;
	return 0;

err_kvm:
	vmgang_kvm_uninit();
err_sched:
	vmgang_sched_uninit();
err_kfunc:
	vmgang_kfunc_uninit();
err_vm:
	vmgang_vm_uninit();
err_sysfs:
	vmgang_sysfs_uninit();
	return ret;
}

static void __exit vmgang_exit(void)
{
	vmgang_pmu_uninit();
	vmgang_kvm_uninit();
	vmgang_sched_uninit();
	vmgang_kfunc_uninit();
	vmgang_vm_uninit();
	vmgang_sysfs_uninit();
}

module_init(vmgang_init);
module_exit(vmgang_exit);

MODULE_DESCRIPTION("Co-scheduling for SMP virtual machines under KVM");
MODULE_LICENSE("GPL");
MODULE_VERSION(VMGANG_VERSION);
