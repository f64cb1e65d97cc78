#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows that under isolate=core two VMs never run at once on the threads of one core, what that costs, and that off lets them.
# lab: --cpus 4 --threads 2
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
