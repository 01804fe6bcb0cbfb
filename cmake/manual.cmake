# Man pages and completion for shells, made by our own programs from the tables of commands and options. In the build
# tree they lie where an installation has them.
add_executable(acrun-man "${CMAKE_SOURCE_DIR}/cmd/acrun-man/main.c")
target_link_libraries(acrun-man PRIVATE acrun_flags acrun_cli)
add_dependencies(acrun-man acrun_version)
set_target_properties(acrun-man PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tools")

set(manual_dir "${ACRUN_BUILD_PREFIX}/share/man/man8")
set(bash_dir "${ACRUN_BUILD_PREFIX}/share/bash-completion/completions")
set(zsh_dir "${ACRUN_BUILD_PREFIX}/share/zsh/site-functions")
set(fish_dir "${ACRUN_BUILD_PREFIX}/share/fish/vendor_completions.d")
file(MAKE_DIRECTORY "${manual_dir}" "${bash_dir}" "${zsh_dir}" "${fish_dir}")
file(GLOB manual_prose CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/docs/man/*.mdoc")

add_custom_command(OUTPUT "${manual_dir}/acrun.8"
	COMMAND acrun-man "${CMAKE_SOURCE_DIR}/docs/man" "${manual_dir}"
	DEPENDS acrun-man ${manual_prose} VERBATIM COMMENT "Making the man pages")
add_custom_command(OUTPUT "${bash_dir}/acrun"
	COMMAND acrun completion bash > "${bash_dir}/acrun"
	COMMAND acrun completion zsh > "${zsh_dir}/_acrun"
	COMMAND acrun completion fish > "${fish_dir}/acrun.fish"
	BYPRODUCTS "${zsh_dir}/_acrun" "${fish_dir}/acrun.fish"
	DEPENDS acrun VERBATIM COMMENT "Making completion for shells")
add_custom_target(manual ALL DEPENDS "${manual_dir}/acrun.8" "${bash_dir}/acrun")

install(DIRECTORY "${manual_dir}/" DESTINATION share/man/man8 FILES_MATCHING PATTERN "acrun*.8")
install(FILES "${bash_dir}/acrun" DESTINATION share/bash-completion/completions)
install(FILES "${zsh_dir}/_acrun" DESTINATION share/zsh/site-functions)
install(FILES "${fish_dir}/acrun.fish" DESTINATION share/fish/vendor_completions.d)
