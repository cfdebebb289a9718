"""Structs and offsets of the NT ABI, 64-bit; compared with a compiler's answer in tests."""

from __future__ import annotations

from aot.personality.abi.layout import S64, U8, U16, U32, U64, F, Layout, pad

# offsets: From winternl.h and winnt.h of mingw-w64 and std/os/windows.zig; a test asks the compiler
TEB = {
    "StackBase": 0x08,
    "StackLimit": 0x10,
    "Self": 0x30,
    "ClientId": 0x40,
    "ThreadLocalStoragePointer": 0x58,
    "ProcessEnvironmentBlock": 0x60,
    "LastErrorValue": 0x68,
    "CurrentLocale": 0x108,
    "LastStatusValue": 0x1250,
    "StaticUnicodeString": 0x1258,
    "StaticUnicodeBuffer": 0x1268,
    "DeallocationStack": 0x1478,
    "TlsSlots": 0x1480,
    "TlsExpansionSlots": 0x1780,
}
TEB_SIZE = 0x2000
TLS_SLOTS = 64

PEB = {
    "BeingDebugged": 0x02,
    "ImageBaseAddress": 0x10,
    "Ldr": 0x18,
    "ProcessParameters": 0x20,
    "ProcessHeap": 0x30,
    "FastPebLock": 0x38,
    "NumberOfProcessors": 0xB8,
    "NumberOfHeaps": 0xE8,
    "MaximumNumberOfHeaps": 0xEC,
    "ProcessHeaps": 0xF0,
    "OSMajorVersion": 0x118,
    "OSMinorVersion": 0x11C,
    "OSBuildNumber": 0x120,
    "OSPlatformId": 0x124,
    "ImageSubSystem": 0x128,
    "ImageSubSystemMajorVersion": 0x12C,
    "ImageSubSystemMinorVersion": 0x130,
    "SessionId": 0x2C0,
}
PEB_SIZE = 0x1000

PARAMETERS = {
    "MaximumLength": 0x00,
    "Length": 0x04,
    "Flags": 0x08,
    "ConsoleHandle": 0x10,
    "hStdInput": 0x20,
    "hStdOutput": 0x28,
    "hStdError": 0x30,
    "CurrentDirectory": 0x38,
    "CurrentDirectoryHandle": 0x48,
    "DllPath": 0x50,
    "ImagePathName": 0x60,
    "CommandLine": 0x70,
    "Environment": 0x80,
    "dwFlags": 0xA4,
    "wShowWindow": 0xA8,
    "WindowTitle": 0xB0,
    "Desktop": 0xC0,
    "ShellInfo": 0xD0,
    "RuntimeInfo": 0xE0,
    "EnvironmentSize": 0x3F0,
}
PARAMETERS_SIZE = 0x410

LDR_DATA = {
    "Length": 0x00,
    "Initialized": 0x04,
    "InLoadOrderModuleList": 0x10,
    "InMemoryOrderModuleList": 0x20,
    "InInitializationOrderModuleList": 0x30,
}
LDR_DATA_SIZE = 0x58
LDR_ENTRY = {
    "InLoadOrderLinks": 0x00,
    "InMemoryOrderLinks": 0x10,
    "InInitializationOrderLinks": 0x20,
    "DllBase": 0x30,
    "EntryPoint": 0x38,
    "SizeOfImage": 0x40,
    "FullDllName": 0x48,
    "BaseDllName": 0x58,
    "Flags": 0x68,
    "LoadCount": 0x6C,
}
LDR_ENTRY_SIZE = 0x138

# the page of shared data, KUSER_SHARED_DATA in ntddk.h of mingw-w64
SHARED_DATA = 0x7FFE_0000
SHARED = {
    "TickCountMultiplier": 0x004,
    "InterruptTime": 0x008,
    "SystemTime": 0x014,
    "TimeZoneBias": 0x020,
    "NtSystemRoot": 0x030,
    "NtBuildNumber": 0x260,
    "NtProductType": 0x264,
    "ProductTypeIsValid": 0x268,
    "NativeProcessorArchitecture": 0x26A,
    "NtMajorVersion": 0x26C,
    "NtMinorVersion": 0x270,
    "ProcessorFeatures": 0x274,
    "QpcFrequency": 0x300,
    "TickCountQuad": 0x320,
    "ActiveProcessorCount": 0x3C0,
}

FILE_BASIC = Layout("FILE_BASIC_INFORMATION", 40, (
    F("CreationTime", S64, "created"), F("LastAccessTime", S64, "accessed"),
    F("LastWriteTime", S64, "written"), F("ChangeTime", S64, "changed"),
    F("FileAttributes", U32, "attributes"), pad(4),
))  # fmt: skip
FILE_STANDARD = Layout("FILE_STANDARD_INFORMATION", 24, (
    F("AllocationSize", S64, "allocated"), F("EndOfFile", S64, "size"), F("NumberOfLinks", U32, "links"),
    F("DeletePending", U8, "deleting"), F("Directory", U8, "directory"), pad(2),
))  # fmt: skip
FILE_NETWORK_OPEN = Layout("FILE_NETWORK_OPEN_INFORMATION", 56, (
    F("CreationTime", S64, "created"), F("LastAccessTime", S64, "accessed"),
    F("LastWriteTime", S64, "written"), F("ChangeTime", S64, "changed"),
    F("AllocationSize", S64, "allocated"), F("EndOfFile", S64, "size"),
    F("FileAttributes", U32, "attributes"), pad(4),
))  # fmt: skip
FILE_ATTRIBUTE_TAG = Layout("FILE_ATTRIBUTE_TAG_INFORMATION", 8, (
    F("FileAttributes", U32, "attributes"), F("ReparseTag", U32),
))  # fmt: skip
MEMORY_BASIC = Layout("MEMORY_BASIC_INFORMATION", 48, (
    F("BaseAddress", U64, "base"), F("AllocationBase", U64, "allocation"),
    F("AllocationProtect", U32, "allocation_protect"), F("PartitionId", U16), pad(2),
    F("RegionSize", U64, "size"), F("State", U32, "state"), F("Protect", U32, "protect"),
    F("Type", U32, "type"), pad(4),
))  # fmt: skip
PROCESS_BASIC = Layout("PROCESS_BASIC_INFORMATION", 48, (
    F("ExitStatus", U32, "status"), pad(4), F("PebBaseAddress", U64, "peb"),
    F("AffinityMask", U64, "affinity"), F("BasePriority", U32, "priority"), pad(4),
    F("UniqueProcessId", U64, "pid"), F("InheritedFromUniqueProcessId", U64, "parent"),
))  # fmt: skip
SYSTEM_BASIC = Layout("SYSTEM_BASIC_INFORMATION", 64, (
    F("Reserved", U32), F("TimerResolution", U32, "resolution"), F("PageSize", U32, "page"),
    F("NumberOfPhysicalPages", U32, "pages"), F("LowestPhysicalPageNumber", U32, "lowest"),
    F("HighestPhysicalPageNumber", U32, "highest"), F("AllocationGranularity", U32, "granularity"), pad(4),
    F("MinimumUserModeAddress", U64, "minimum"), F("MaximumUserModeAddress", U64, "maximum"),
    F("ActiveProcessorsAffinityMask", U64, "affinity"), F("NumberOfProcessors", U8, "processors"), pad(7),
))  # fmt: skip
