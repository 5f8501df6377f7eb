//! QEMU while it runs: its console is ours, and it ends with us.

use crate::Answer;
use anyhow::{Context, Result, bail};
use lab::{Accel, Machine};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{Read, Write};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// A KVM that opens may still not run a guest; one that does speaks within this time.
const KVM_PATIENCE: Duration = Duration::from_secs(2);

/// How long QEMU may take to end when it is asked to.
const END_PATIENCE: Duration = Duration::from_secs(3);

enum News {
    /// The guest printed its first line.
    Spoke,
    /// The console is closed: QEMU has ended.
    Closed,
    /// Somebody wants us to end.
    Interrupted,
}

/// Boots the machine and stays until it ends or we are told to. With `may_give_up`, a guest that does not speak under
/// KVM is started again without it.
pub fn boot(machine: &Machine, may_give_up: bool) -> Result<Answer> {
    let (tell, news) = channel();
    catch_signals(tell.clone()).context("cannot catch Ctrl-C")?;

    let mut machine = machine.clone();
    if machine.accel == Accel::Kvm && may_give_up {
        let mut guest = start(&machine, &tell)?;
        let mut closed = false;
        match news.recv_timeout(KVM_PATIENCE) {
            Ok(News::Spoke) => return attend(guest, &news),
            Ok(News::Interrupted) => {
                end(&mut guest)?;
                return Ok(Answer::Yes);
            }
            Ok(News::Closed) => closed = true,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        eprintln!("saltgate: KVM does not run the guest here; starting again with -accel tcg");
        end(&mut guest)?;
        // What this QEMU still had to tell is not about the next one.
        while !closed {
            match news.recv_timeout(END_PATIENCE) {
                Ok(News::Spoke) => {}
                Ok(News::Interrupted) => return Ok(Answer::Yes),
                Ok(News::Closed) | Err(_) => closed = true,
            }
        }
        machine.accel = Accel::Tcg;
    }
    let guest = start(&machine, &tell)?;
    attend(guest, &news)
}

/// From here on Ctrl-C and the other polite ways to end us are news and nothing else.
fn catch_signals(tell: Sender<News>) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::spawn(move || {
        for _ in signals.forever() {
            // Nobody listens any more only when we are about to end anyway.
            let _ = tell.send(News::Interrupted);
        }
    });
    Ok(())
}

fn start(machine: &Machine, tell: &Sender<News>) -> Result<Child> {
    let mut command = machine.command();
    let mut guest = command.stdout(Stdio::piped()).spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => anyhow::anyhow!(
            "there is no qemu-system-x86_64; install it with\n    sudo apt-get install --no-install-recommends qemu-system-x86"
        ),
        _ => anyhow::Error::from(error).context("cannot start qemu-system-x86_64"),
    })?;
    let mut console = guest.stdout.take().context("the console is not piped")?;
    let tell = tell.clone();
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        let mut first = true;
        while let Ok(len @ 1..) = console.read(&mut piece) {
            let piece = &piece[..len];
            if first && piece.contains(&b'\n') {
                first = false;
                let _ = tell.send(News::Spoke);
            }
            let mut out = std::io::stdout().lock();
            // Where nobody reads us any more, the box still runs on.
            let _ = out.write_all(piece).and_then(|()| out.flush());
        }
        let _ = tell.send(News::Closed);
    });
    Ok(guest)
}

/// Waits for the guest's end, or for the order to end it.
fn attend(mut guest: Child, news: &Receiver<News>) -> Result<Answer> {
    loop {
        match news.recv().context("the console's thread died")? {
            News::Spoke => {}
            News::Interrupted => {
                end(&mut guest)?;
                return Ok(Answer::Yes);
            }
            News::Closed => {
                let status = guest.wait()?;
                bail!("the guest ended by itself ({status})");
            }
        }
    }
}

/// Ends QEMU: it may have had the same Ctrl-C, and gets time to put the terminal back in order.
fn end(guest: &mut Child) -> Result<ExitStatus> {
    if guest.try_wait()?.is_none() {
        kill(Pid::from_raw(guest.id().cast_signed()), Signal::SIGTERM).context("cannot end QEMU")?;
    }
    let until = Instant::now() + END_PATIENCE;
    while Instant::now() < until {
        if let Some(status) = guest.try_wait()? {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    guest.kill()?;
    Ok(guest.wait()?)
}
