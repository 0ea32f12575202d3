//! Signals while a command runs: they are the command's business, the report still comes.
//!
//! A Ctrl-C at the terminal reaches the command by itself, since both are in the foreground; any
//! other request to end (a CI system's, a supervisor's) is passed on to it.

/// Keeps signals away from this process until it is dropped.
#[must_use]
pub struct Guard {
    #[cfg(unix)]
    handle: signal_hook::iterator::Handle,
}

#[cfg(unix)]
impl Drop for Guard {
    fn drop(&mut self) {
        self.handle.close();
    }
}

/// Passes signals on to a process. None when the system does not let us listen; then signals do
/// what they always do.
#[cfg(unix)]
pub fn pass_on_to(process: u32) -> Option<Guard> {
    use rustix::process::{Pid, Signal, kill_process};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    use std::io::IsTerminal;

    let pid = Pid::from_raw(i32::try_from(process).ok()?)?;
    let by_terminal = std::io::stdin().is_terminal();
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM]).ok()?;
    let handle = signals.handle();
    std::thread::spawn(move || {
        for signal in signals.forever() {
            let signal = match signal {
                SIGINT | SIGQUIT if by_terminal => continue,
                SIGINT => Signal::INT,
                SIGQUIT => Signal::QUIT,
                SIGHUP => Signal::HUP,
                _ => Signal::TERM,
            };
            // It may have ended already.
            let _ = kill_process(pid, signal);
        }
    });
    Some(Guard { handle })
}

/// A flag that the first Ctrl-C (or another request to end) sets; the second one ends the program.
pub fn stop_flag() -> std::sync::Arc<std::sync::atomic::AtomicBool> {
    let flag = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        // Where it cannot be arranged, the program ends at once; the scratch copy goes all the same.
        let _ = signal_hook::flag::register_conditional_shutdown(signal, 130, std::sync::Arc::clone(&flag));
        let _ = signal_hook::flag::register(signal, std::sync::Arc::clone(&flag));
    }
    flag
}

/// Nothing to do where there are no such signals.
#[cfg(not(unix))]
pub fn pass_on_to(_: u32) -> Option<Guard> {
    None
}
