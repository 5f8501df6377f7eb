//! What the hosts do, and what must come of it according to `examples/seed.nacl`.

use super::Show;
use anyhow::{Context, Result};
use lab::{Counters, LogServer, Reach, Site, WebServer};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How long an answer may take before a host counts as silent.
const PATIENCE: Duration = Duration::from_millis(700);

/// What a scanner would try. Somebody listens on every one of them.
const PORTS: [u16; 10] = [21, 22, 23, 25, 53, 80, 110, 443, 3306, 8080];

const PAGE: &str = "Hello from behind the gate.\n";

impl Show {
    pub(super) fn play(&mut self) -> Result<()> {
        let web = WebServer::start(&self.site.web, &[at(Site::WEB, 80), at(Site::NOT_ALLOWED, 80)], PAGE)?;
        for port in PORTS.into_iter().filter(|&port| port != 80) {
            self.site.web.listen(at(Site::WEB, port))?;
        }
        let log = LogServer::start(&self.site.log, at(Site::LOG, Site::LOG_PORT))?;

        self.http(&web)?;
        self.refused()?;
        self.scan()?;
        self.bastion()?;
        self.inside_out()?;
        self.log_lines(&log)?;
        self.management()
    }

    fn http(&mut self, web: &WebServer) -> Result<()> {
        let got = self.site.client.output(&format!("curl --silent --show-error --max-time 5 http://{}/", Site::WEB))?;
        let page = String::from_utf8_lossy(&got.stdout).into_owned();
        let (good, seen) = match page == PAGE {
            true => (true, "200, the page of nginx".to_owned()),
            false => (false, format!("{page}{}", String::from_utf8_lossy(&got.stderr).trim_end())),
        };
        self.table.note("client gets http://192.168.0.50/", "accept: allowed host and service", seen, good);

        // Many segments each way: nearly all of them pass as `established`, none would as `new`.
        let len = 4 << 20;
        let file: Vec<u8> = (0..len).map(|n: u32| (n ^ (n >> 8) ^ (n >> 15)) as u8).collect();
        std::fs::write(web.root().join("file"), &file)?;
        let got = self.site.client.output(&format!("curl --silent --max-time 20 http://{}/file", Site::WEB))?;
        let good = got.stdout == file;
        let seen = match good {
            true => "4 MiB, every byte right".to_owned(),
            false => format!("{} of {len} bytes, or wrong ones", got.stdout.len()),
        };
        self.table.note("replies: client downloads a file", "accept: established", seen, good);
        Ok(())
    }

    fn refused(&mut self) -> Result<()> {
        let reach = self.site.client.connect(at(Site::WEB, 22), PATIENCE)?;
        self.table.note("client tries ssh to the web server", "drop", said(reach), reach == Reach::Silent);
        let reach = self.site.client.connect(at(Site::NOT_ALLOWED, 80), PATIENCE)?;
        self.table.note(
            "client tries http to 192.168.0.5",
            "drop: no allowed host",
            said(reach),
            reach == Reach::Silent,
        );
        let answered = self.site.client.output(&format!("ping -c 2 -i 0.2 -W 1 {}", Site::WEB))?.status.success();
        let seen = if answered { "answered" } else { "no answer" };
        self.table.note("client pings the web server", "drop", seen, !answered);
        let answered = self.site.client.output(&format!("ping -c 2 -i 0.2 -W 1 {}", Site::OUTSIDE))?.status.success();
        let seen = if answered { "answered" } else { "no answer" };
        self.table.note("client pings saltgate itself", "accept: no input chain", seen, answered);
        Ok(())
    }

    fn scan(&mut self) -> Result<()> {
        let answers = self.site.client.scan(IpAddr::V4(Site::WEB), &PORTS, PATIENCE)?;
        let which = |reach: Reach| {
            let hits = PORTS.iter().zip(&answers).filter(|(_, answer)| **answer == reach);
            hits.map(|(port, _)| port.to_string()).collect::<Vec<_>>().join(" ")
        };
        let silent = answers.iter().filter(|&&answer| answer == Reach::Silent).count();
        let open = which(Reach::Open);
        let good = open == "80 443" && silent == PORTS.len() - 2;
        let seen = format!("open: {open}; silent: {silent} others");
        self.table.note("client scans 10 ports, all listened on", "accept 80 and 443, drop the rest", seen, good);
        Ok(())
    }

    fn bastion(&mut self) -> Result<()> {
        let answers = self.site.bastion.scan(IpAddr::V4(Site::WEB), &PORTS, PATIENCE)?;
        let open = answers.iter().filter(|&&answer| answer == Reach::Open).count();
        let seen = format!("{open} of {} ports open, ssh: {}", PORTS.len(), said(answers[1]));
        self.table.note("bastion scans the same ports", "accept everything", seen, open == PORTS.len());
        let answered = self.site.bastion.output(&format!("ping -c 2 -i 0.2 -W 1 {}", Site::WEB))?.status.success();
        let seen = if answered { "answered" } else { "no answer" };
        self.table.note("bastion pings the web server", "accept", seen, answered);
        Ok(())
    }

