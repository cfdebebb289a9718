// The entry returns: its thread, and with it the process, ends with what it returns.
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

int mainCRTStartup(void) {
  DWORD count;
  return WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), "returning\n", 10, &count, 0) && count == 10 ? 42 : 1;
}
