# SPDX-License-Identifier: GPL-2.0-only
#
# vmgang: co-scheduling for SMP virtual machines on KVM/Linux.
# `make help` lists what there is to do.

KVER	?= $(shell uname -r)
DESTDIR	?=
PREFIX	?= /usr
export KVER DESTDIR PREFIX

DIRS	:= kernel userspace libvirt-hooks bench

.PHONY: all help check unit lint demo bench fuzz install deb clean

all:
	@for d in $(DIRS); do $(MAKE) --no-print-directory -C $$d all || exit 1; done

help:
	@echo 'make            build module, class and user space for the running kernel (KVER=...)'
	@echo 'make install    install them here, or below DESTDIR'
	@echo 'make demo       show co-scheduling at work in a virtual KVM host (no KVM needed)'
	@echo 'make check      run every test, in a virtual KVM host (no KVM needed)'
	@echo 'make bench      run the benchmarks behind the figures of the README there'
	@echo 'make fuzz       simulate random scenarios until a property of the class is violated'
	@echo 'make unit       run the tests that need no kernel, on this machine'
	@echo 'make lint       sparse, clang-tidy, shellcheck and style, on this machine'
	@echo 'make deb        build Debian packages into build/'
	@echo 'make clean      remove what was built'

demo:
	@bench/demo/run

check:
	@bench/tests/check

bench:
	@bench/tests/bench

fuzz:
	@$(MAKE) --no-print-directory -C bench fuzz

unit: all
	@for d in $(DIRS); do $(MAKE) --no-print-directory -C $$d check || exit 1; done

lint:
	@bench/tests/style
	@for d in $(DIRS); do $(MAKE) --no-print-directory -C $$d lint || exit 1; done

install: all
	@for d in kernel userspace libvirt-hooks; do \
		$(MAKE) --no-print-directory -C $$d install || exit 1; done

deb: all
	@bench/tests/deb

clean:
	@for d in $(DIRS); do $(MAKE) --no-print-directory -C $$d clean; done
	@rm -rf build
