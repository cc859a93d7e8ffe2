//! Signals that stop a test, handled from before the first node is spawned: no signal leaves nodes
//! behind, and neither does a second one, which changes nothing.

use std::convert::Infallible;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;
use std::{fs, io, process, thread};

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time;

/// Signals that end a test, by their usual names.
const STOP_SIGNALS: [(SignalKind, &str); 6] = [
    (SignalKind::interrupt(), "Ctrl-C"),
    (SignalKind::terminate(), "SIGTERM"),
    (SignalKind::hangup(), "SIGHUP"),
    (SignalKind::quit(), "SIGQUIT"),
    (SignalKind::user_defined1(), "SIGUSR1"),
    (SignalKind::user_defined2(), "SIGUSR2"),
];

/// Listener of the signals that end a test.
#[derive(Debug)]
pub(super) struct Signals {
    handled: Vec<(Signal, &'static str)>,
    /// SIGXFSZ: a file grew beyond the shell's `ulimit -f`. Unhandled, the signal would kill the
    /// process; handled, the write returns an error that can be reported.
    _file_too_large: Signal,
}

impl Signals {
    /// Installs the handlers, in place of the default action.
    pub(super) fn listen() -> io::Result<Signals> {
        let ignored = ignored();
        let mut handled = Vec::new();
        for (kind, name) in STOP_SIGNALS {
            // A parent such as `nohup`, or a script's `&`, made the signal ignored: it stays so.
            if ignored >> (kind.as_raw_value() - 1) & 1 == 0 {
                handled.push((signal(kind)?, name));
            }
        }
        let xfsz = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
        Ok(Signals { handled, _file_too_large: signal(xfsz)? })
    }

    /// Waits for the next signal, and returns its name.
    pub(super) async fn next(&mut self) -> &'static str {
        poll_fn(|context| {
            let came = self
                .handled
                .iter_mut()
                .find_map(|(signal, name)| signal.poll_recv(context).is_ready().then_some(*name));
            came.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// Name of a signal that has already arrived, if any.
    pub(super) async fn pending(&mut self) -> Option<&'static str> {
        // The runtime polls signals only when it is idle.
        time::timeout(Duration::from_millis(1), self.next()).await.ok()
    }
}

/// Guard under which the next signal exits the process, for work that blocks its thread.
#[derive(Debug)]
pub(super) struct ExitOnSignal {
    /// Dropped to stop listening.
    _stop_sender: oneshot::Sender<Infallible>,
}

impl ExitOnSignal {
    /// Starts listening. `last` is called with the signal's name, and returns the exit status.
    pub(super) fn begin(last: impl FnOnce(&str) -> u8 + Send + 'static) -> ExitOnSignal {
        let (stop_sender, over) = oneshot::channel();
        let listen = move || -> io::Result<()> {
            let runtime = Builder::new_current_thread().enable_io().build()?;
            runtime.block_on(async {
                let mut signals = Signals::listen()?;
                tokio::select! {
                    signal = signals.next() => process::exit(last(signal).into()),
                    _ = over => Ok(()),
                }
            })
        };
        // Without the thread, a signal does not interrupt the work.
        let _ = thread::Builder::new().name("signals".to_owned()).spawn(listen);
        ExitOnSignal { _stop_sender: stop_sender }
    }
}

/// Bit set of the signals that this process was started to ignore; empty where there is no `/proc`.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn a_signal_that_came_earlier_is_returned() {
        let mut signals = Signals::listen().unwrap();
        assert_eq!(signals.pending().await, None);
        kill_process(getpid(), Signal::USR1).unwrap();
        assert_eq!(signals.pending().await, Some("SIGUSR1"));
        assert_eq!(signals.pending().await, None);
    }
}
