# `lint` is quick and must be clean; `tidy` runs clang-tidy over the compilation database and takes minutes.
add_custom_target(lint
	COMMAND "${CMAKE_SOURCE_DIR}/tests/lint/run.sh" "${CMAKE_SOURCE_DIR}" "${CMAKE_BINARY_DIR}"
	WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}" USES_TERMINAL COMMENT "lint")
add_custom_target(tidy
	COMMAND "${CMAKE_SOURCE_DIR}/tests/lint/tidy.sh" "${CMAKE_SOURCE_DIR}" "${CMAKE_BINARY_DIR}"
	WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}" USES_TERMINAL COMMENT "clang-tidy")
