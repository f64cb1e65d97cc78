/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMGANG_IDL_H
#define VMGANG_IDL_H

#include <systemd/sd-varlink-idl.h>

/* The description of io.vmgang, for introspection and for checking calls. */
extern const sd_varlink_interface vl_interface_io_vmgang;

#endif
