# The front door. User space is built by cmake in build/host, the core module by Kbuild.
#
#   make            user space            make modules [KVER=RELEASE]   the core module
#   make install    [DESTDIR= PREFIX=]    make uninstall
#   make demo       see it work           make check                    every test
#   make bench      what a call costs     make deb                      Debian packages
#   make soak       half an hour of starts and kills, tests/guest/README.md
#   make deps       packages, by apt
#
# NO_INSTALL=1 keeps demo, check, bench, soak and deb from installing packages.

PREFIX ?= /usr/local
DESTDIR ?=
KVER ?= $(shell uname -r)
BUILD := build/host

all:
	cmake -S . -B $(BUILD) -DCMAKE_INSTALL_PREFIX=$(PREFIX) -DCMAKE_BUILD_TYPE=RelWithDebInfo
	cmake --build $(BUILD) --parallel

# A kernel of the test guest (6.1, 6.12 or 7.3), or one of this machine by its release.
modules:
ifneq ($(filter 6.1 6.12 7.3,$(KVER)),)
	tests/guest/kmod $(KVER)
else
	$(MAKE) -C /lib/modules/$(KVER)/build M=$(CURDIR)/kmod modules
endif

install: all
	DESTDIR=$(DESTDIR) cmake --install $(BUILD) --prefix $(PREFIX)

uninstall:
	@test -e $(BUILD)/install_manifest.txt || { echo "nothing was installed from here"; exit 1; }
	while read -r file; do rm -fv "$(DESTDIR)$$file"; done <$(BUILD)/install_manifest.txt

demo: deps
	@mkdir -p build
	tests/guest/kmod 6.12 >build/demo-kmod.tap || { cat build/demo-kmod.tap; exit 1; }
	tests/guest/userspace
	tests/guest/packages
	@tests/guest/run --kernel 6.12 --name demo --plain --command ./demo.sh
	@echo 'demo: ok'

check: deps
	@tests/check $(STEPS)

bench: deps
	@tests/bench/run

soak: deps
	tests/guest/kmod 6.12
	tests/guest/userspace
	@tests/guest/soak

# Root is who builds in a container.
deb:
	@tests/guest/deps deb
	debian/package build/deb
	lintian --allow-root --fail-on error,warning build/deb/*.changes
	@ls build/deb/*.deb

deps:
	@tests/guest/deps

# What a guest's build made is root's.
clean:
	rm -rf build 2>/dev/null || sudo rm -rf build

distclean: clean
	rm -rf .cache 2>/dev/null || sudo rm -rf .cache

help:
	@sed -n '1,/^$$/s/^# \?//p' Makefile

.PHONY: all modules install uninstall demo check bench soak deb deps clean distclean help
