// Uses the services every program needs, once each: print, read, write and read back a file, failures, ids, memory,
// clocks. Reads "some input\n" from standard input. With IMPORT the same through ntdll, and kernel32 beside it.
#include "win.h"

SERVICE(NtWriteFile)
SERVICE(NtReadFile)
SERVICE(NtCreateFile)
SERVICE(NtOpenFile)
SERVICE(NtClose)
SERVICE(NtQueryInformationFile)
SERVICE(NtSetInformationFile)
SERVICE(NtQueryVolumeInformationFile)
SERVICE(NtQueryDirectoryFile)
SERVICE(NtQueryFullAttributesFile)
SERVICE(NtAllocateVirtualMemory)
SERVICE(NtFreeVirtualMemory)
SERVICE(NtProtectVirtualMemory)
SERVICE(NtQueryVirtualMemory)
SERVICE(NtFlushInstructionCache)
SERVICE(NtQuerySystemTime)
SERVICE(NtQueryPerformanceCounter)
SERVICE(NtQueryInformationProcess)
SERVICE(NtQuerySystemInformation)
SERVICE(NtDelayExecution)
SERVICE(NtYieldExecution)
SERVICE(NtTerminateProcess)

static const char TEXT[] = "the quick brown fox jumps over the lazy dog";
static IO_STATUS_BLOCK done;

static void check_stdin(void) {
  char got[32];
  expect_status("NtReadFile", 0, NtReadFile(std_in(), 0, 0, 0, &done, got, sizeof got, 0, 0));
  if (expect("bytes read", 11, done.Information)) expect("text", 1, (u64)same(got, "some input\n", 11));
}

// The current directory's handle is not open; its path is in the parameters: \??\ + path + name.
static WCHAR path[600];

static const WCHAR *here(const WCHAR *name) {
  const UNICODE_STRING *directory = (UNICODE_STRING *)(PARAMETERS + 0x38);
  u32 at = 0;
  for (const WCHAR *p = L"\\??\\"; *p; p++) path[at++] = *p;
  for (u32 i = 0; i < directory->Length / 2u; i++) path[at++] = directory->Buffer[i];
  for (; *name; name++) path[at++] = *name;
  path[at] = 0;
  return path;
}

static NTSTATUS open_scratch(HANDLE *file, const WCHAR *name, ULONG disposition) {
  struct name scratch;
  return NtCreateFile(file, GENERIC_READ | GENERIC_WRITE | DELETE | SYNCHRONIZE, named(&scratch, here(name)), &done, 0,
                      FILE_ATTRIBUTE_NORMAL, FILE_SHARE_READ | FILE_SHARE_DELETE, disposition,
                      FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE, 0, 0);
}

static void check_file(void) {
  HANDLE file = 0;
  char got[64];
  LARGE_INTEGER at = {.QuadPart = 4};
  FILE_STANDARD_INFORMATION facts;
  FILE_POSITION_INFORMATION position;
  if (!expect_status("NtCreateFile", 0, open_scratch(&file, L"calls.tmp", FILE_OVERWRITE_IF))) return;
  expect("created", FILE_CREATED, done.Information);
  expect("handle's low bits", 0, (u64)file & 3);
  expect_status("NtWriteFile", 0, NtWriteFile(file, 0, 0, 0, &done, (void *)TEXT, sizeof TEXT, 0, 0));
  expect("bytes written", sizeof TEXT, done.Information);
  expect_status("NtReadFile at 4", 0, NtReadFile(file, 0, 0, 0, &done, got, sizeof got, &at, 0));
  expect("bytes read", sizeof TEXT - 4, done.Information);
  expect("bytes read back", 1, (u64)same(got, TEXT + 4, sizeof TEXT - 4));
  expect_status("NtReadFile at the end", STATUS_END_OF_FILE, NtReadFile(file, 0, 0, 0, &done, got, sizeof got, 0, 0));
  expect_status("position", 0, NtQueryInformationFile(file, &done, &position, sizeof position, FilePositionInformation));
  expect("position", sizeof TEXT, (u64)position.CurrentByteOffset.QuadPart);
  expect_status("facts", 0, NtQueryInformationFile(file, &done, &facts, sizeof facts, FileStandardInformation));
  expect("EndOfFile", sizeof TEXT, (u64)facts.EndOfFile.QuadPart);
  expect("Directory", 0, facts.Directory);
  expect_status("facts, short", STATUS_INFO_LENGTH_MISMATCH,
                NtQueryInformationFile(file, &done, &facts, 8, FileStandardInformation));
  expect_status("NtClose", 0, NtClose(file));
  expect_status("NtClose again", STATUS_INVALID_HANDLE, NtClose(file));
}

