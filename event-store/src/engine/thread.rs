//! What the engine needs to know of threads, and what is known of them: their numbers and their stacks.

use std::io;

/// The calling thread's number, as the engine's `system.processes` shows it in `thread_ids`.
pub fn current_thread() -> u32 {
    // SAFETY: takes nothing, changes nothing, never fails.
    unsafe { libc::gettid() }.cast_unsigned()
}

/// The stack of every thread that the engine starts from now on, bytes: the deepest statement that may be asked must fit.
/// Only what is used of it becomes memory.
pub fn set_default_stack(bytes: usize) -> io::Result<()> {
    // SAFETY: `attributes` is initialised by the first call before the others read it, and destroyed once.
    let code = unsafe {
        let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
        match libc::pthread_attr_init(attributes.as_mut_ptr()) {
            0 => {
                let mut code = libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), bytes);
                if code == 0 {
                    code = pthread_setattr_default_np(attributes.as_ptr());
                }
                libc::pthread_attr_destroy(attributes.as_mut_ptr());
                code
            }
            code => code,
        }
    };
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
}

unsafe extern "C" {
    fn pthread_setattr_default_np(attributes: *const libc::pthread_attr_t) -> libc::c_int;
}

#[cfg(test)]
mod a_thread {
    use super::*;

    #[test]
    fn has_a_number_of_its_own() {
        let other = std::thread::spawn(current_thread).join().expect("it ends");
        assert_ne!(current_thread(), other);
        assert_eq!(current_thread(), current_thread());
    }
}
