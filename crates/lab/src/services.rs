//! Debian's own daemons, started for one test and ended by their process id.

use crate::host::Host;
use crate::process::Process;
use anyhow::{Context, Result, bail};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A folder for one purpose, gone with the value.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    pub fn new(purpose: &str) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("saltgate-{purpose}-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file in the folder and returns its path.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// nginx with one page.
pub struct WebServer {
    _process: Process,
    folder: Folder,
}

impl WebServer {
    /// Serves `page` at `/` and, as `/NAME`, whatever is put into its [`root`](Self::root).
    pub fn start(host: &Host, listen: &[SocketAddr], page: &str) -> Result<Self> {
        let folder = Folder::new("nginx")?;
        std::fs::create_dir(folder.path().join("root"))?;
        folder.write("root/index.html", page)?;
        let sockets: String = listen.iter().map(|at| format!("    listen {at};\n")).collect();
        let dir = folder.path().display();
        // One process, so that its end is the end; and its files are ours, not those of Debian's service.
        let config = format!(
            "daemon off;\nmaster_process off;\nuser root;\npid {dir}/pid;\nerror_log {dir}/error.log;\n\
             events {{ worker_connections 256; }}\n\
             http {{\n  access_log {dir}/access.log;\n  client_body_temp_path {dir}/body;\n  proxy_temp_path {dir}/proxy;\n  \
             fastcgi_temp_path {dir}/fastcgi;\n  uwsgi_temp_path {dir}/uwsgi;\n  scgi_temp_path {dir}/scgi;\n  \
             server {{\n{sockets}    root {dir}/root;\n  }}\n}}\n"
        );
        let config = folder.write("nginx.conf", config)?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder.path()).arg("-e").arg(folder.path().join("error.log")).arg("-c").arg(config);
        let mut process = host.start(command)?;
        for &at in listen {
            wait_until(&mut process, || Ok(host.connect(at, Duration::from_millis(200))? == crate::Reach::Open))
                .with_context(|| format!("nginx does not answer on {at}"))?;
        }
        Ok(Self { _process: process, folder })
    }

    /// The folder that it serves.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// The requests that it has answered, a line each.
    pub fn requests(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default()
    }
}

/// A receiver of log datagrams: rsyslogd, or a plain socket where rsyslogd does not start.
pub struct LogServer {
    folder: Folder,
    receiver: Receiver,
}

enum Receiver {
    Rsyslogd { _process: Process },
    Socket,
}

impl LogServer {
    pub fn start(host: &Host, listen: SocketAddr) -> Result<Self> {
        let folder = Folder::new("rsyslog")?;
        match rsyslogd(host, listen, &folder) {
            Ok(process) => Ok(Self { folder, receiver: Receiver::Rsyslogd { _process: process } }),
            Err(error) => {
                println!("rsyslogd does not start here, so a plain UDP socket receives the log lines: {error:#}");
                write_datagrams(host, listen, folder.path().join("log"))?;
                Ok(Self { folder, receiver: Receiver::Socket })
            }
        }
    }

    /// Who receives: "rsyslogd" or "a UDP socket".
    pub fn name(&self) -> &'static str {
        match self.receiver {
            Receiver::Rsyslogd { .. } => "rsyslogd",
            Receiver::Socket => "a UDP socket",
        }
    }

    /// The datagrams so far, a line each: the sender's address, a blank, the datagram as it came.
    pub fn lines(&self) -> Vec<String> {
        let text = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
    }

    /// Waits until a line contains `needle`.
    pub fn wait_for(&self, needle: &str, patience: Duration) -> Result<String> {
        let until = Instant::now() + patience;
        loop {
            if let Some(line) = self.lines().into_iter().find(|line| line.contains(needle)) {
                return Ok(line);
            }
            if Instant::now() > until {
                bail!("no log line with `{needle}` within {patience:?}, but\n{}", self.lines().join("\n"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn rsyslogd(host: &Host, listen: SocketAddr, folder: &Folder) -> Result<Process> {
    let dir = folder.path().display();
    let (address, port) = (listen.ip(), listen.port());
    // It must ask nobody for names: there is no name server, and it would wait for one.
    let config = format!(
        "global(workDirectory=\"{dir}\" localHostname=\"log\" net.enableDNS=\"off\")\nmodule(load=\"imudp\")\n\
         template(name=\"asItCame\" type=\"string\" string=\"%fromhost-ip% %rawmsg%\\n\")\n\
         ruleset(name=\"all\") {{ action(type=\"omfile\" file=\"{dir}/log\" template=\"asItCame\") }}\n\
         input(type=\"imudp\" address=\"{address}\" port=\"{port}\" ruleset=\"all\")\n"
    );
    let config = folder.write("rsyslog.conf", config)?;
    let mut command = Command::new("rsyslogd");
    // In the foreground, no name look-ups, its own pid file.
    command.args(["-n", "-x", "-C", "-f"]).arg(config).arg("-i").arg(folder.path().join("pid"));
    let mut process = host.start(command)?;
    wait_until(&mut process, || {
        // Only a bound port refuses to be bound again.
        Ok(host.run(move || UdpSocket::bind(listen)).is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse))
    })?;
    Ok(process)
}

fn write_datagrams(host: &Host, listen: SocketAddr, log: PathBuf) -> Result<()> {
    use std::io::Write;
    let socket = host.run(move || UdpSocket::bind(listen)).with_context(|| format!("cannot listen on {listen}"))?;
    let mut file = std::fs::File::create(log)?;
    std::thread::spawn(move || {
        let mut datagram = [0; 2048];
        while let Ok((len, from)) = socket.recv_from(&mut datagram) {
            let text = String::from_utf8_lossy(&datagram[..len]);
            if writeln!(file, "{} {}", from.ip(), text.trim_end()).is_err() {
                break;
            }
        }
    });
    Ok(())
}

fn wait_until(process: &mut Process, mut ready: impl FnMut() -> Result<bool>) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(10);
    while !ready()? {
        if process.ended()?.is_some() || Instant::now() > until {
            bail!("it did not become ready; it said\n{}", process.text());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