static void check_names(void) {
  struct name scratch;
  HANDLE file = 0;
  FILE_NETWORK_OPEN_INFORMATION facts;
  FILE_DISPOSITION_INFORMATION gone = {TRUE};
  expect_status("attributes by name", 0, NtQueryFullAttributesFile(named(&scratch, here(L"calls.tmp")), &facts));
  expect("EndOfFile", sizeof TEXT, (u64)facts.EndOfFile.QuadPart);
  expect_status("any case", 0, open_scratch(&file, L"CALLS.TMP", FILE_OPEN));
  expect("opened", FILE_OPENED, done.Information);
  expect_status("delete", 0, NtSetInformationFile(file, &done, &gone, sizeof gone, FileDispositionInformation));
  expect_status("NtClose", 0, NtClose(file));
  expect_status("open of a deleted file", STATUS_OBJECT_NAME_NOT_FOUND, open_scratch(&file, L"calls.tmp", FILE_OPEN));
  expect_status("create twice", 0, open_scratch(&file, L"calls.tmp", FILE_CREATE));
  HANDLE other = 0;
  expect_status("create twice", STATUS_OBJECT_NAME_COLLISION, open_scratch(&other, L"calls.tmp", FILE_CREATE));
  expect_status("delete", 0, NtSetInformationFile(file, &done, &gone, sizeof gone, FileDispositionInformation));
  NtClose(file);
}

static void check_directory(void) {
  struct name scratch;
  HANDLE file = 0, folder = 0;
  u8 entries[1024] __attribute__((aligned(8)));
  UNICODE_STRING pattern = {18, 20, (WCHAR *)L"listed.*?"};
  pattern.Length = 16;
  expect_status("a file", 0, open_scratch(&file, L"listed.x", FILE_OVERWRITE_IF));
  expect_status("NtOpenFile", 0,
                NtOpenFile(&folder, FILE_LIST_DIRECTORY | SYNCHRONIZE, named(&scratch, here(L"")), &done, FILE_SHARE_READ,
                           FILE_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT));
  expect_status("listing", 0,
                NtQueryDirectoryFile(folder, 0, 0, 0, &done, entries, sizeof entries, 12, FALSE, &pattern, TRUE));
  expect("one entry", 0, *(u32 *)entries);
  expect("name's bytes", 16, *(u32 *)(entries + 8));
  expect("name", 1, (u64)same(entries + 12, L"listed.x", 16));
  expect_status("end of the listing", STATUS_NO_MORE_FILES,
                NtQueryDirectoryFile(folder, 0, 0, 0, &done, entries, sizeof entries, 12, FALSE, &pattern, FALSE));
  FILE_DISPOSITION_INFORMATION gone = {TRUE};
  NtSetInformationFile(file, &done, &gone, sizeof gone, FileDispositionInformation);
  NtClose(file), NtClose(folder);
}

static void check_failures(void) {
  struct name scratch;
  HANDLE file = 0;
  char byte = 0;
  FILE_FS_DEVICE_INFORMATION device;
  expect_status("open of a missing file", STATUS_OBJECT_NAME_NOT_FOUND, open_scratch(&file, L"missing", FILE_OPEN));
  expect_status("open below a missing directory", STATUS_OBJECT_PATH_NOT_FOUND,
                open_scratch(&file, L"no\\such\\file", FILE_OPEN));
  expect_status("a malformed name", STATUS_OBJECT_NAME_INVALID, open_scratch(&file, L"a?b", FILE_OPEN));
  expect_status("bad handle", STATUS_INVALID_HANDLE, NtReadFile((HANDLE)0x1234, 0, 0, 0, &done, &byte, 1, 0, 0));
  expect_status("null handle", STATUS_INVALID_HANDLE, NtClose(0));
  expect_status("wild buffer", STATUS_ACCESS_VIOLATION, NtWriteFile(std_out(), 0, 0, 0, &done, (void *)8, 4, 0, 0));
  expect_status("wild status block", STATUS_ACCESS_VIOLATION,
                NtWriteFile(std_out(), 0, 0, 0, (void *)16, &byte, 1, 0, 0));
  expect_status("wild attributes", STATUS_ACCESS_VIOLATION, NtQueryFullAttributesFile((void *)64, &scratch));
  expect_status("no such class", STATUS_INVALID_INFO_CLASS, NtQueryVolumeInformationFile(std_out(), &done, &device, 8, 77));
}

