# The tree below <prefix> looks the same in the build directory and when installed:
#   bin/acrun  libexec/acrun/*  share/acrun/{vmlinux,bzImage,initrd.cpio}  share/defaults/acrun/configuration.toml
# Programs find their prefix from the place of their own executable; the names below are relative to it.
set(ACRUN_REL_BINDIR "bin")
set(ACRUN_REL_LIBEXECDIR "libexec/acrun")
set(ACRUN_REL_DATADIR "share/acrun")
set(ACRUN_REL_DEFAULTSDIR "share/defaults/acrun")

set(ACRUN_BUILD_PREFIX "${CMAKE_BINARY_DIR}")
set(ACRUN_PREFIX "${CMAKE_INSTALL_PREFIX}")
set(ACRUN_SYSCONFDIR "${CMAKE_INSTALL_FULL_SYSCONFDIR}/acrun")
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr/local")
	set(ACRUN_SYSCONFDIR "/etc/acrun")
endif()
