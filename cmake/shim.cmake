# acrun-shim: one a process and there for its whole life, so it is static against musl: tens of kB of private memory.
# The rest of the build has another compiler, hence custom commands. With ACRUN_SHIM_STATIC=OFF it is an ordinary program.
# From base it takes what it calls (an archive); the files that need outside libraries are left out.
file(GLOB shim_below CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/base/*.c")
list(FILTER shim_below EXCLUDE REGEX "/base/(json|uuid|confine|toml)[a-z_]*\\.c$")
list(APPEND shim_below "${CMAKE_SOURCE_DIR}/agent/proto/ccproxy.c" "${CMAKE_SOURCE_DIR}/agent/proto/proxyhome.c")
set(shim_dir "${ACRUN_BUILD_PREFIX}/${ACRUN_REL_LIBEXECDIR}")

if(NOT ACRUN_SHIM_STATIC)
	add_library(acrun_shim_below STATIC ${shim_below})
	target_link_libraries(acrun_shim_below PUBLIC acrun_flags)
	acrun_add_program(acrun-shim FOLDER "${here}/acrun-shim" DIR "${ACRUN_REL_LIBEXECDIR}" DEPS acrun_shim_below)
	return()
endif()

find_program(MUSL_GCC musl-gcc)
mark_as_advanced(MUSL_GCC)
if(NOT MUSL_GCC)
	message(FATAL_ERROR "musl-gcc not found, acrun-shim is built with it: install the package musl-tools "
		"(scripts/install-deps.sh build), or configure with -DACRUN_SHIM_STATIC=OFF")
endif()

# Kernel headers are not in musl's include path: they come last, behind musl's own. The wrapper's cc1 is gcc,
# whatever compiles the rest. No -fcf-protection: Debian's musl is built without it.
set(shim_cflags -std=gnu17 ${acrun_warnings_c} -Os -g1 ${acrun_sections} -fstack-protector-strong -fno-pie
	-D_GNU_SOURCE -idirafter /usr/include -idirafter /usr/include/${CMAKE_C_LIBRARY_ARCHITECTURE}
	-I${CMAKE_SOURCE_DIR} -I${CMAKE_BINARY_DIR}/include)
set(shim_ldflags -static -no-pie -Wl,--gc-sections -Wl,-z,relro,-z,now -Wl,--build-id)
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
	list(APPEND shim_ldflags -s)
endif()

function(acrun_shim_compile out_objects)
	set(objects)
	foreach(source ${ARGN})
		file(RELATIVE_PATH rel "${CMAKE_SOURCE_DIR}" "${source}")
		set(object "${CMAKE_BINARY_DIR}/shim/${rel}.o")
		get_filename_component(dir "${object}" DIRECTORY)
		file(MAKE_DIRECTORY "${dir}")
		add_custom_command(OUTPUT "${object}"
			COMMAND "${MUSL_GCC}" ${shim_cflags} -MD -MF "${object}.d" -MT "${object}" -c "${source}" -o "${object}"
			DEPENDS "${source}" "${CMAKE_BINARY_DIR}/include/acrun_version.h"
			DEPFILE "${object}.d" VERBATIM COMMENT "Building ${rel} with musl")
		list(APPEND objects "${object}")
	endforeach()
	set(${out_objects} ${objects} PARENT_SCOPE)
endfunction()

acrun_shim_compile(shim_below_objects ${shim_below})
acrun_shim_compile(shim_objects ${shim_sources})
set(shim_archive "${CMAKE_BINARY_DIR}/shim/libbelow.a")
add_custom_command(OUTPUT "${shim_archive}"
	COMMAND ${CMAKE_COMMAND} -E rm -f "${shim_archive}"
	COMMAND ${CMAKE_AR} rcs "${shim_archive}" ${shim_below_objects}
	DEPENDS ${shim_below_objects} VERBATIM COMMENT "Archiving what acrun-shim stands on")
file(MAKE_DIRECTORY "${shim_dir}")
add_custom_command(OUTPUT "${shim_dir}/acrun-shim"
	COMMAND "${MUSL_GCC}" ${shim_ldflags} -o "${shim_dir}/acrun-shim" ${shim_objects} "${shim_archive}"
	DEPENDS ${shim_objects} "${shim_archive}" VERBATIM COMMENT "Linking acrun-shim with musl")
add_custom_target(acrun-shim ALL DEPENDS "${shim_dir}/acrun-shim")
add_dependencies(acrun-shim acrun_version)
install(PROGRAMS "${shim_dir}/acrun-shim" DESTINATION "${ACRUN_REL_LIBEXECDIR}")