static void check_ids(void) {
  PROCESS_BASIC_INFORMATION first, again;
  ULONG size = 0;
  expect_status("basic facts", 0, NtQueryInformationProcess(PROCESS_ITSELF, ProcessBasicInformation, &first, sizeof first, &size));
  expect("their size", sizeof first, size);
  expect("PEB", (u64)peb, (u64)first.PebBaseAddress);
  if (!first.UniqueProcessId) fail("process id", 1, 0);
  NtQueryInformationProcess(PROCESS_ITSELF, ProcessBasicInformation, &again, sizeof again, 0);
  expect("process id twice", first.UniqueProcessId, again.UniqueProcessId);
  u8 *teb = (u8 *)NtCurrentTeb();
  expect("TEB's PEB", (u64)peb, *(u64 *)(teb + 0x60));
  expect("TEB's process id", first.UniqueProcessId, *(u64 *)(teb + 0x40));
  expect("stack inside its limits", 1, (u64)&first > *(u64 *)(teb + 0x10) && (u64)&first < *(u64 *)(teb + 8));
}

static void check_memory(void) {
  PVOID base = 0;
  SIZE_T size = 8 * 65536 - 100;
  ULONG old = 0;
  MEMORY_BASIC_INFORMATION facts;
  if (!expect_status("reserve", 0, NtAllocateVirtualMemory(PROCESS_ITSELF, &base, 0, &size, MEM_RESERVE, PAGE_READWRITE)))
    return;
  expect("rounded size", 8 * 65536, size);
  expect("granularity", 0, (u64)base & 0xffff);
  PVOID part = (u8 *)base + 65536;
  SIZE_T some = 3 * 4096;
  expect_status("commit", 0, NtAllocateVirtualMemory(PROCESS_ITSELF, &part, 0, &some, MEM_COMMIT, PAGE_READWRITE));
  volatile u64 *words = part;
  for (u64 i = 0; i < some / 8; i += 512) {
    expect("fresh memory", 0, words[i]);
    words[i] = i * 3 + 1;
  }
  expect_status("commit again", 0, NtAllocateVirtualMemory(PROCESS_ITSELF, &part, 0, &some, MEM_COMMIT, PAGE_READWRITE));
  for (u64 i = 0; i < some / 8; i += 512) expect("touched memory", i * 3 + 1, words[i]);
  expect_status("query", 0, NtQueryVirtualMemory(PROCESS_ITSELF, part, 0, &facts, sizeof facts, 0));
  expect("State", MEM_COMMIT, facts.State);
  expect("AllocationBase", (u64)base, (u64)facts.AllocationBase);
  expect("RegionSize", some, facts.RegionSize);
  expect("Protect", PAGE_READWRITE, facts.Protect);
  expect_status("query of the reserve", 0, NtQueryVirtualMemory(PROCESS_ITSELF, base, 0, &facts, sizeof facts, 0));
  expect("State", MEM_RESERVE, facts.State);
  expect("RegionSize", 65536, facts.RegionSize);
  expect_status("protect", 0, NtProtectVirtualMemory(PROCESS_ITSELF, &part, &some, PAGE_READONLY, &old));
  expect("old protection", PAGE_READWRITE, old);
  expect_status("read-only for services too", STATUS_ACCESS_VIOLATION,
                NtQueryVirtualMemory(PROCESS_ITSELF, part, 0, part, sizeof facts, 0));
  expect_status("protect of the reserve", STATUS_NOT_COMMITTED,
                NtProtectVirtualMemory(PROCESS_ITSELF, &base, &some, PAGE_READONLY, &old));
  expect_status("decommit", 0, NtFreeVirtualMemory(PROCESS_ITSELF, &part, &some, MEM_DECOMMIT));
  expect_status("flush", 0, NtFlushInstructionCache(PROCESS_ITSELF, base, 4096));
  some = 0;
  expect_status("release of a part", STATUS_FREE_VM_NOT_AT_BASE, NtFreeVirtualMemory(PROCESS_ITSELF, &part, &some, MEM_RELEASE));
  size = 0;
  expect_status("release", 0, NtFreeVirtualMemory(PROCESS_ITSELF, &base, &size, MEM_RELEASE));
  expect("released size", 8 * 65536, size);
  expect_status("query of free memory", 0, NtQueryVirtualMemory(PROCESS_ITSELF, base, 0, &facts, sizeof facts, 0));
  expect("State", MEM_FREE, facts.State);
}

