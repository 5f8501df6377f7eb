//! A Linux host: a network namespace, and a thread that lives in it.

use crate::process::{self, Process};
use anyhow::{Context, Result, anyhow, ensure};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Pid, gettid};
use std::io::{ErrorKind, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

type Job = Box<dyn FnOnce() + Send>;

/// A host of its own: interfaces, addresses, routes, sockets. It ends, with everything started on it, when dropped.
pub struct Host {
    name: String,
    network: Network,
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// A way to tell other threads and programs which network namespace is meant. Valid as long as its [`Host`].
#[derive(Clone, Copy, Debug)]
pub struct Network {
    /// The thread that lives in the namespace.
    thread: Pid,
}

impl Network {
    /// A word that `ip link set … netns` understands.
    pub(crate) fn word(self) -> String {
        format!("/proc/{}/task/{}/ns/net", Pid::this(), self.thread)
    }
}

/// What a connection attempt met with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Somebody accepted.
    Open,
    /// Somebody answered with a reset.
    Refused,
    /// Nobody answered, as when a firewall drops.
    Silent,
    /// A router or the host itself said that there is no way.
    Unreachable,
}

impl Host {
    /// A host without any cable; its loopback is up.
    pub fn new(name: &str) -> Result<Self> {
        let (jobs, todo) = channel::<Job>();
        let (tell, told) = channel();
        let thread = std::thread::Builder::new().name(format!("host {name}")).spawn(move || {
            let entered = unshare(CloneFlags::CLONE_NEWNET).map(|()| gettid());
            let failed = entered.is_err();
            if tell.send(entered).is_err() || failed {
                return;
            }
            for job in todo {
                job();
            }
            process::end_children_of_this_thread();
        })?;
        let tid = told.recv().context("the host's thread died")?.context("cannot make a network namespace")?;
        let network = Network { thread: tid };
        let host = Self { name: name.to_owned(), network, jobs: Some(jobs), thread: Some(thread) };
        host.ip("link set lo up")?;
        Ok(host)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn network(&self) -> Network {
        self.network
    }

    /// Runs something on the host and waits for it.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (answer, answered) = channel();
        let job: Job = Box::new(move || {
            // Nobody waits only if the caller panicked.
            let _ = answer.send(job());
        });
        self.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).expect("a host's thread lives as long as the host");
        answered.recv().expect("jobs of a host do not panic")
    }

    /// Runs something on the host beside everything else.
    pub fn background<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        // A new thread is born into the network namespace of the thread that makes it.
        self.run(move || std::thread::spawn(job))
    }

    /// Starts a program on the host.
    pub fn start(&self, command: Command) -> Result<Process> {
        self.run(move || Process::start(command))
    }

    /// Runs a program on the host to its end and returns what it said, whatever its exit status. `line` is split at
    /// blanks.
    pub fn output(&self, line: &str) -> Result<Output> {
        let mut command = process::command(line)?;
        let shown = format!("{}: {line}", self.name);
        self.run(move || process::mortal(&mut command).stdin(Stdio::null()).output())
            .with_context(|| format!("cannot run {shown}"))
    }

    /// Like [`output`](Self::output) for a program that must succeed; its standard output.
    pub fn succeed(&self, line: &str) -> Result<String> {
        let output = self.output(line)?;
        ensure!(
            output.status.success(),
            "{}: {line}: {}{}",
            self.name,
            String::from_utf8_lossy(&output.stderr).trim_end(),
            String::from_utf8_lossy(&output.stdout).trim_end()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// `ip ARGS`, which must succeed. Several lines are as many commands, in one process.
    pub fn ip(&self, args: &str) -> Result<()> {
        let (shown, lines) = (format!("{}: ip {args}", self.name), args.to_owned());
        let ip = move || -> std::io::Result<Output> {
            let mut command = Command::new("ip");
            command.args(["-batch", "-"]).env("PATH", process::path());
            let mut ip = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
            if let Some(mut input) = ip.stdin.take() {
                writeln!(input, "{lines}")?;
            }
            ip.wait_with_output()
        };
        let output = self.run(ip).with_context(|| shown.clone())?;
        ensure!(output.status.success(), "{shown}: {}", String::from_utf8_lossy(&output.stderr).trim_end());
        Ok(())
    }

    /// Writes `/proc/sys/net/KEY`, of this host alone.
    pub fn sysctl(&self, key: &str, value: &str) -> Result<()> {
        let (path, value) = (format!("/proc/sys/net/{key}"), value.to_owned());
        let shown = format!("{}: cannot set {key} to {value}", self.name);
        self.run(move || std::fs::write(path, value)).context(shown)
    }

    /// Gives a device an address, "10.0.0.1/24" or "2001:db8::1/64", usable at once.
    pub fn address(&self, device: &str, address: &str) -> Result<()> {
        // Duplicate address detection would keep an IPv6 address unusable for a second.
        let nodad = if address.contains(':') { " nodad" } else { "" };
        self.ip(&format!("address add {address} dev {device}{nodad}"))
    }

    /// Tries to open a TCP connection, and closes it.
    pub fn connect(&self, to: SocketAddr, patience: Duration) -> Result<Reach> {
        self.run(move || reach(to, patience))
    }

    /// Tries many ports at once, as a port scanner does; the answers are in the order of `ports`.
    pub fn scan(&self, address: IpAddr, ports: &[u16], patience: Duration) -> Result<Vec<Reach>> {
        let tries: Vec<_> =
            ports.iter().map(|&port| self.background(move || reach((address, port).into(), patience))).collect();
        tries.into_iter().map(|attempt| attempt.join().map_err(|_| anyhow!("a connection attempt panicked"))?).collect()
    }

    /// Listens on a TCP port and accepts whoever comes, saying nothing, as long as the host lives.
    pub fn listen(&self, at: SocketAddr) -> Result<()> {
        let listener = self.run(move || TcpListener::bind(at)).with_context(|| format!("cannot listen on {at}"))?;
        std::thread::spawn(move || listener.incoming().for_each(drop));
        Ok(())
    }

    /// Frames that a device of the host has received since it was made.
    pub fn received(&self, device: &str) -> Result<u64> {
        let table = self.run(|| std::fs::read_to_string("/proc/thread-self/net/dev"))?;
        table
            .lines()
            .find_map(|line| line.trim_start().strip_prefix(device)?.strip_prefix(':'))
            .and_then(|row| row.split_whitespace().nth(1)?.parse().ok())
            .with_context(|| format!("{} has no device {device}", self.name))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It panicked only if a job did, and that was told already.
            let _ = thread.join();
        }
    }
}

fn reach(to: SocketAddr, patience: Duration) -> Result<Reach> {
    match TcpStream::connect_timeout(&to, patience) {
        Ok(_) => Ok(Reach::Open),
        Err(error) => match error.kind() {
            ErrorKind::ConnectionRefused => Ok(Reach::Refused),
            ErrorKind::TimedOut => Ok(Reach::Silent),
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Ok(Reach::Unreachable),
            _ => Err(error).with_context(|| format!("cannot try {to}")),
        },
    }
}
