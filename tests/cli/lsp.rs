//! jailsh lsp: a client that speaks to the real program, message by message.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::harness::Place;

/// A conversation. The server is ended with it.
struct Client {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    last: i64,
    /// What was told without being asked.
    told: Vec<Value>,
}

impl Drop for Client {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Client {
    fn start(place: &Place) -> Client {
        let home = place.work().display().to_string();
        let mut command = place.run("jailsh", &["lsp", "--stdio"]).bare().with("HOME", &home).command();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the server starts");
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().expect("a pipe")));
        Client { child, to, from, last: 0, told: Vec::new() }
    }

    /// The same, greeted.
    fn greeted(place: &Place) -> Client {
        let mut client = Client::start(place);
        client.ask("initialize", json!({ "capabilities": {} }));
        client.tell("initialized", json!({}));
        client
    }

    fn raw(&mut self, text: &str) {
        let to = self.to.as_mut().expect("the conversation goes on");
        write!(to, "Content-Length: {}\r\n\r\n{text}", text.len()).and_then(|()| to.flush()).expect("the server listens");
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.raw(&json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string());
    }

    /// The whole answer.
    fn answer(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        self.raw(&json!({ "jsonrpc": "2.0", "id": self.last, "method": method, "params": params }).to_string());
        loop {
            let message = self.hear().expect("an answer");
            if message["id"] == self.last {
                return message;
            }
            self.told.push(message);
        }
    }

    /// What it answers with.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    fn hear(&mut self) -> Option<Value> {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.from.read_line(&mut line).expect("UTF-8") == 0 {
                return None;
            }
            match line.trim_end().strip_prefix("Content-Length: ") {
                Some(number) => length = number.parse().expect("a number"),
                None if line.trim_end().is_empty() => break,
                None => {}
            }
        }
        let mut text = vec![0; length];
        self.from.read_exact(&mut text).expect("a whole message");
        Some(serde_json::from_slice(&text).expect("JSON"))
    }

    fn open(&mut self, uri: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": "rhai", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    /// Of the next document that it tells of.
    fn diagnostics(&mut self) -> Value {
        loop {
            let next = if self.told.is_empty() { self.hear().expect("a message") } else { self.told.remove(0) };
            if next["method"] == "textDocument/publishDiagnostics" {
                return next["params"]["diagnostics"].clone();
            }
        }
    }

    fn labels(&mut self, uri: &str, line: u32, character: u32) -> Vec<String> {
        let found = self.ask("textDocument/completion", at(uri, line, character));
        found.as_array().expect("a list").iter().map(|item| item["label"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Says goodbye; the exit status.
    fn end(mut self) -> Option<i32> {
        assert_eq!(self.ask("shutdown", json!(null)), json!(null));
        self.tell("exit", json!(null));
        self.child.wait().expect("it ends").code()
    }
}

fn at(uri: &str, line: u32, character: u32) -> Value {
    json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } })
}

const MAIN: &str = "import \"lib/sites\" as sites;\r\n\
                    let web = jail(\"wéb😀\", #{ profile: \"low\" });\r\n\
                    web.start();\r\n\
                    fn up(name) { sites::site(name) }\r\n\
                    up(\"a\");\r\n";
const SITES: &str = "//! Makes sites.\n\n/// Makes one.\n///\n/// - `name`: what it is called\nfn site(name) { name }\n";

/// A place with two scripts, and the addresses of both.
fn scripts() -> (Place, String, String) {
    let place = Place::new();
    std::fs::create_dir(place.work().join("lib")).expect("a directory");
    let place = place.file("main.rhai", MAIN).file("lib/sites.rhai", SITES);
    let uri = |name: &str| format!("file://{}", place.work().join(name).display());
    let (main, sites) = (uri("main.rhai"), uri("lib/sites.rhai"));
    (place, main, sites)
}

#[test]
fn a_client_is_greeted_answered_and_let_go() {
    let (place, main, sites) = scripts();
    let mut client = Client::start(&place);
    let hello = client.ask("initialize", json!({ "processId": null, "rootUri": null, "capabilities": {} }));
    client.tell("initialized", json!({}));
    client.open(&main, MAIN);
    assert_eq!(client.diagnostics(), json!([]));
    let mut shown = vec![("initialize", hello)];
    shown.push(("hover of a local", client.ask("textDocument/hover", at(&main, 2, 1))));
    shown.push(("hover of a function of a module", client.ask("textDocument/hover", at(&main, 3, 23))));
    shown.push(("hover of nothing", client.ask("textDocument/hover", at(&main, 9, 0))));
    shown.push(("definition in a module", client.ask("textDocument/definition", at(&main, 3, 23))));
    shown.push(("definition in the file", client.ask("textDocument/definition", at(&main, 4, 1))));
    shown.push(("definition of a verb", client.ask("textDocument/definition", at(&main, 2, 5))));
    shown.push(("symbols", client.ask("textDocument/documentSymbol", json!({ "textDocument": { "uri": main } }))));
    shown.push(("signatures", client.ask("textDocument/signatureHelp", at(&main, 1, 25))));
    let text: String = shown.iter().map(|(what, answer)| format!("{what}\n{answer:#}\n\n")).collect();
    insta::assert_snapshot!(text.replace(&main, "MAIN").replace(&sites, "SITES"));
    assert_eq!(client.end(), Some(0));
}

