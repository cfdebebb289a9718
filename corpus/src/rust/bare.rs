//! No standard library, no C library: two system calls in inline assembly.
#![no_std]
#![no_main]

use core::arch::asm;

#[cfg(target_arch = "x86_64")]
unsafe fn call(number: usize, a: usize, b: usize, c: usize) -> isize {
    let result: isize;
    asm!("syscall", inlateout("rax") number as isize => result, in("rdi") a, in("rsi") b, in("rdx") c,
         lateout("rcx") _, lateout("r11") _, options(nostack));
    result
}

#[cfg(target_arch = "aarch64")]
unsafe fn call(number: usize, a: usize, b: usize, c: usize) -> isize {
    let result: isize;
    asm!("svc 0", in("x8") number, inlateout("x0") a as isize => result, in("x1") b, in("x2") c, options(nostack));
    result
}

#[cfg(target_arch = "x86_64")]
const WRITE_EXIT: (usize, usize) = (1, 60);
#[cfg(target_arch = "aarch64")]
const WRITE_EXIT: (usize, usize) = (64, 93);

#[no_mangle]
pub extern "C" fn _start() -> ! {
    let text = b"hello from no_std\n";
    unsafe {
        let written = call(WRITE_EXIT.0, 1, text.as_ptr() as usize, text.len());
        call(WRITE_EXIT.1, written as usize, 0, 0);
    }
    loop {}
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
