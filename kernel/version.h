/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_VERSION_H
#define VMGANG_VERSION_H

/* The one place that says which version this is. */
#define VMGANG_VERSION "0.1.0"

#endif
