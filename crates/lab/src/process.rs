//! Programs that we start, listen to, and end.

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A line that a program printed, and when it was complete.
#[derive(Clone, Debug)]
pub struct Line {
    pub at: Instant,
    pub text: String,
}

/// A running program; everything that it prints is kept. It is killed when dropped, and when the thread that started
/// it ends.
pub struct Process {
    child: Child,
    shown: String,
    started: Instant,
    input: Option<ChildStdin>,
    printed: Arc<Printed>,
}

#[derive(Default)]
struct Printed {
    lines: Mutex<Vec<Line>>,
    more: Condvar,
}

impl Process {
    /// Starts it with its input and output in our hands.
    pub fn start(mut command: Command) -> Result<Self> {
        let shown = show(&command);
        let command = mortal(&mut command);
        let started = Instant::now();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {shown}"))?;
        let printed = Arc::new(Printed::default());
        if let Some(stdout) = child.stdout.take() {
            keep(stdout, &printed);
        }
        if let Some(stderr) = child.stderr.take() {
            keep(stderr, &printed);
        }
        let input = child.stdin.take();
        Ok(Self { child, shown, started, input, printed })
    }

    /// When it was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Types a line into its standard input.
    pub fn type_line(&mut self, text: &str) -> Result<()> {
        let input = self.input.as_mut().context("its input is closed")?;
        writeln!(input, "{text}")?;
        Ok(input.flush()?)
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<Line> {
        self.printed.lock().clone()
    }

    /// How many lines there are so far: a place to wait from.
    pub fn mark(&self) -> usize {
        self.printed.lock().len()
    }

    /// All that it printed so far, as one text.
    pub fn text(&self) -> String {
        self.text_from(0)
    }

    /// What it printed after the first `mark` lines.
    pub fn text_from(&self, mark: usize) -> String {
        let lines = self.printed.lock();
        lines.iter().skip(mark).flat_map(|line| [line.text.as_str(), "\n"]).collect()
    }

    /// Waits for a line that contains `needle`, printed before or yet to come.
    pub fn wait_for(&mut self, needle: &str, patience: Duration) -> Result<Line> {
        self.wait_from(0, needle, patience)
    }

    /// Waits for a line that contains `needle` after the first `mark` lines.
    pub fn wait_from(&mut self, mark: usize, needle: &str, patience: Duration) -> Result<Line> {
        let until = Instant::now() + patience;
        let mut lines = self.printed.lock();
        loop {
            if let Some(line) = lines.iter().skip(mark).find(|line| line.text.contains(needle)) {
                return Ok(line.clone());
            }
            let left = until.saturating_duration_since(Instant::now());
            let ended = self.child.try_wait()?;
            if left.is_zero() || ended.is_some() {
                let said: String = lines.iter().map(|line| format!("  | {}\n", line.text)).collect();
                let why =
                    ended.map_or_else(|| format!("not within {patience:?}"), |status| format!("it ended: {status}"));
                bail!("{} did not print `{needle}` ({why}); it printed\n{said}", self.shown);
            }
            // Looks up now and then, since a program that ended wakes nobody.
            let nap = left.min(Duration::from_millis(100));
            lines = self.printed.more.wait_timeout(lines, nap).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The exit status, if it has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for its end.
    pub fn wait(&mut self, patience: Duration) -> Result<ExitStatus> {
        let until = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > until {
                bail!("{} is still running after {patience:?}", self.shown);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal)
            .with_context(|| format!("cannot signal {}", self.shown))
    }

    /// CPU time that it and its children have used: to the nanosecond that of all threads that still run where the
    /// scheduler tells (Linux, Documentation/scheduler/sched-stats.rst), else in steps of 10 ms.
    pub fn cpu_time(&self) -> Result<Duration> {
        family(self.id()).into_iter().map(cpu_time_of).sum()
    }

    /// Memory that it and its children occupy now, in KiB.
    pub fn resident_kib(&self) -> Result<u64> {
        family(self.id()).into_iter().map(resident_of).sum()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Politely first: a program with children of its own ends them.
            let _ = self.signal(Signal::SIGTERM);
            if self.wait(Duration::from_secs(2)).is_err() {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
        }
    }
}

impl Printed {
    fn lock(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A command from a line of words; nothing is quoted or expanded.
pub fn command(line: &str) -> Result<Command> {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().context("an empty command")?);
    command.args(words);
    Ok(command)
}

/// The same command, but the program is killed when the thread that starts it ends, whatever the reason.
pub fn mortal(command: &mut Command) -> &mut Command {
    let mut wrapped = Command::new("setpriv");
    wrapped.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    wrapped.env("PATH", path());
    if let Some(dir) = command.get_current_dir() {
        wrapped.current_dir(dir);
    }
    *command = wrapped;
    command
}

/// Is there a program of this name?
pub fn exists(program: &str) -> bool {
    std::env::split_paths(&path()).any(|dir| dir.join(program).is_file())
}

/// Where programs are looked for: daemons live in /usr/sbin, which a plain user's PATH leaves out.
pub fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// Kills what the calling thread has started and nobody has ended. The kernel does it as well when the thread is gone,
/// but not for a child that had no time yet to ask for that.
pub fn end_children_of_this_thread() {
    let children = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    for child in children.split_whitespace().filter_map(|child| child.parse().ok()) {
        // It may have ended by itself meanwhile; its id is not given away before it was waited for.
        let _ = kill(Pid::from_raw(child), Signal::SIGKILL);
    }
}

fn show(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned()
}

/// Reads lines until the other end closes; a last piece without a newline counts as a line.
fn keep(stream: impl Read + Send + 'static, printed: &Arc<Printed>) {
    let printed = Arc::clone(printed);
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            printed.lock().push(Line { at: Instant::now(), text });
            printed.more.notify_all();
            line.clear();
        }
    });
}

/// A process and all that it has started, as far as they still run.
fn family(id: u32) -> Vec<u32> {
    let mut all = vec![id];
    let mut next = 0;
    while let Some(&parent) = all.get(next) {
        next += 1;
        let tasks = std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
        for task in tasks {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    all
}

fn cpu_time_of(id: u32) -> Result<Duration> {
    let tasks = std::fs::read_dir(format!("/proc/{id}/task")).with_context(|| format!("no process {id}"))?;
    let told = tasks.flatten().map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    match told.sum::<Option<u64>>() {
        Some(nanos) if nanos > 0 => Ok(Duration::from_nanos(nanos)),
        _ => Ok(Duration::from_millis(ticks_of(id)? * 10)),
    }
}

fn ticks_of(id: u32) -> Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The second field is the program's name in parentheses and may hold anything (proc(5)); utime and stime are 14
    // and 15.
    let rest = stat.rsplit_once(')').context("an odd /proc/PID/stat")?.1;
    let field = |n: usize| rest.split_whitespace().nth(n).and_then(|word| word.parse::<u64>().ok());
    field(11).zip(field(12)).map(|(user, system)| user + system).context("an odd /proc/PID/stat")
}

fn resident_of(id: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    Ok(rss.and_then(|rss| rss.split_whitespace().next()?.parse().ok()).unwrap_or(0))
}
