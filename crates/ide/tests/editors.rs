//! The grammars in `editors/` know the words of the language: each of their lists is the one that the vocabulary gives.
//! `UPDATE_EXPECT=1 cargo test -p saltgate-ide --test editors` writes them anew.

use nacl::vocabulary::{
    ACTIONS, FUNCTION_TYPES, LIMIT, OBJECT_TYPES, PACKET_FIELDS, PACKET_OBJECTS, PREDEFINED, REJECTS, SEVERITIES,
    SHAPES, SUBTYPES,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;

fn editors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../editors")
}

fn read(name: &str) -> String {
    let path = editors().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Each word once, longer ones before those that they begin with, so that a pattern takes the longest.
fn sorted(words: impl IntoIterator<Item = &'static str>) -> Vec<&'static str> {
    let words: BTreeSet<&str> = words.into_iter().collect();
    let mut words: Vec<&str> = words.into_iter().collect();
    words.sort_by_key(|word| (std::cmp::Reverse(word.len()), word.to_ascii_lowercase()));
    words
}

fn objects() -> Vec<&'static str> {
    sorted(OBJECT_TYPES.iter().map(|(_, shape)| shape.name))
}

fn function_types() -> Vec<&'static str> {
    sorted(FUNCTION_TYPES.iter().map(|(_, word)| word.name))
}

fn subtypes() -> Vec<&'static str> {
    sorted(SUBTYPES.iter().map(|(_, word)| word.name))
}

fn keys() -> Vec<&'static str> {
    sorted(SHAPES.iter().flat_map(|shape| shape.keys).map(|key| key.name))
}

fn words() -> Vec<&'static str> {
    let of_keys = SHAPES.iter().flat_map(|shape| shape.keys).flat_map(|key| key.words);
    let predefined = |word: &&str| PREDEFINED.iter().any(|constant| constant.name == *word);
    sorted(of_keys.chain(REJECTS).map(|word| word.name).filter(|word| !predefined(word)))
}

fn actions() -> Vec<&'static str> {
    sorted(ACTIONS.iter().map(|action| action.name).chain([LIMIT.name]))
}

fn severities() -> Vec<&'static str> {
    sorted(SEVERITIES.iter().map(|word| word.name))
}

fn predefined() -> Vec<&'static str> {
    sorted(PREDEFINED.iter().map(|constant| constant.name))
}

fn members(object: &str) -> Vec<&'static str> {
    sorted(PACKET_FIELDS.iter().filter(|field| field.object() == object).map(|field| field.member()))
}

const KEYWORDS: &[&str] = &["if", "else"];
const OPERATORS: &[&str] = &["and", "or", "not", "in", "IN"];
const BOOLEANS: &[&str] = &["true", "false"];

/// The rules of the TextMate grammar that hold lists of words, with their patterns (Oniguruma).
fn textmate() -> Vec<(&'static str, String)> {
    let any = |words: Vec<&str>| words.join("|");
    let word = |words: Vec<&str>| format!(r"(?<![\w.-])(?i:{})(?![\w-])", any(words));
    let exact = |words: &[&str]| format!(r"(?<![\w.-])(?:{})(?![\w-])", words.join("|"));
    let (object, function, subtype) = (any(objects()), any(function_types()), any(subtypes()));
    let field = |object: &&str| format!(r"{object}\s*\.\s*(?:{})", any(members(object)));
    let fields: Vec<String> = PACKET_OBJECTS.iter().map(|word| word.name).map(|object| field(&object)).collect();
    vec![
        (
            "function",
            format!(r"(?<![\w.-])(?i:({function}))(\s*:\s*:\s*)(?i:({subtype}))(?![\w-])(?:\s+([A-Za-z]\w*))?"),
        ),
        ("object", format!(r"(?<![\w.-])(?i:({object}))\s+([A-Za-z]\w*)")),
        ("key", format!(r"(?<![\w-])(?i:{})(?=\s*:(?!:))", any(keys()))),
        ("severity", format!(r"(?<![\w.-])(?i:(syslog))(\s*\(\s*)(?i:({}))(?![\w-])", any(severities()))),
        ("field", format!(r"(?<![\w.-])(?=(?i:{})(?![\w-]))(\w+)(\s*\.\s*)([\w-]+)", fields.join("|"))),
        ("lone-field", word(members(""))),
        ("keyword", exact(KEYWORDS)),
        ("operator-word", exact(OPERATORS)),
        ("boolean", exact(BOOLEANS)),
        ("action", word(actions())),
        ("word", word(words())),
        ("predefined", word(predefined())),
    ]
}