    fn inside_out(&mut self) -> Result<()> {
        self.site.client.listen(at(Site::CLIENT, 443))?;
        let reach = self.site.web.connect(at(Site::CLIENT, 443), PATIENCE)?;
        self.table.note("web server calls the client", "drop: nothing allows it", said(reach), reach == Reach::Silent);
        Ok(())
    }

    fn log_lines(&mut self, log: &LogServer) -> Result<()> {
        let patience = Duration::from_secs(10);
        for (what, severity, text) in [
            ("log: a connection accepted", 14, "New connection established (from 203.0.113.9)"),
            ("log: the replies", 14, "Accepting packet from an already established connection (from 192.168.0.50)"),
            ("log: a packet dropped", 12, "Dropping packet from saddr 203.0.113.9 to 192.168.0.50"),
        ] {
            let line = log.wait_for(text, patience);
            // The datagram comes from the address of the Iface that it leaves by, and says facility user and severity.
            let good = line.as_ref().is_ok_and(|line| line.starts_with(&format!("192.168.0.1 <{severity}>")));
            let seen = match line {
                Ok(_) if good => format!("<{severity}> {text}"),
                Ok(line) => line,
                Err(_) => "no such line".to_owned(),
            };
            self.table.note(what, "syslog to 192.168.0.231:6514", shortened(&seen), good);
        }
        // Without sender, time and the like, which differ from line to line.
        let messages = log.lines().into_iter().map(|line| line.split(" - ").last().unwrap_or_default().to_owned());
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        messages.for_each(|message| *kinds.entry(message).or_default() += 1);
        println!("         all that arrived at {}:", log.name());
        kinds.iter().for_each(|(message, count)| println!("         {count:6} × {message}"));
        Ok(())
    }

    /// The network that no route names: nothing goes to it, nothing comes from it.
    fn management(&mut self) -> Result<()> {
        let to_management = at(Site::MANAGEMENT, 22);
        self.site.management.listen(to_management)?;
        for (what, host) in [
            ("client calls the management host", &self.site.client),
            ("web server calls the management host", &self.site.web),
        ] {
            // Both have a default route that leads to saltgate or to its outside router.
            let reach = host.connect(to_management, PATIENCE)?;
            let good = matches!(reach, Reach::Silent | Reach::Unreachable);
            self.table.note(what, "no route names its NIC", said(reach), good);
        }
        // Straight through saltgate: the bastion may send anywhere, if there is a way.
        self.site.router.ip(&format!("route add {} via {}", Site::MANAGEMENT, Site::OUTSIDE))?;
        let reach = self.site.bastion.connect(to_management, PATIENCE)?;
        let good = matches!(reach, Reach::Silent | Reach::Unreachable);
        self.table.note("bastion, by saltgate, calls it", "no route names its NIC", said(reach), good);

        let before = Counters::read(&mut self.console)?;
        let reach = self.site.management.connect(at(Site::WEB, 80), PATIENCE)?;
        let pinged = self.site.management.output(&format!("ping -c 3 -i 0.2 -W 1 {}", Site::WEB))?.status.success();
        let after = Counters::read(&mut self.console)?;
        let dropped = after.drops("-", "NoIface") - before.drops("-", "NoIface");
        let good = reach == Reach::Silent && !pinged && dropped >= 4;
        let seen = format!(
            "tcp: {}, ping: {}; {dropped} dropped: NoIface",
            said(reach),
            if pinged { "answered" } else { "no answer" }
        );
        self.table.note("management host calls the web server", "no Iface has its NIC", seen, good);

        let frames = self.site.management.received("eth0").context("the management host's NIC")?;
        let seen = format!("{frames} frames");
        self.table.note("all that reached the management host", "no route names its NIC", seen, frames == 0);
        Ok(())
    }
}

fn at(address: impl Into<IpAddr>, port: u16) -> SocketAddr {
    SocketAddr::new(address.into(), port)
}

fn said(reach: Reach) -> &'static str {
    match reach {
        Reach::Open => "connected",
        Reach::Refused => "reset",
        Reach::Silent => "silence",
        Reach::Unreachable => "no way there",
    }
}

/// A line that fits into a table.
fn shortened(line: &str) -> String {
    const LONGEST: usize = 64;
    if line.chars().count() <= LONGEST {
        return line.to_owned();
    }
    line.chars().take(LONGEST - 1).chain(['…']).collect()
}
