# The VM cache's wire: gRPC by nghttp2, messages by protobuf-c. An archive of its own, and their archives where the
# distribution has them: only a program that calls it carries it, and none loads a library for it.
find_program(PROTOC_C protoc-c)
mark_as_advanced(PROTOC_C)
if(NOT PROTOC_C)
	message(FATAL_ERROR "protoc-c not found: install the package protobuf-c-compiler (scripts/install-deps.sh build)")
endif()

set(factory_dir "${CMAKE_SOURCE_DIR}/runtime/factory")
set(factory_gen "${CMAKE_BINARY_DIR}/factory")
file(MAKE_DIRECTORY "${factory_gen}")
add_custom_command(OUTPUT "${factory_gen}/cache_messages.pb-c.c" "${factory_gen}/cache_messages.pb-c.h"
	COMMAND "${PROTOC_C}" "--proto_path=${factory_dir}" "--c_out=${factory_gen}" "${factory_dir}/cache_messages.proto"
	DEPENDS "${factory_dir}/cache_messages.proto" VERBATIM COMMENT "Compiling the VM cache's messages")

# Generated code is not for clang-tidy.
add_library(acrun_factory_messages OBJECT "${factory_gen}/cache_messages.pb-c.c")
target_link_libraries(acrun_factory_messages PRIVATE acrun_flags)
set_target_properties(acrun_factory_messages PROPERTIES EXPORT_COMPILE_COMMANDS OFF)

file(GLOB factory_sources CONFIGURE_DEPENDS "${factory_dir}/grpc_*.c" "${factory_dir}/cache_messages.c")
acrun_add_floor(acrun_factory_grpc SOURCES ${factory_sources} $<TARGET_OBJECTS:acrun_factory_messages>
	"${factory_gen}/cache_messages.pb-c.h" DEPS acrun_base lib_nghttp2 lib_protobuf_c)
target_include_directories(acrun_factory_grpc SYSTEM PRIVATE "${factory_gen}")