/// The lines of Vim's syntax file that hold lists of words. Of two patterns that match at one place the last counts.
fn vim() -> String {
    let any = |words: Vec<&str>| format!(r"\%({}\)", words.join(r"\|"));
    let fields = PACKET_OBJECTS.iter().map(|word| format!(r"{}\s*\.\s*{}", word.name, any(members(word.name))));
    let lines = [
        "syntax case match".to_owned(),
        format!("syntax keyword naclKeyword {}", KEYWORDS.join(" ")),
        format!("syntax keyword naclOperatorWord {}", OPERATORS.join(" ")),
        format!("syntax keyword naclBoolean {}", BOOLEANS.join(" ")),
        "syntax case ignore".to_owned(),
        format!("syntax keyword naclFunctionType {}", function_types().join(" ")),
        format!("syntax keyword naclLoneField {}", members("").join(" ")),
        format!(r#"syntax match naclPredefined "\<{}\>""#, any(predefined())),
        format!(r#"syntax match naclWord "\<{}\>""#, any(words())),
        format!(r#"syntax match naclAction "\<{}\>""#, any(actions())),
        // A type stands before a name: `syslog(…)` is an action.
        format!(r#"syntax match naclType "\<{}\>\ze\s\+\a""#, any(objects())),
        format!(r#"syntax match naclSubtype "\%(::\s*\)\@<={}\>""#, any(subtypes())),
        format!(r#"syntax match naclSeverity "\%(syslog\s*(\s*\)\@<={}\>""#, any(severities())),
        format!(r#"syntax match naclKey "\<{}\>\ze\s*:\%([^:]\|$\)""#, any(keys())),
        format!(r#"syntax match naclField "\<\%({}\)\>""#, fields.collect::<Vec<_>>().join(r"\|")),
    ];
    lines.map(|line| line + "\n").concat()
}

fn updating() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some_and(|value| !value.is_empty())
}

const ANEW: &str = "UPDATE_EXPECT=1 cargo test -p saltgate-ide --test editors writes it anew";

#[test]
fn the_textmate_grammar_has_the_words_of_the_vocabulary() {
    const NAME: &str = "vscode/syntaxes/nacl.tmLanguage.json";
    let mut text = read(NAME);
    let grammar: Value = serde_json::from_str(&text).unwrap();
    for (rule, pattern) in textmate() {
        let found = grammar["repository"][rule]["match"].as_str().unwrap_or_else(|| panic!("no rule {rule}"));
        if updating() {
            let quoted = |pattern: &str| Value::from(pattern).to_string();
            text = text.replacen(&quoted(found), &quoted(&pattern), 1);
        } else {
            assert_eq!(found, pattern, "{rule}: {ANEW}");
        }
    }
    if updating() {
        std::fs::write(editors().join(NAME), text).unwrap();
    }
    // What is included is there.
    for include in grammar["repository"]["everything"]["patterns"].as_array().unwrap() {
        let name = include["include"].as_str().and_then(|name| name.strip_prefix('#')).unwrap();
        assert!(grammar["repository"].get(name).is_some(), "{name}");
    }
}

#[test]
fn the_vim_syntax_has_the_words_of_the_vocabulary() {
    const NAME: &str = "vim/syntax/nacl.vim";
    let text = read(NAME);
    let (begin, end) = ("\" Words of the language: begin\n", "\" Words of the language: end\n");
    let (before, rest) = text.split_once(begin).unwrap();
    let (found, after) = rest.split_once(end).unwrap();
    if updating() {
        std::fs::write(editors().join(NAME), format!("{before}{begin}{}{end}{after}", vim())).unwrap();
    } else {
        assert_eq!(found, vim(), "{ANEW}");
    }
    // Every group has a colour.
    for line in vim().lines().filter(|line| line.contains(" nacl")) {
        let group = line.split_whitespace().nth(2).unwrap();
        assert!(text.contains(&format!("highlight default link {group} ")), "{group}");
    }
}

#[test]
fn the_extension_for_vs_code_names_files_that_are_there() {
    let manifest: Value = serde_json::from_str(&read("vscode/package.json")).unwrap();
    let contributes = &manifest["contributes"];
    let files = [&manifest["main"], &contributes["languages"][0]["configuration"], &contributes["grammars"][0]["path"]];
    for file in files {
        let text = read(&format!("vscode/{}", file.as_str().unwrap()));
        if file.as_str().unwrap().ends_with(".json") {
            serde_json::from_str::<Value>(&text).unwrap();
        }
    }
    let grammar: Value = serde_json::from_str(&read("vscode/syntaxes/nacl.tmLanguage.json")).unwrap();
    assert_eq!(grammar["scopeName"], contributes["grammars"][0]["scopeName"]);
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
}
