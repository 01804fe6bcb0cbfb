# include/acrun_version.h, brought up to date at every build, rewritten only when it changes.
set(acrun_version_args
	-DSOURCE=${CMAKE_SOURCE_DIR} -DOUT=${CMAKE_BINARY_DIR}/include/acrun_version.h -DVERSION=${PROJECT_VERSION}
	-DPREFIX=${ACRUN_PREFIX} -DSYSCONFDIR=${ACRUN_SYSCONFDIR} -DREL_BINDIR=${ACRUN_REL_BINDIR}
	-DREL_LIBEXECDIR=${ACRUN_REL_LIBEXECDIR} -DREL_DATADIR=${ACRUN_REL_DATADIR} -DREL_DEFAULTSDIR=${ACRUN_REL_DEFAULTSDIR})
execute_process(COMMAND ${CMAKE_COMMAND} ${acrun_version_args} -P "${CMAKE_SOURCE_DIR}/cmake/write_version.cmake"
	COMMAND_ERROR_IS_FATAL ANY)
add_custom_target(acrun_version
	COMMAND ${CMAKE_COMMAND} ${acrun_version_args} -P "${CMAKE_SOURCE_DIR}/cmake/write_version.cmake"
	BYPRODUCTS "${CMAKE_BINARY_DIR}/include/acrun_version.h"
	COMMENT "Checking the version header")
