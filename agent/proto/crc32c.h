/* CRC-32C (Castagnoli). */
#ifndef AGENT_PROTO_CRC32C_H
#define AGENT_PROTO_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of len bytes at data behind those that `crc` covers; 0 to begin. */
uint32_t crc32c_add(uint32_t crc, const void *data, size_t len);

#endif
