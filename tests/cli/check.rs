//! `saltgate check`

use crate::{Ended, Folder};

#[test]
fn a_good_file_is_ok() {
    let folder =
        Folder::new("check-ok").with("a.nacl", "Iface e { index: 0, address: 10.0.0.1, netmask: 255.255.255.0 }\n");
    let ended = folder.saltgate(&["check", "a.nacl"]);
    assert_eq!(ended, Ended { status: 0, stdout: "a.nacl: ok\n".to_owned(), stderr: String::new() });
}

#[test]
fn a_file_that_is_not_there_ends_with_status_2() {
    let ended = Folder::new("check-none").saltgate(&["check", "none.nacl"]);
    let message = "saltgate: cannot read none.nacl: No such file or directory (os error 2)\n";
    assert_eq!((ended.status, &ended.stdout[..], &ended.stderr[..]), (2, "", message));
}