#[test]
fn completion_knows_types_keys_modules_and_what_is_half_typed() {
    let (place, main, _) = scripts();
    let mut client = Client::greeted(&place);
    client.open(&main, MAIN);
    let members = client.labels(&main, 2, 4);
    assert!(members.contains(&"exec".to_owned()) && !members.contains(&"trim".to_owned()), "{members:?}");
    let change = |client: &mut Client, version: i32, line: u32, text: &str| {
        let end = json!({ "line": line, "character": 0 });
        let change = json!([{ "range": { "start": end, "end": end }, "text": text }]);
        client.tell(
            "textDocument/didChange",
            json!({ "textDocument": { "uri": main, "version": version }, "contentChanges": change }),
        );
    };
    change(&mut client, 2, 5, "for row in stats() { row.\r\n");
    assert!(client.labels(&main, 5, 25).contains(&"cpu1s".to_owned()));
    change(&mut client, 3, 5, "jail(\"a\", #{ log: #{ \r\n");
    let keys = client.labels(&main, 5, 21);
    assert_eq!(keys, ["facility", "stdout", "stderr", "tag"]);
    change(&mut client, 4, 5, "sites::\r\n");
    assert_eq!(client.labels(&main, 5, 7), ["site"]);
    change(&mut client, 5, 5, "import \"\" as x;\r\n");
    assert!(client.labels(&main, 5, 8).contains(&"lib/sites".to_owned()));
    let found = client.ask("textDocument/completion", at(&main, 2, 6));
    let start = found.as_array().and_then(|all| all.iter().find(|item| item["label"] == "start")).expect("start").clone();
    let resolved = client.ask("completionItem/resolve", start.clone());
    insta::assert_snapshot!(format!("{start:#}\n{resolved:#}"));
    assert_eq!(client.end(), Some(0));
}

#[test]
fn errors_come_as_they_are_typed_and_go_when_they_are_mended() {
    let place = Place::new();
    let uri = "untitled:one";
    let mut client = Client::greeted(&place);
    let texts = [
        "let a = ;",
        "let wéb😀 = 1; prnt(;",
        "let jail = 1;",
        "print(nme); let name = 1;",
        "let a = \"half\nlet b = 1;",
        "fn f() {",
        "jail(\"wéb😀\", #{ prots: [80], profile: \"hgih\" });",
        "jail(\"wéb😀\", #{ prots: [80] }); let a = ;",
        "let 😀 = 1;",
        "cretae(\"web\", #{});\nlet web = jail(\"é\");\nweb.strat(); web.exec(\"ls\");",
        "import \"lib/sites\" as sites;",
        "import \"std/profils\" as p;",
        "#!/usr/bin/jailsh\nprint(1)",
        "",
    ];
    let mut shown = String::new();
    for (version, text) in texts.iter().enumerate() {
        match version {
            0 => client.open(uri, text),
            _ => client.tell(
                "textDocument/didChange",
                json!({ "textDocument": { "uri": uri, "version": version }, "contentChanges": [{ "text": text }] }),
            ),
        }
        shown += &format!("{text:?}\n");
        for found in client.diagnostics().as_array().expect("a list") {
            let (start, end) = (&found["range"]["start"], &found["range"]["end"]);
            shown += &format!(
                "  {}:{}-{}:{} {} {}\n",
                start["line"],
                start["character"],
                end["line"],
                end["character"],
                found["code"].as_str().unwrap_or("     "),
                found["message"].as_str().unwrap_or_default()
            );
        }
    }
    insta::assert_snapshot!(shown);
    client.tell("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    assert_eq!(client.diagnostics(), json!([]));
    assert_eq!(client.end(), Some(0));
}

#[test]
fn what_is_unknown_wrong_or_too_early_is_answered_as_the_protocol_demands() {
    let place = Place::new();
    let mut client = Client::start(&place);
    let code = |answer: Value| answer["error"]["code"].as_i64();
    assert_eq!(code(client.answer("textDocument/hover", at("untitled:x", 0, 0))), Some(-32002), "not initialized");
    client.ask("initialize", json!({ "capabilities": {} }));
    client.tell("initialized", json!({}));
    assert_eq!(code(client.answer("initialize", json!({ "capabilities": {} }))), Some(-32600), "twice");
    assert_eq!(code(client.answer("textDocument/foldingRange", json!({}))), Some(-32601), "no such method");
    assert_eq!(code(client.answer("textDocument/hover", json!({ "position": 1 }))), Some(-32602), "no such parameters");
    client.tell("$/setTrace", json!({ "value": "off" }));
    client.tell("textDocument/didChange", json!({ "nonsense": true }));
    assert_eq!(client.ask("textDocument/hover", at("untitled:never-opened", 3, 3)), json!(null));
    assert_eq!(client.ask("shutdown", json!(null)), json!(null));
    assert_eq!(code(client.answer("textDocument/hover", at("untitled:x", 0, 0))), Some(-32600), "after the shutdown");
    client.tell("exit", json!(null));
    assert_eq!(client.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_client_that_leaves_is_not_waited_for() {
    let place = Place::new();
    let mut client = Client::greeted(&place);
    client.to = None;
    assert_eq!(client.child.wait().expect("it ends").code(), Some(1));
    let mut client = Client::greeted(&place);
    client.tell("exit", json!(null));
    assert_eq!(client.child.wait().expect("it ends").code(), Some(1));
    let mut client = Client::greeted(&place);
    client.raw("{ no message");
    assert_eq!(client.child.wait().expect("it ends").code(), Some(1));
}

#[test]
fn a_long_script_is_served() {
    let place = Place::new();
    let mut client = Client::greeted(&place);
    let line = "let page = jail(\"a\", #{ profile: \"low\" }); if page.name == `${1 + 1}` { page.start(); }\n";
    let mut text = line.repeat(5000);
    text.push_str("page.");
    client.open("untitled:long", &text);
    assert!(client.labels("untitled:long", 5000, 5).contains(&"exec".to_owned()));
    assert_eq!(client.end(), Some(0));
}
