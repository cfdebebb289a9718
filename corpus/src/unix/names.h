// Names that assembly uses as they stand, and the two halves of an arm64 address.
#pragma once
#if defined(__APPLE__)
#define NAMED(name) __asm__(name)
#define PAGE_OF(symbol, offset) symbol "@PAGE+" offset
#define IN_PAGE(symbol, offset) symbol "@PAGEOFF+" offset
#else
#define NAMED(name)
#define PAGE_OF(symbol, offset) symbol "+" offset
#define IN_PAGE(symbol, offset) ":lo12:" symbol "+" offset
#endif
