# Compiler and linker flags, as two interface libraries: acrun_flags for the host, acrun_guest_flags for the static agent.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

# No -DNDEBUG anywhere: assertions stay in release builds. Debug has -O1 for _FORTIFY_SOURCE and flow warnings.
foreach(lang C CXX)
	set(CMAKE_${lang}_FLAGS_DEBUG "-O1 -g")
	set(CMAKE_${lang}_FLAGS_RELEASE "-O2 -g1")
	set(CMAKE_${lang}_FLAGS_RELWITHDEBINFO "-O2 -g")
	set(CMAKE_${lang}_FLAGS_MINSIZEREL "-Os -g1")
endforeach()

set(acrun_warnings_common -Wall -Wextra -Werror -Wshadow -Wformat=2 -Wvla -Wundef -Wpointer-arith -Wwrite-strings)
set(acrun_warnings_c ${acrun_warnings_common} -Wstrict-prototypes -Wmissing-prototypes)
# A row that leaves a field out means zero, in tables and in `= { 0 }`.
list(APPEND acrun_warnings_c -Wno-missing-field-initializers)

set(acrun_hardening -fstack-protector-strong -fstack-clash-protection)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|i[3-6]86")
	list(APPEND acrun_hardening -fcf-protection)
endif()
set(acrun_sections -ffunction-sections -fdata-sections)

add_library(acrun_flags INTERFACE)
target_include_directories(acrun_flags INTERFACE "${CMAKE_SOURCE_DIR}" "${CMAKE_BINARY_DIR}/include")
target_compile_definitions(acrun_flags INTERFACE _GNU_SOURCE)
target_compile_options(acrun_flags INTERFACE
	"$<$<COMPILE_LANGUAGE:C>:${acrun_warnings_c}>"
	"$<$<COMPILE_LANGUAGE:CXX>:${acrun_warnings_common}>"
	${acrun_hardening} ${acrun_sections} -fPIE)
target_link_options(acrun_flags INTERFACE -pie -Wl,-z,relro,-z,now -Wl,--as-needed -Wl,--gc-sections)
if(ACRUN_SANITIZE)
	# Address sanitizer replaces what _FORTIFY_SOURCE wraps.
	set(acrun_sanitizers -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
	# The instrumentation hides from gcc what it knows of values: these two then guess wrong. The other builds have them.
	list(APPEND acrun_sanitizers $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation> $<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
	target_compile_options(acrun_flags INTERFACE ${acrun_sanitizers})
	target_link_options(acrun_flags INTERFACE ${acrun_sanitizers})
else()
	target_compile_options(acrun_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()

if(ACRUN_FUZZ)
	# Coverage of the code under test, not of the targets alone, is what guides the fuzzers.
	target_compile_options(acrun_flags INTERFACE -fsanitize=fuzzer-no-link)
	target_link_options(acrun_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# The agent is PID 1 of the guest and part of each boot: small, static, alone in its address space.
add_library(acrun_guest_flags INTERFACE)
target_include_directories(acrun_guest_flags INTERFACE "${CMAKE_SOURCE_DIR}" "${CMAKE_BINARY_DIR}/include")
target_compile_definitions(acrun_guest_flags INTERFACE _GNU_SOURCE)
target_compile_options(acrun_guest_flags INTERFACE
	${acrun_warnings_c} ${acrun_hardening} ${acrun_sections} -Os -fno-pie -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
target_link_options(acrun_guest_flags INTERFACE -static -no-pie -Wl,--gc-sections -Wl,-z,relro,-z,now
	$<$<NOT:$<CONFIG:Debug>>:-s>)
if(ACRUN_SANITIZE)
	target_compile_options(acrun_guest_flags INTERFACE -fsanitize=undefined -fsanitize-undefined-trap-on-error)
endif()
