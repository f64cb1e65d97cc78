/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_LOG_H
#define VMGANG_LOG_H

#include <syslog.h>

/*
 * One line on stderr. When stderr is the journal the line carries its
 * priority as sd-daemon(3) says. Safe from any thread.
 */
void vg_log(int priority, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Messages less important than this are dropped; LOG_INFO at first. */
void vg_log_set_max(int priority);

#define vg_err(...) vg_log(LOG_ERR, __VA_ARGS__)
#define vg_warn(...) vg_log(LOG_WARNING, __VA_ARGS__)
#define vg_info(...) vg_log(LOG_INFO, __VA_ARGS__)
#define vg_debug(...) vg_log(LOG_DEBUG, __VA_ARGS__)

#endif
