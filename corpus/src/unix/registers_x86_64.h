// One call with every register, flag and vector register set before and stored after it.
#pragma once
#include "names.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, GPRS, VECTORS = 16 };
enum { RESULT = RAX, SP = RSP, CARRY = 1, ALL_FLAGS = 0xcd5 };  // CF PF AF ZF SF DF OF

static const u8 ARGUMENTS[] = {RDI, RSI, RDX, R10, R8, R9};
static const char *const REGISTER_NAMES[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                             "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

struct state {
  u64 gpr[GPRS], flags, number;
  u64 vector[VECTORS][2];
};

struct state before NAMED("before") __attribute__((used, aligned(16)));
struct state after NAMED("after") __attribute__((used, aligned(16)));
u64 flag_stack[4] NAMED("flag_stack") __attribute__((used, aligned(16)));
u64 guarded[64] NAMED("guarded") __attribute__((used, aligned(16)));  // the stack pointer stands in the middle
u64 kept_sp NAMED("kept_sp") __attribute__((used));
#define STACK_AT (&guarded[32])

#define EACH_GPR(X) X(rax, 0) X(rcx, 8) X(rdx, 16) X(rbx, 24) X(rbp, 40) X(rsi, 48) X(rdi, 56) X(r8, 64) \
  X(r9, 72) X(r10, 80) X(r11, 88) X(r12, 96) X(r13, 104) X(r14, 112) X(r15, 120)
#define EACH_VECTOR(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define LOAD_GPR(name, at) "mov before+" #at "(%%rip), %%" #name "\n"
#define STORE_GPR(name, at) "mov %%" #name ", after+" #at "(%%rip)\n"
#define LOAD_VECTOR(n) "movups before+144+16*" #n "(%%rip), %%xmm" #n "\n"
#define STORE_VECTOR(n) "movups %%xmm" #n ", after+144+16*" #n "(%%rip)\n"

// `number` is the instruction that loads the number register, or nothing (before.gpr[RAX] is it).
#ifndef DOOR
#define DOOR "syscall\n"
#endif
#define PROBE(name, number, value)                                                                            \
  __attribute__((naked, noinline)) void name(void) {                                                          \
    __asm__ volatile(                                                                                         \
        "push %%rbx\npush %%rbp\npush %%r12\npush %%r13\npush %%r14\npush %%r15\n"                            \
        "mov %%rsp, kept_sp(%%rip)\n" EACH_VECTOR(LOAD_VECTOR) "lea flag_stack+32(%%rip), %%rsp\n"            \
        "pushq before+128(%%rip)\npopfq\n"                                                                    \
        "lea guarded+256(%%rip), %%rsp\n" EACH_GPR(LOAD_GPR) number                                           \
        DOOR EACH_GPR(STORE_GPR) "mov %%rsp, after+32(%%rip)\n"                                              \
        "lea flag_stack+32(%%rip), %%rsp\npushfq\npopq after+128(%%rip)\ncld\n" EACH_VECTOR(STORE_VECTOR)     \
        "mov kept_sp(%%rip), %%rsp\n"                                                                         \
        "pop %%r15\npop %%r14\npop %%r13\npop %%r12\npop %%rbp\npop %%rbx\nret\n" ::[nr] "i"(value));         \
  }
#define SET_NUMBER "mov $%c[nr], %%eax\n"

static void set_number(s64 number) { before.gpr[RAX] = (u64)number; }
