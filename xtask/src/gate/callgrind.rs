//! Running a program under callgrind, and reading what it wrote (valgrind's manual, "Callgrind Format Specification").

use anyhow::{Context, Result, ensure};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;

/// What was executed inside the measured regions, by function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    pub functions: Vec<Function>,
}

/// A function that was executed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Function {
    /// It is of the program itself, not of a shared library.
    pub is_own: bool,
    /// Instructions that each address took.
    pub own: BTreeMap<u64, u64>,
    pub calls: Vec<Call>,
}

/// What a place of a function called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub from: u64,
    /// Position in [`Profile::functions`].
    pub callee: usize,
    /// Instructions, with those of what the callee called.
    pub took: u64,
}

impl Profile {
    /// Instructions of the program itself.
    pub fn own(&self) -> u64 {
        self.total(true)
    }

    /// Instructions of shared libraries.
    pub fn foreign(&self) -> u64 {
        self.total(false)
    }

    fn total(&self, is_own: bool) -> u64 {
        let functions = self.functions.iter().filter(|function| function.is_own == is_own);
        functions.flat_map(|function| function.own.values()).sum()
    }

    /// `program` is the path of the file that counts as our own.
    fn parse(text: &str, program: &str) -> Result<Self> {
        let mut reader = Reader { program, ..Reader::default() };
        text.lines().try_for_each(|line| reader.line(line))?;
        Ok(reader.profile)
    }
}

/// A profile that has been read in part.
#[derive(Default)]
struct Reader<'a> {
    program: &'a str,
    profile: Profile,
    /// Names are written once, with a number, and then only by the number.
    objects: HashMap<&'a str, &'a str>,
    /// Functions by object and by the number of their name.
    known: HashMap<(&'a str, &'a str), usize>,
    object: &'a str,
    function: Option<usize>,
    /// What the next line of costs is about, if that is a call.
    callee_object: Option<&'a str>,
    callee: Option<usize>,
    is_call: bool,
    /// Addresses are written as distances.
    address: u64,
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: &'a str) -> Result<()> {
        if line.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c)) {
            return self.costs(line).with_context(|| format!("an odd line of costs: {line}"));
        }
        match line.split_once('=') {
            Some(("ob", name)) => self.object = self.object(name)?,
            Some(("cob", name)) => self.callee_object = Some(self.object(name)?),
            Some(("fn", name)) => self.function = Some(self.function(self.object, name)),
            Some(("cfn", name)) => {
                let object = self.callee_object.take().unwrap_or(self.object);
                self.callee = Some(self.function(object, name));
            }
            Some(("calls", _)) => self.is_call = true,
            _ => {}
        }
        Ok(())
    }

    fn object(&mut self, name: &'a str) -> Result<&'a str> {
        if let Some((number, name)) = name.split_once(' ') {
            self.objects.insert(number, name);
            return Ok(name);
        }
        self.objects.get(name).copied().context("a number without a name")
    }

    fn function(&mut self, object: &'a str, name: &'a str) -> usize {
        let number = name.split_once(' ').map_or(name, |(number, _)| number);
        let functions = &mut self.profile.functions;
        *self.known.entry((object, number)).or_insert_with(|| {
            functions.push(Function { is_own: object == self.program, ..Function::default() });
            functions.len() - 1
        })
    }

    /// `ADDRESS LINE COUNT`, of the function itself or of the call that was announced.
    fn costs(&mut self, line: &str) -> Option<()> {
        let mut words = line.split_whitespace();
        let address = words.next()?;
        self.address = match address.split_at(1) {
            ("*", _) => self.address,
            ("+", distance) => self.address.checked_add(distance.parse().ok()?)?,
            ("-", distance) => self.address.checked_sub(distance.parse().ok()?)?,
            _ => u64::from_str_radix(address.strip_prefix("0x")?, 16).ok()?,
        };
        let count: u64 = words.nth(1)?.parse().ok()?;
        let function = self.profile.functions.get_mut(self.function?)?;
        if std::mem::take(&mut self.is_call) {
            let callee = self.callee.take()?;
            function.calls.push(Call { from: self.address, callee, took: count });
        } else {
            *function.own.entry(self.address).or_default() += count;
        }
        Some(())
    }
}

/// Walks so many bursts of a row under callgrind, which writes to `file`.
pub fn run(program: &Path, row: &str, bursts: u64, file: &Path) -> Result<Profile> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*measured_region*"]);
    valgrind.arg("--dump-instr=yes");
    valgrind.arg(format!("--callgrind-out-file={}", file.display()));
    valgrind.arg(program).args(["--count", row, &bursts.to_string()]);
    let output = valgrind.output().context("cannot run valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind: {}", said.lines().last().unwrap_or("failed"));
    let text = std::fs::read(file)?;
    let program = std::fs::canonicalize(program)?;
    Profile::parse(&String::from_utf8_lossy(&text), &program.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_told_by_the_object_that_has_them_and_callees_are_not_counted_twice() {
        let text = "\
# callgrind format
events: Ir
summary: 115

ob=(1) /bench
fn=(1) measured_region
0x10 1 10
cob=(2) /lib/libc.so.6
cfn=(2) memcpy
calls=3 0x500 0
+5 0 30
* 0 5
cfn=(3) walk
calls=1 0x40 0
0x16 2 70

fn=(3)
0x40 1 60
-2 1 10

ob=(2)
fn=(2)
0x500 0 30
";
        let profile = Profile::parse(text, "/bench").unwrap();
        assert_eq!((profile.own(), profile.foreign()), (85, 30));
        let calls = [Call { from: 0x15, callee: 1, took: 30 }, Call { from: 0x16, callee: 2, took: 70 }];
        let [region, memcpy, walk] = &profile.functions[..] else { panic!("{profile:?}") };
        assert_eq!(region, &Function { is_own: true, own: [(0x10, 10), (0x15, 5)].into(), calls: calls.to_vec() });
        assert_eq!(memcpy.own, [(0x500, 30)].into());
        assert_eq!(walk.own, [(0x40, 60), (0x3e, 10)].into());
    }
}
