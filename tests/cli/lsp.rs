//! `saltgate lsp`: the real binary over its real protocol.

use crate::Folder;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A client. It waits for what it expects; a server that says nothing hangs the test, and nothing else.
struct Client {
    server: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    last_id: u64,
    /// Notifications that came while something else was waited for.
    notes: Vec<Value>,
}

const URI: &str = "file:///tmp/edge.nacl";

impl Client {
    /// A client that has not said anything.
    fn silent() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_saltgate"));
        command.args(["lsp", "--stdio"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut server = command.spawn().unwrap();
        let (to, from) = (server.stdin.take(), BufReader::new(server.stdout.take().unwrap()));
        Self { server, to, from, last_id: 0, notes: Vec::new() }
    }

    /// A client that has begun a session, and what the server can do.
    fn new(encodings: &[&str]) -> (Self, Value) {
        let mut client = Self::silent();
        let capabilities = json!({ "general": { "positionEncodings": encodings } });
        let answer =
            client.request("initialize", json!({ "processId": null, "rootUri": null, "capabilities": capabilities }));
        client.notify("initialized", json!({}));
        (client, answer["result"].clone())
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        let to = self.to.as_mut().unwrap();
        write!(to, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        to.flush().unwrap();
    }

    fn receive(&mut self) -> Value {
        let mut length = None;
        loop {
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).unwrap() > 0, "the server has gone");
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = value.trim().parse().ok();
            }
        }
        let mut body = vec![0; length.unwrap()];
        self.from.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The whole answer to a request.
    fn request(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.receive();
            if message["id"] == id {
                return message;
            }
            self.notes.push(message);
        }
    }

    /// The result of a request about a place of the file.
    fn ask(&mut self, method: &str, line: u32, character: u32) -> Value {
        let params = json!({ "textDocument": { "uri": URI }, "position": { "line": line, "character": character } });
        let answer = self.request(method, params);
        assert_eq!(answer.get("error"), None, "{method}");
        answer["result"].clone()
    }

    fn open(&mut self, text: &str) {
        let document = json!({ "uri": URI, "languageId": "nacl", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
    }

    /// The next diagnostics of a version of the file.
    fn diagnostics(&mut self, version: u32) -> Vec<Value> {
        loop {
            let note = if self.notes.is_empty() { self.receive() } else { self.notes.remove(0) };
            assert_eq!(note["method"], "textDocument/publishDiagnostics");
            assert_eq!(note["params"]["uri"], URI);
            if note["params"]["version"] == version {
                return note["params"]["diagnostics"].as_array().unwrap().clone();
            }
        }
    }

    /// Ends the session; the server's exit status.
    fn end(mut self) -> Option<i32> {
        assert_eq!(self.request("shutdown", Value::Null)["result"], Value::Null);
        self.notify("exit", Value::Null);
        self.server.wait().unwrap().code()
    }
}

fn range(line: u32, from: u32, to: u32) -> Value {
    json!({ "start": { "line": line, "character": from }, "end": { "line": line, "character": to } })
}

/// Characters that take two bytes and one code unit, and four bytes and two, stand before what is asked about.
const TEXT: &str = "\
/* é😀 */ Iface outside { index: 0, address: 10.0.0.2, netmask: 255.255.255.0, input: wall }
/* 😀😀 */ bastion: 10.55.1.1
Filter::IP wall {
  /* ü */ if (ip.saddr == bastion) { accept }
  drop
}
";

#[test]
fn a_session_from_the_first_word_to_the_last() {
    let (mut client, can) = Client::new(&[]);
    assert_eq!(can["serverInfo"]["name"], "saltgate");
    let capabilities = &can["capabilities"];
    assert_eq!(capabilities["positionEncoding"], "utf-16");
    assert_eq!(capabilities["textDocumentSync"], json!({ "openClose": true, "change": 2 }));
    for provider in ["hover", "definition", "references", "documentHighlight", "documentSymbol", "documentFormatting"] {
        assert_eq!(capabilities[format!("{provider}Provider")], true, "{provider}");
    }

    client.open(TEXT);
    assert_eq!(client.diagnostics(1), Vec::<Value>::new());

    // `bastion` in the condition, behind a comment of seven code units.
    let hover = client.ask("textDocument/hover", 3, 28);
    assert_eq!(
        hover,
        json!({
            "contents": { "kind": "markdown", "value": "```nacl\nbastion: 10.55.1.1\n```" },
            "range": range(3, 26, 33)
        })
    );
    let definition = client.ask("textDocument/definition", 3, 28);
    assert_eq!(definition, json!([{ "uri": URI, "range": range(1, 11, 18) }]));
    let context = json!({ "textDocument": { "uri": URI }, "position": { "line": 0, "character": 18 },
        "context": { "includeDeclaration": true } });
    let references = client.request("textDocument/references", context)["result"].clone();
    assert_eq!(references, json!([{ "uri": URI, "range": range(0, 16, 23) }]));
    let highlights = client.ask("textDocument/documentHighlight", 2, 12);
    let spots = [range(0, 86, 90), range(2, 11, 15)].map(|range| json!({ "range": range, "kind": 1 }));
    assert_eq!(highlights, json!(spots));
    let symbols = client.request("textDocument/documentSymbol", json!({ "textDocument": { "uri": URI } }));
    let names: Vec<&str> =
        symbols["result"].as_array().unwrap().iter().map(|symbol| symbol["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["outside", "bastion", "wall"]);

    let prepared = client.ask("textDocument/prepareRename", 3, 28);
    assert_eq!(prepared, json!({ "range": range(3, 26, 33), "placeholder": "bastion" }));
    let rename = |name: &str| json!({ "textDocument": { "uri": URI }, "position": { "line": 3, "character": 28 }, "newName": name });
    let renamed = client.request("textDocument/rename", rename("admin"))["result"].clone();
    let edit = |range: Value| json!({ "range": range, "newText": "admin" });
    assert_eq!(renamed, json!({ "changes": { URI: [edit(range(1, 11, 18)), edit(range(3, 26, 33))] } }));
    let refused = client.request("textDocument/rename", rename("wall"));
    assert_eq!(refused["error"]["message"], "`wall` is already defined in line 3");
    assert_eq!(refused["error"]["code"], -32803);

    assert_eq!(client.end(), Some(0));
}

#[test]
fn diagnostics_completion_and_repairs_follow_the_typing() {
    let (mut client, _) = Client::new(&["utf-16"]);
    client.open(TEXT);
    assert_eq!(client.diagnostics(1), Vec::<Value>::new());
    let change = |version: u32, range: Value, text: &str| {
        json!({
            "textDocument": { "uri": URI, "version": version },
            "contentChanges": [{ "range": range, "text": text }]
        })
    };
    // `ip.saddr` becomes `ip.`, then `ip.sad`, then `ip.sadr`.
    client.notify("textDocument/didChange", change(2, range(3, 17, 22), ""));
    let offered = client.ask("textDocument/completion", 3, 17);
    let labels: Vec<&str> = offered.as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap()).collect();
    assert!(labels.contains(&"saddr") && labels.contains(&"ttl") && !labels.contains(&"sport"), "{labels:?}");
    client.notify("textDocument/didChange", change(3, range(3, 17, 17), "sad"));
    let offered = client.ask("textDocument/completion", 3, 20);
    let saddr = offered.as_array().unwrap().iter().find(|item| item["label"] == "saddr").unwrap();
    assert_eq!(saddr["textEdit"], json!({ "range": range(3, 17, 20), "newText": "saddr" }));
    assert_eq!(saddr["detail"], "an address");
    client.notify("textDocument/didChange", change(4, range(3, 20, 20), "r"));
    let found = client.diagnostics(4);
    let mistyped = found.iter().find(|found| found["code"] == "unknown-field").unwrap();
    assert_eq!(mistyped["message"], "`ip` has no property `sadr`\nhelp: did you mean `ip.saddr`?");
    assert_eq!((&mistyped["range"], &mistyped["severity"]), (&range(3, 14, 21), &json!(1)));

    let asked = json!({ "textDocument": { "uri": URI }, "range": range(3, 15, 15), "context": { "diagnostics": [] } });
    let actions = client.request("textDocument/codeAction", asked)["result"].clone();
    assert_eq!(actions[0]["title"], "Replace `ip.sadr` with `ip.saddr`");
    assert_eq!(actions[0]["kind"], "quickfix");
    let edit = json!([{ "range": range(3, 14, 21), "newText": "ip.saddr" }]);
    assert_eq!(actions[0]["edit"]["changes"][URI], edit);

    // Out of sight, out of the list of problems.
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": URI } }));
    let gone = client.receive();
    assert_eq!(gone["params"], json!({ "uri": URI, "diagnostics": [] }));
    assert_eq!(client.end(), Some(0));
}

#[test]
fn formatting_gives_the_canonical_layout_and_leaves_broken_files_alone() {
    let (mut client, _) = Client::new(&[]);
    client.open("a: [80]\nb:   [ 443 ]\nFilter::IP f { if (ip.ttl in a or ip.ttl in b) { drop } accept }\n");
    let params = json!({ "textDocument": { "uri": URI }, "options": { "tabSize": 4, "insertSpaces": true } });
    let edits = client.request("textDocument/formatting", params.clone())["result"].clone();
    let first = &edits.as_array().unwrap()[0];
    assert_eq!(first["range"]["start"], json!({ "line": 1, "character": 0 }));
    assert!(first["newText"].as_str().unwrap().starts_with("b: [443]\n"), "{first}");
    let whole = json!({ "textDocument": { "uri": URI, "version": 2 }, "contentChanges": [{ "text": "a: [" }] });
    client.notify("textDocument/didChange", whole);
    assert_eq!(client.request("textDocument/formatting", params)["result"], Value::Null);
    assert_eq!(client.end(), Some(0));
}

#[test]
fn a_client_that_counts_in_bytes_is_answered_in_bytes() {
    let (mut client, can) = Client::new(&["utf-8", "utf-16"]);
    assert_eq!(can["capabilities"]["positionEncoding"], "utf-8");
    client.open(TEXT);
    let definition = client.ask("textDocument/definition", 3, 28);
    assert_eq!(definition, json!([{ "uri": URI, "range": range(1, 15, 22) }]));
    assert_eq!(client.end(), Some(0));
}

#[test]
fn what_cannot_be_answered_is_an_error_and_not_the_end() {
    let (mut client, _) = Client::new(&[]);
    let unknown = client.request("textDocument/moniker", json!({}));
    assert_eq!(unknown["error"], json!({ "code": -32601, "message": "`textDocument/moniker` is not known here" }));
    let elsewhere = json!({ "textDocument": { "uri": "file:///x" }, "position": { "line": 0, "character": 0 } });
    let closed = client.request("textDocument/hover", elsewhere);
    assert_eq!(closed["error"], json!({ "code": -32602, "message": "file:///x is not open" }));
    assert_eq!(client.request("textDocument/hover", json!({ "no": 1 }))["error"]["code"], -32602);
    client.notify("textDocument/didChange", json!({ "no": 1 }));
    client.notify("$/setTrace", json!({ "value": "off" }));
    client.open("\u{feff}Iface {{{ \u{1f600} \"\n/* ");
    assert!(!client.diagnostics(1).is_empty());
    // Beyond the text in both directions.
    assert_eq!(client.ask("textDocument/hover", 999_999, 999_999), Value::Null);
    assert_eq!(client.ask("textDocument/definition", 0, u32::MAX), json!([]));
    assert_eq!(client.request("shutdown", Value::Null)["result"], Value::Null);
    let late = client.request("textDocument/hover", json!({}));
    assert_eq!(late["error"]["code"], -32600);
    client.notify("exit", Value::Null);
    assert_eq!(client.server.wait().unwrap().code(), Some(0));
}

#[test]
fn a_client_that_goes_without_a_word_ends_the_server() {
    let (mut client, _) = Client::new(&[]);
    client.to = None;
    assert_eq!(client.server.wait().unwrap().code(), Some(1));
    let (mut client, _) = Client::new(&[]);
    client.notify("exit", Value::Null);
    assert_eq!(client.server.wait().unwrap().code(), Some(1));
}

/// A person who starts it by hand sees nothing happen; its help says what it is for.
#[test]
fn its_help_says_that_editors_start_it() {
    let help = Folder::new("lsp-help").saltgate(&["lsp", "--help"]);
    assert!(
        help.stdout.starts_with("Run a language server on standard input and output, for editors\n"),
        "{}",
        help.stdout
    );
}
