# toml++ is header-only; the C++ runtime is linked statically, so that no command loads libstdc++.
find_path(TOMLPLUSPLUS_INCLUDE NAMES toml++/toml.h toml++/toml.hpp)
mark_as_advanced(TOMLPLUSPLUS_INCLUDE)
if(NOT TOMLPLUSPLUS_INCLUDE)
	message(FATAL_ERROR "toml++ not found: install the package libtomlplusplus-dev (scripts/install-deps.sh build)")
endif()
acrun_add_floor(acrun_toml SOURCES ${toml_source} DEPS acrun_base)
target_include_directories(acrun_toml SYSTEM PRIVATE "${TOMLPLUSPLUS_INCLUDE}")
target_link_options(acrun_toml PUBLIC -static-libgcc -static-libstdc++)
