// One call with every register, flag and vector register set before and stored after it.
#pragma once
#include "names.h"

enum { X0, X1, X8 = 8, GPRS = 31, VECTORS = 32 };
enum { RESULT = X0, SP = 31, CARRY = 1 << 29 };
#define ALL_FLAGS 0xf0000000u  // N Z C V

static const u8 ARGUMENTS[] = {0, 1, 2, 3, 4, 5};
static const char *const REGISTER_NAMES[] = {
    "x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",  "x10", "x11", "x12", "x13", "x14", "x15",
    "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp"};

struct state {
  u64 gpr[GPRS + 1], flags, number;
  u64 vector[VECTORS][2];
};

struct state before NAMED("before") __attribute__((used, aligned(16)));
// The stack pointer stands at `after` during the call: it is how the results are found.
struct {
  u64 below[32];
  struct state after;
  u64 kept_sp, spare;
} guarded_block NAMED("guarded_block") __attribute__((used, aligned(16)));
#define after (guarded_block.after)
#define guarded ((u64 *)&guarded_block)
#define STACK_AT (&guarded[32])

#define EACH_PAIR(X) X(2, 3) X(4, 5) X(6, 7) X(8, 9) X(10, 11) X(12, 13) X(14, 15) X(16, 17) X(18, 19) X(20, 21) \
  X(22, 23) X(24, 25) X(26, 27) X(28, 29)
#define EACH_VECTOR(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16) \
  X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31)
#define LOAD_PAIR(a, b) "ldp x" #a ", x" #b ", [x0, #8*" #a "]\n"
#define STORE_PAIR(a, b) "stp x" #a ", x" #b ", [sp, #8*" #a "]\n"
#define LOAD_VECTOR(n) "ldr q" #n ", [x0, #272+16*" #n "]\n"
#define STORE_VECTOR(n) "str q" #n ", [sp, #272+16*" #n "]\n"

// `number` is the instruction that loads the number register, or nothing (before.gpr[8] is it).
#ifndef DOOR
#define DOOR "svc #0\n"
#endif
#define PROBE(name, number, value)                                                                            \
  __attribute__((naked, noinline)) void name(void) {                                                          \
    __asm__ volatile(                                                                                         \
        "stp x19, x20, [sp, #-160]!\nstp x21, x22, [sp, #16]\nstp x23, x24, [sp, #32]\n"                      \
        "stp x25, x26, [sp, #48]\nstp x27, x28, [sp, #64]\nstp x29, x30, [sp, #80]\n"                         \
        "stp d8, d9, [sp, #96]\nstp d10, d11, [sp, #112]\nstp d12, d13, [sp, #128]\nstp d14, d15, [sp, #144]\n" \
        "adrp x1, " PAGE_OF("guarded_block", "256") "\nadd x1, x1, " IN_PAGE("guarded_block", "256") "\n"        \
        "mov x2, sp\nstr x2, [x1, #784]\nmov sp, x1\n"                                                        \
        "adrp x0, " PAGE_OF("before", "0") "\nadd x0, x0, " IN_PAGE("before", "0") "\n"                          \
        "ldr x1, [x0, #256]\nmsr nzcv, x1\n" EACH_VECTOR(LOAD_VECTOR) EACH_PAIR(LOAD_PAIR)                    \
        "ldr x30, [x0, #240]\nldp x0, x1, [x0]\n" number                                                      \
        DOOR                                                                                                  \
        "stp x0, x1, [sp]\n" EACH_PAIR(STORE_PAIR) "str x30, [sp, #240]\n"                                    \
        "mov x0, sp\nstr x0, [sp, #248]\nmrs x0, nzcv\nstr x0, [sp, #256]\n" EACH_VECTOR(STORE_VECTOR)        \
        "adrp x1, " PAGE_OF("guarded_block", "256") "\nadd x1, x1, " IN_PAGE("guarded_block", "256") "\n"        \
        "ldr x2, [x1, #784]\nmov sp, x2\n"                                                                    \
        "ldp d8, d9, [sp, #96]\nldp d10, d11, [sp, #112]\nldp d12, d13, [sp, #128]\nldp d14, d15, [sp, #144]\n" \
        "ldp x21, x22, [sp, #16]\nldp x23, x24, [sp, #32]\nldp x25, x26, [sp, #48]\nldp x27, x28, [sp, #64]\n" \
        "ldp x29, x30, [sp, #80]\nldp x19, x20, [sp], #160\nret\n" ::[nr] "i"(value));                        \
  }
#ifndef NUMBER_REGISTER
#define NUMBER_REGISTER X8
#define SET_NUMBER "mov x8, #%c[nr]\n"
#endif

static void set_number(s64 number) { before.gpr[NUMBER_REGISTER] = (u64)number; }
