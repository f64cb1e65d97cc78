// SPDX-License-Identifier: GPL-2.0-only
/*
 * bzip2: each thread compresses the guest's data, block after block, with
 * libbz2, and has nothing to do with the others. The last block of each thread
 * is decompressed again and compared.
 */
#include <bzlib.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workload.h"

#define BLOCK_BYTES	20000
/* bzip2 adds 1 % and 600 bytes at most */
#define OUT_BYTES	(BLOCK_BYTES + BLOCK_BYTES / 100 + 600)
/* in 100 kB: the least that libbz2 has */
#define BZ_BLOCK	1

struct packer {
	const char *from;
	unsigned int packed;
	char out[OUT_BYTES];
};

struct bzip2 {
	const char *text;
	size_t nr_blocks, stride;
	struct packer packer[RUN_MAX_THREADS];
};

/*
 * From block to block far through the data and to each block once: text and
 * programs are not as hard to compress, and a short run is to have of both what a
 * long one has.
 */
static size_t stride(size_t nr)
{
	size_t s = nr * 5 / 8, a, b, t;

	for (;; s++) {
		for (a = s, b = nr; b; a = t) {
			t = b;
			b = a % b;
		}
		if (a == 1)
			return s;
	}
}

static int bzip2_prepare(struct run *run)
{
	const char *path = getenv("BENCH_DATA");
	struct bzip2 *b = calloc(1, sizeof(*b));
	struct stat st;
	int fd;

	if (run->arg)
		return run_problem(run, "bzip2 takes no argument, not '%s'", run->arg);
	path = path ? path : "/data";
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (!b || fd < 0 || fstat(fd, &st) || st.st_size < BLOCK_BYTES)
		return run_problem(run, "bzip2: no data in %s", path);
	b->nr_blocks = st.st_size / BLOCK_BYTES;
	b->stride = stride(b->nr_blocks);
	b->text = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	close(fd);
	if (b->text == MAP_FAILED)
		return run_problem(run, "bzip2: no memory for %s", path);
	/* libbz2's work space stays, instead of being mapped for each block */
	mallopt(M_MMAP_THRESHOLD, 64 << 20);
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
	run->data = b;
	return 0;
}

static void bzip2_thread(struct worker *worker)
{
	struct bzip2 *b = worker->run->data;
	struct packer *p = &b->packer[worker->index];
	size_t block = b->nr_blocks * worker->index / worker->run->threads;
	int err;

	for (; run_more(worker); run_unit(worker)) {
		p->from = b->text + block * BLOCK_BYTES;
		p->packed = sizeof(p->out);
		err = BZ2_bzBuffToBuffCompress(p->out, &p->packed, (char *)p->from,
					       BLOCK_BYTES, BZ_BLOCK, 0, 0);
		if (err != BZ_OK) {
			run_problem(worker->run, "bzip2: libbz2 says %d", err);
			return;
		}
		block = (block + b->stride) % b->nr_blocks;
	}
}

static int bzip2_verify(struct run *run)
{
	struct bzip2 *b = run->data;
	char *text = malloc(BLOCK_BYTES);
	unsigned int i, len, nr = 0;
	int err = 0;

	for (i = 0; text && i < run->threads; i++) {
		struct packer *p = &b->packer[i];

		if (!p->from)
			continue;
		len = BLOCK_BYTES;
		if (BZ2_bzBuffToBuffDecompress(text, &len, p->out, p->packed, 0, 0) != BZ_OK ||
		    len != BLOCK_BYTES || memcmp(text, p->from, BLOCK_BYTES) != 0)
			err = run_problem(run, "bzip2: a block of thread %u is damaged", i);
		nr++;
	}
	free(text);
	snprintf(run->note, sizeof(run->note), "%u blocks decompressed and compared", nr);
	return err;
}

const struct workload workload_bzip2 = {
	.name = "bzip2",
	.unit = "20 kB block",
	.coarse = true,
	.prepare = bzip2_prepare,
	.thread = bzip2_thread,
	.verify = bzip2_verify,
};
