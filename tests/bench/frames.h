/* Frames over the channels of a bare machine. */
#ifndef TESTS_BENCH_FRAMES_H
#define TESTS_BENCH_FRAMES_H

#include "tests/bench/vm.h"

/* Takes control frames until one of `code` came; others than NEXT and READY are errors, with the
 * text of an ERROR frame. */
int frames_expect(struct bench_vm *vm, uint32_t code, struct error *err) must_check;

#endif
