// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "json.h"
#include "util.h"

#define ERROR_LINE_MAX 1024

static int stats_to_json(const uint64_t *stats, size_t nr,
			 sd_json_variant **object)
{
	for (size_t i = 0; i < nr; i++) {
		int r = sd_json_variant_set_field_unsigned(object,
				vg_stat_name((enum vg_stat)i), stats[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static int vcpu_to_json(const struct vg_vcpu *vcpu, sd_json_variant **array)
{
	vg_autojson sd_json_variant *v = NULL;
	int r;

	r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_UNSIGNED("index", vcpu->index),
			   SD_JSON_BUILD_PAIR_INTEGER("tid", vcpu->tid),
			   SD_JSON_BUILD_PAIR_STRING("state", vcpu->state),
			   SD_JSON_BUILD_PAIR_STRING("sched_policy",
						     vcpu->sched_policy));
	if (r >= 0)
		r = stats_to_json(vcpu->stats, VG_NR_VCPU_STATS, &v);
	return r < 0 ? r : sd_json_variant_append_array(array, v);
}

static int vcpus_to_json(const struct vg_vm *vm, sd_json_variant **vm_object)
{
	vg_autojson sd_json_variant *array = NULL;
	int r;

	r = sd_json_variant_new_array(&array, NULL, 0);
	for (size_t i = 0; r >= 0 && i < vm->nr_vcpus_read; i++)
		r = vcpu_to_json(&vm->vcpus[i], &array);
	if (r >= 0)
		r = sd_json_variant_set_field(vm_object, "vcpus", array);
	return r;
}

static int knobs_to_json(const struct vg_vm_view *view, sd_json_variant **ret)
{
	for (int k = 0; k < VG_NR_KNOBS; k++) {
		const char *value = k == VG_KNOB_PRESET ? view->preset
							: view->vm->knobs[k];
		const char *source = view->source[k];
		int r;

		if (!value)
			continue;
		r = sd_json_variant_set_fieldbo(ret,
				vg_knob_name((enum vg_knob)k),
				SD_JSON_BUILD_PAIR_STRING("value", value),
				SD_JSON_BUILD_PAIR_STRING("source", source));
		if (r < 0)
			return r;
	}
	return 0;
}

int vg_vm_to_json(const struct vg_vm_view *view, unsigned int what,
		  sd_json_variant **ret)
{
	const struct vg_vm *vm = view->vm;
	vg_autojson sd_json_variant *policy = NULL, *stats = NULL, *v = NULL;
	vg_autofree char *cgroup = vg_printable(vm->cgroup);
	int r;

	if (!cgroup)
		return -ENOMEM;
	r = knobs_to_json(view, &policy);
	if (r >= 0)
		r = sd_json_buildo(&v,
			SD_JSON_BUILD_PAIR_INTEGER("pid", vm->pid),
			SD_JSON_BUILD_PAIR_STRING("dir", vm->dir),
			SD_JSON_BUILD_PAIR_UNSIGNED("id", vm->id),
			SD_JSON_BUILD_PAIR_CONDITION(!!view->name, "name",
				SD_JSON_BUILD_STRING(view->name)),
			SD_JSON_BUILD_PAIR_CONDITION(!!view->uuid, "uuid",
				SD_JSON_BUILD_STRING(view->uuid)),
			SD_JSON_BUILD_PAIR_STRING("cgroup", cgroup),
			SD_JSON_BUILD_PAIR_UNSIGNED("nr_vcpus", vm->nr_vcpus),
			SD_JSON_BUILD_PAIR_VARIANT("policy", policy),
			SD_JSON_BUILD_PAIR_UNSIGNED("booked_vcpus",
						    vm->reserve.booked_vcpus),
			SD_JSON_BUILD_PAIR_UNSIGNED("reserve_misses",
						    vm->reserve.misses),
			SD_JSON_BUILD_PAIR("errors",
				SD_JSON_BUILD_STRV((char **)view->errors)));
	if (r >= 0 && (what & VG_VM_STATS)) {
		r = stats_to_json(vm->stats, VG_NR_STATS, &stats);
		if (r >= 0)
			r = sd_json_variant_set_field(&v, "stats", stats);
	}
	if (r >= 0 && (what & VG_VM_VCPUS))
		r = vcpus_to_json(vm, &v);
	if (r < 0)
		return r;
	*ret = v;
	v = NULL;
	return 0;
}

int vg_policy_to_json(const struct vg_policy *policy, sd_json_variant **ret)
{
	vg_autojson sd_json_variant *v = NULL;
	int r = sd_json_variant_new_object(&v, NULL, 0);

	for (int k = 0; r >= 0 && k < VG_NR_KNOBS; k++)
		if (policy->value[k][0])
			r = sd_json_variant_set_field_string(&v,
					vg_knob_name((enum vg_knob)k),
					policy->value[k]);
	if (r < 0)
		return r;
	*ret = v;
	v = NULL;
	return 0;
}

const char *vg_json_string(sd_json_variant *v, const char *key,
			   const char *missing)
{
	sd_json_variant *field = sd_json_variant_by_key(v, key);

	return field && sd_json_variant_is_string(field) ?
		       sd_json_variant_string(field) : missing;
}

uint64_t vg_json_u64(sd_json_variant *v, const char *key)
{
	sd_json_variant *field = sd_json_variant_by_key(v, key);

	return field && sd_json_variant_is_unsigned(field) ?
		       sd_json_variant_unsigned(field) : 0;
}

int vg_metadata_to_json(const struct vg_metadata *m, sd_json_variant **ret)
{
	vg_autojson sd_json_variant *knobs = NULL;
	int r = vg_policy_to_json(&m->policy, &knobs);

	return r < 0 ? r : sd_json_buildo(ret,
		SD_JSON_BUILD_PAIR_STRING("uuid", m->uuid),
		SD_JSON_BUILD_PAIR_STRING("name", m->name),
		SD_JSON_BUILD_PAIR_CONDITION(m->id >= 0, "id",
			SD_JSON_BUILD_INTEGER(m->id)),
		SD_JSON_BUILD_PAIR_VARIANT("knobs", knobs),
		SD_JSON_BUILD_PAIR("errors", SD_JSON_BUILD_STRV(m->errors)));
}

int vg_json_errors(sd_json_variant *v, char ***ret)
{
	sd_json_variant *array = sd_json_variant_by_key(v, "errors");
	size_t n = array && sd_json_variant_is_array(array) ?
			   sd_json_variant_elements(array) : 0;
	int r = 0;

	if (n > VG_METADATA_MAX_MESSAGES)
		n = VG_METADATA_MAX_MESSAGES;
	for (size_t i = 0; r == 0 && i < n; i++) {
		sd_json_variant *line = sd_json_variant_by_index(array, i);

		if (!sd_json_variant_is_string(line))
			return -EINVAL;
		r = vg_strv_addf(ret, "%.*s", ERROR_LINE_MAX,
				 sd_json_variant_string(line));
	}
	return r;
}

/* Here, and not with the parser: who has only JSON needs no XML library. */
void vg_metadata_done(struct vg_metadata *m)
{
	vg_strv_free(m->errors);
	vg_strv_free(m->warnings);
	m->errors = NULL;
	m->warnings = NULL;
}
