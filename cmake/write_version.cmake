# Run with -P by version.cmake.
set(COMMIT "unknown")
find_program(git git)
if(git)
	execute_process(COMMAND ${git} -C "${SOURCE}" rev-parse --short=12 HEAD
		OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed ERROR_QUIET)
	if(NOT failed)
		set(COMMIT "${commit}")
	endif()
endif()
configure_file("${CMAKE_CURRENT_LIST_DIR}/acrun_version.h.in" "${OUT}" @ONLY)
