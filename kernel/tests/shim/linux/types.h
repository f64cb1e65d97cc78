/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module's pure parts use of the kernel, for native tests. */
#ifndef SHIM_LINUX_TYPES_H
#define SHIM_LINUX_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;
#define U64_MAX UINT64_MAX
#define S64_MIN INT64_MIN

#endif