static void check_clocks(void) {
  LARGE_INTEGER first, later, frequency, wall, little = {.QuadPart = -20000};
  SYSTEM_BASIC_INFORMATION facts;
  expect_status("counter", 0, NtQueryPerformanceCounter(&first, &frequency));
  if (frequency.QuadPart <= 0) fail("frequency", 1, (u64)frequency.QuadPart);
  expect_status("wait", 0, NtDelayExecution(FALSE, &little));
  expect_status("counter again", 0, NtQueryPerformanceCounter(&later, 0));
  if (later.QuadPart < first.QuadPart) fail("monotonic counter", (u64)first.QuadPart, (u64)later.QuadPart);
  expect_status("wall clock", 0, NtQuerySystemTime(&wall));
  if (wall.QuadPart < 116444736000000000) fail("wall clock after 1970", 1, (u64)wall.QuadPart);
  s64 shared = (s64)*(volatile u64 *)0x7ffe0014;
  if (shared < 116444736000000000) fail("wall clock of the shared page", 1, (u64)shared);
  expect("NtMajorVersion", 10, *(volatile u32 *)0x7ffe026c);
  expect_status("yield", 0, NtYieldExecution());
  expect_status("system", 0, NtQuerySystemInformation(SystemBasicInformation, &facts, sizeof facts, 0));
  if (facts.NumberOfProcessors < 1) fail("processors", 1, 0);
}

#ifdef IMPORT
static void check_kernel32(void) {
  char got[64];
  DWORD count = 0, old = 0;
  expect("GetStdHandle", (u64)std_out(), (u64)GetStdHandle(STD_OUTPUT_HANDLE));
  HANDLE file = CreateFileW(L"kernel32.tmp", GENERIC_READ | GENERIC_WRITE, 0, 0, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, 0);
  if (file == INVALID_HANDLE_VALUE) {
    fail("CreateFileW", 0, GetLastError());
    return;
  }
  expect("no last error", 0, GetLastError());
  expect("WriteFile", TRUE, (u64)WriteFile(file, TEXT, sizeof TEXT, &count, 0));
  expect("bytes written", sizeof TEXT, count);
  expect("SetFilePointer", 4, SetFilePointer(file, 4, 0, FILE_BEGIN));
  expect("ReadFile", TRUE, (u64)ReadFile(file, got, sizeof got, &count, 0));
  expect("bytes read", sizeof TEXT - 4, count);
  expect("bytes read back", 1, (u64)same(got, TEXT + 4, sizeof TEXT - 4));
  expect("ReadFile at the end", TRUE, (u64)ReadFile(file, got, sizeof got, &count, 0));
  expect("nothing", 0, count);
  expect("CloseHandle", TRUE, (u64)CloseHandle(file));
  expect("CloseHandle again", FALSE, (u64)CloseHandle(file));
  expect("its error", ERROR_INVALID_HANDLE, GetLastError());
  expect("DeleteFileA", TRUE, (u64)DeleteFileA("KERNEL32.tmp"));
  expect("CreateFileA of a missing file", (u64)INVALID_HANDLE_VALUE,
         (u64)CreateFileA("kernel32.tmp", GENERIC_READ, 0, 0, OPEN_EXISTING, 0, 0));
  expect("its error", ERROR_FILE_NOT_FOUND, GetLastError());
  u8 *memory = VirtualAlloc(0, 4096, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
  if (memory) memory[4095] = 1;
  expect("VirtualProtect", TRUE, (u64)VirtualProtect(memory, 4096, PAGE_READONLY, &old));
  expect("VirtualFree", TRUE, (u64)VirtualFree(memory, 0, MEM_RELEASE));
  u8 *block = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, 100);
  expect("zeroed block", 0, block ? block[99] : 1u);
  expect("HeapFree", TRUE, (u64)HeapFree(GetProcessHeap(), 0, block));
  DWORD slot = TlsAlloc();
  expect("TlsSetValue", TRUE, (u64)TlsSetValue(slot, &slot));
  expect("TlsGetValue", (u64)&slot, (u64)TlsGetValue(slot));
  SetLastError(77);
  expect("GetLastError", 77, GetLastError());
  expect("the TEB's", 77, *(u32 *)((u8 *)NtCurrentTeb() + 0x68));
  HMODULE ntdll = GetModuleHandleA("ntdll.dll");
  NTSTATUS(NTAPI * close)(HANDLE) = ntdll ? (void *)GetProcAddress(ntdll, "ZwClose") : 0;
  if (!close) fail("GetProcAddress", 1, 0);
  else expect_status("a function found at run time", STATUS_INVALID_HANDLE, close((HANDLE)0x1234));
  expect("an unknown function", 0, (u64)GetProcAddress(ntdll, "NoSuchFunction"));
  expect("its error", ERROR_PROC_NOT_FOUND, GetLastError());
  expect("an unknown library", 0, (u64)LoadLibraryA("nosuch.dll"));
  expect("its error", ERROR_MOD_NOT_FOUND, GetLastError());
}
#endif

int program(void) {
  ok("print");
  group("stdin", check_stdin);
  group("file", check_file);
  group("names", check_names);
  group("directory", check_directory);
  group("failures", check_failures);
  group("ids", check_ids);
  group("memory", check_memory);
  group("clocks", check_clocks);
#ifdef IMPORT
  group("kernel32", check_kernel32);
#endif
  return failures ? BROKEN : PASSED;
}
