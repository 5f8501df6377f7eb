//! The real binary in a temporary folder: what it prints, all of it, and how it ends.

mod check;
mod diagnostics;
mod export;
mod fmt;
mod lsp;
mod show;
mod stories;
mod trace;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder of one test.
pub struct Folder {
    path: PathBuf,
}

/// What a command printed, and its exit status.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Folder {
    /// An empty folder; `name` is unlike that of any other test.
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        // A run before this one may have left something.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self { path }
    }

    pub fn with(self, name: &str, content: &str) -> Self {
        let path = self.path.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    /// With a copy of `examples/NAME`.
    pub fn with_example(self, name: &str) -> Self {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
        let content = std::fs::read_to_string(example).unwrap();
        self.with(name, &content)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path.join(name)).unwrap()
    }

    /// Runs `saltgate` with these arguments in the folder.
    pub fn saltgate(&self, args: &[&str]) -> Ended {
        self.saltgate_reading("", args)
    }

    /// As [`Self::saltgate`], with something on standard input.
    pub fn saltgate_reading(&self, input: &str, args: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_saltgate"));
        command.args(args).current_dir(&self.path).env("NO_COLOR", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that does not read its input may end before this is written.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ended {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// A word that is nearly a command is not a mystery.
#[test]
fn a_mistyped_command_is_answered_with_the_right_one() {
    let ended = Folder::new("mistyped-command").saltgate(&["chekc", "x.nacl"]);
    assert_eq!(ended.status, 2);
    assert_eq!(ended.stdout, "");
    let first = ended.stderr.lines().next();
    assert_eq!(first, Some("error: unrecognized subcommand 'chekc'"));
    assert!(ended.stderr.contains("a similar subcommand exists: 'check'"), "{}", ended.stderr);
}

#[test]
fn help_and_version_are_no_errors() {
    let folder = Folder::new("help");
    let version = folder.saltgate(&["--version"]);
    assert_eq!((version.status, &version.stdout[..]), (0, concat!("saltgate ", env!("CARGO_PKG_VERSION"), "\n")));
    let help = folder.saltgate(&["--help"]);
    assert_eq!(help.status, 0);
    for command in ["check", "test", "trace"] {
        assert!(help.stdout.contains(command), "{}", help.stdout);
    }
}
