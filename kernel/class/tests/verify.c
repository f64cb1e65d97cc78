// SPDX-License-Identifier: GPL-2.0-only
/* verify OBJECT: does the verifier take each program, and at what cost? */

#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

#define STATS_ONLY	4	/* log level; a full log takes minutes to write */
#define MOST		500000	/* instructions: half of what the kernel follows */

static int verify(const char *file, const char *name)
{
	static char log[1 << 20];
	struct bpf_object *obj = bpf_object__open(file);
	struct bpf_program *prog;
	unsigned int insns = 0;
	char *said;
	int r;

	if (!obj)
		return 1;
	log[0] = '\0';
	bpf_object__for_each_program(prog, obj) {
		bpf_program__set_autoload(prog, !strcmp(bpf_program__name(prog), name));
		bpf_program__set_log_buf(prog, log, sizeof(log));
		bpf_program__set_log_level(prog, STATS_ONLY);
	}
	r = bpf_object__load(obj);
	said = strstr(log, "processed ");
	if (r || !said || sscanf(said, "processed %u", &insns) != 1)
		printf("FAIL %s: refused: %s\n", name, log);
	else
		printf("%s %s: %u instructions followed, at most %u wanted\n",
		       insns > MOST ? "FAIL" : "ok", name, insns, MOST);
	bpf_object__close(obj);
	return r || insns == 0 || insns > MOST;
}

int main(int argc, char **argv)
{
	struct bpf_object *obj;
	struct bpf_program *prog;
	int bad = 0, nr = 0;

	obj = argc == 2 ? bpf_object__open(argv[1]) : NULL;
	if (!obj) {
		fprintf(stderr, "verify: wants the name of a BPF object file\n");
		return 2;
	}
	bpf_object__for_each_program(prog, obj) {
		bad += verify(argv[1], bpf_program__name(prog));
		nr++;
	}
	bpf_object__close(obj);
	return bad || !nr;
}
