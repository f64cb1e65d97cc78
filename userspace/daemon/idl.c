// SPDX-License-Identifier: GPL-2.0-only
#include "idl.h"

#define COMMENT(text) SD_VARLINK_FIELD_COMMENT(text)
#define FIELD(name, type) SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_##type, 0)
#define MAYBE(name, type) \
	SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_##type, SD_VARLINK_NULLABLE)
#define IN(name, type) SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_##type, 0)
#define IN_MAYBE(name, type) \
	SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_##type, SD_VARLINK_NULLABLE)
#define OUT(name, type) SD_VARLINK_DEFINE_OUTPUT(name, SD_VARLINK_##type, 0)
#define OUT_MAYBE(name, type) \
	SD_VARLINK_DEFINE_OUTPUT(name, SD_VARLINK_##type, SD_VARLINK_NULLABLE)

static SD_VARLINK_DEFINE_STRUCT_TYPE(Knob,
	FIELD(value, STRING),
	COMMENT("set, metadata, match or default; sysfs: written there by hand"),
	FIELD(source, STRING));

static SD_VARLINK_DEFINE_STRUCT_TYPE(Stats,
	COMMENT("Sums over the vCPUs, those that are gone included"),
	FIELD(run_us, INT),
	FIELD(ready_us, INT),
	FIELD(costop_us, INT),
	FIELD(wait_us, INT),
	FIELD(corun_us, INT),
	FIELD(preemptions, INT),
	FIELD(preemptions_in_kernel, INT),
	FIELD(preemptions_in_lock, INT),
	FIELD(spin_exits, INT),
	FIELD(spin_verdicts, INT),
	FIELD(directed_yields, INT),
	FIELD(guard_extensions, INT),
	FIELD(guard_expiries, INT),
	FIELD(guard_asks, INT),
	FIELD(guarded_us, INT),
	FIELD(skew_max_us, INT),
	FIELD(guard_max_us, INT),
	FIELD(gang_starts, INT),
	FIELD(gang_stops, INT),
	FIELD(frag_us, INT));

static SD_VARLINK_DEFINE_STRUCT_TYPE(Vcpu,
	FIELD(index, INT),
	FIELD(tid, INT),
	FIELD(state, STRING),
	FIELD(sched_policy, STRING),
	FIELD(run_us, INT),
	FIELD(ready_us, INT),
	FIELD(costop_us, INT),
	FIELD(wait_us, INT),
	FIELD(corun_us, INT),
	FIELD(preemptions, INT),
	FIELD(preemptions_in_kernel, INT),
	FIELD(preemptions_in_lock, INT),
	FIELD(spin_exits, INT),
	FIELD(spin_verdicts, INT),
	FIELD(directed_yields, INT),
	FIELD(guard_extensions, INT),
	FIELD(guard_expiries, INT),
	FIELD(guard_asks, INT),
	FIELD(guarded_us, INT));

static SD_VARLINK_DEFINE_STRUCT_TYPE(Vm,
	FIELD(pid, INT),
	COMMENT("Directory below /sys/kernel/vmgang/vms"),
	FIELD(dir, STRING),
	FIELD(id, INT),
	MAYBE(name, STRING),
	MAYBE(uuid, STRING),
	FIELD(cgroup, STRING),
	FIELD(nr_vcpus, INT),
	SD_VARLINK_DEFINE_FIELD_BY_TYPE(policy, Knob, SD_VARLINK_MAP),
	COMMENT("vCPUs whose reservation is booked, periods in which one was not met"),
	FIELD(booked_vcpus, INT),
	FIELD(reserve_misses, INT),
	COMMENT("What is wrong with its metadata or could not be applied"),
	SD_VARLINK_DEFINE_FIELD(errors, SD_VARLINK_STRING, SD_VARLINK_ARRAY),
	SD_VARLINK_DEFINE_FIELD_BY_TYPE(stats, Stats, SD_VARLINK_NULLABLE),
	SD_VARLINK_DEFINE_FIELD_BY_TYPE(vcpus, Vcpu,
					SD_VARLINK_ARRAY | SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_METHOD(List,
	COMMENT("observe or class; none: the module is not loaded"),
	OUT(state, STRING),
	COMMENT("Without vcpus"),
	SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(vms, Vm, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_METHOD(Show,
	COMMENT("libvirt name, uuid or pid"),
	IN(vm, STRING),
	SD_VARLINK_DEFINE_OUTPUT(vm, SD_VARLINK_OBJECT, 0));

static SD_VARLINK_DEFINE_METHOD(Set,
	IN(vm, STRING),
	COMMENT("Knob names and values; default or - takes a value back"),
	SD_VARLINK_DEFINE_INPUT(knobs, SD_VARLINK_STRING, SD_VARLINK_MAP),
	SD_VARLINK_DEFINE_OUTPUT(vm, SD_VARLINK_OBJECT, 0));

static SD_VARLINK_DEFINE_METHOD(Status,
	OUT(version, STRING),
	OUT_MAYBE(module_version, STRING),
	OUT(state, STRING),
	COMMENT("The sched_ext scheduler in charge of the host"),
	OUT_MAYBE(class_owner, STRING),
	COMMENT("Why the class is not in charge, and what to do"),
	OUT_MAYBE(class_error, STRING),
	OUT(class_ejections, INT),
	OUT_MAYBE(class_last_exit, STRING),
	COMMENT("absent, waiting, connected or off"),
	OUT(libvirt, STRING),
	COMMENT("Calls of the libvirt hook since the daemon started"),
	OUT(hook_calls, INT),
	OUT(config, STRING),
	COMMENT("Why the last reload kept the old configuration"),
	OUT_MAYBE(config_error, STRING),
	SD_VARLINK_DEFINE_OUTPUT(config_warnings, SD_VARLINK_STRING,
				 SD_VARLINK_ARRAY),
	OUT(nr_vms, INT),
	OUT(nr_domains, INT));

static SD_VARLINK_DEFINE_METHOD(SetDomain,
	IN(uuid, STRING),
	IN(name, STRING),
	IN_MAYBE(id, INT),
	COMMENT("What its metadata asks for; empty: nothing"),
	SD_VARLINK_DEFINE_INPUT(knobs, SD_VARLINK_STRING, SD_VARLINK_MAP),
	COMMENT("What is wrong with its metadata"),
	SD_VARLINK_DEFINE_INPUT(errors, SD_VARLINK_STRING,
				SD_VARLINK_ARRAY | SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_METHOD(ForgetDomain,
	IN(uuid, STRING));

static SD_VARLINK_DEFINE_ERROR(NoSuchVm,
	FIELD(vm, STRING));

static SD_VARLINK_DEFINE_ERROR(BadValue,
	FIELD(knob, STRING),
	FIELD(value, STRING),
	FIELD(allowed, STRING));

static SD_VARLINK_DEFINE_ERROR(NotAllowed);

static SD_VARLINK_DEFINE_ERROR(Failed,
	FIELD(message, STRING));

SD_VARLINK_DEFINE_INTERFACE(io_vmgang, "io.vmgang",
	SD_VARLINK_INTERFACE_COMMENT("Co-scheduling of SMP virtual machines"),
	SD_VARLINK_SYMBOL_COMMENT("A knob of a VM and who decided it"),
	&vl_type_Knob,
	&vl_type_Stats,
	&vl_type_Vcpu,
	&vl_type_Vm,
	SD_VARLINK_SYMBOL_COMMENT("All VMs; for root and the group"),
	&vl_method_List,
	SD_VARLINK_SYMBOL_COMMENT("One VM; for root and the group"),
	&vl_method_Show,
	SD_VARLINK_SYMBOL_COMMENT("Changes knobs at run time; root only"),
	&vl_method_Set,
	SD_VARLINK_SYMBOL_COMMENT("The daemon itself; for root and the group"),
	&vl_method_Status,
	SD_VARLINK_SYMBOL_COMMENT("The hook reports a domain; root only"),
	&vl_method_SetDomain,
	SD_VARLINK_SYMBOL_COMMENT("The hook reports a domain's end; root only"),
	&vl_method_ForgetDomain,
	&vl_error_NoSuchVm,
	&vl_error_BadValue,
	&vl_error_NotAllowed,
	&vl_error_Failed);
