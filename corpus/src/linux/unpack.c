/* Unpacks a static program over this process and starts it, as packed executables do: no exec, no file mapping.
   argv[1] names the program; every byte of it is as if it had been xored with KEY. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096ul
#define KEY 0x5a
#define HIGH 0x100000000000ul /* where a program goes that may be anywhere */

static char *packed;

static void copy(char *to, unsigned long from, unsigned long size)
{
    for (unsigned long i = 0; i < size; i++)
        to[i] = packed[from + i] ^ KEY;
}

static int rights(unsigned flags)
{
    return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) | (flags & PF_X ? PROT_EXEC : 0);
}

static void unpack(const Elf64_Phdr *part, unsigned long bias)
{
    unsigned long start = (part->p_vaddr + bias) & -PAGE, end = (part->p_vaddr + bias + part->p_memsz + PAGE - 1) & -PAGE;
    int how = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS;
    if (mmap((void *)start, end - start, PROT_READ | PROT_WRITE, how, -1, 0) == MAP_FAILED)
        _exit(3);
    copy((char *)part->p_vaddr + bias, part->p_offset, part->p_filesz);
    __builtin___clear_cache((char *)start, (char *)end);
    if (mprotect((void *)start, end - start, rights(part->p_flags)))
        _exit(4);
}

static void tell(long *stack, unsigned long kind, unsigned long value)
{
    Elf64_auxv_t *at;
    stack += stack[0] + 2;
    while (*stack++)
        ;
    for (at = (Elf64_auxv_t *)stack; at->a_type; at++)
        if (at->a_type == kind)
            at->a_un.a_val = value;
}

__attribute__((noreturn)) static void enter(long *stack, unsigned long entry)
{
#ifdef __x86_64__
    __asm__ volatile("mov %0, %%rsp; xor %%edx, %%edx; jmp *%1" ::"r"(stack), "r"(entry) : "memory");
#else
    __asm__ volatile("mov sp, %0; mov x0, #0; br %1" ::"r"(stack), "r"(entry) : "memory");
#endif
    __builtin_unreachable();
}

int main(int argc, char **argv)
{
    long *stack = (long *)argv - 1;
    int fd = argc > 1 ? open(argv[1], O_RDONLY) : -1;
    struct stat facts;
    if (fd < 0 || fstat(fd, &facts))
        return 2;
    packed = mmap(NULL, facts.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    Elf64_Ehdr head;
    copy((char *)&head, 0, sizeof head);
    Elf64_Phdr parts[16];
    copy((char *)parts, head.e_phoff, sizeof *parts * head.e_phnum);
    unsigned long bias = head.e_type == ET_DYN ? HIGH : 0, table = 0;
    for (int i = 0; i < head.e_phnum; i++) {
        if (parts[i].p_type != PT_LOAD)
            continue;
        unpack(&parts[i], bias);
        if (parts[i].p_offset <= head.e_phoff && head.e_phoff < parts[i].p_offset + parts[i].p_filesz)
            table = parts[i].p_vaddr + bias + head.e_phoff - parts[i].p_offset;
    }
    tell(stack, AT_PHDR, table);
    tell(stack, AT_PHNUM, head.e_phnum);
    tell(stack, AT_ENTRY, head.e_entry + bias);
    munmap(packed, facts.st_size);
    enter(stack, head.e_entry + bias);
}
