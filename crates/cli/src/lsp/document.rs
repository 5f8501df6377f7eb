//! Files that are open in the editor. Their text is the client's; the disk is never read.

use super::lines::{Encoding, Lines};
use ide::File;
use lsp_types::{Position, Range, TextDocumentContentChangeEvent as Change};
use nacl::Span;

#[derive(Debug)]
pub struct Document {
    pub file: File,
    lines: Lines,
    encoding: Encoding,
    pub version: i32,
}

impl Document {
    pub fn new(uri: &str, version: i32, text: String, encoding: Encoding) -> Self {
        Self { lines: Lines::new(&text, encoding), file: File::new(uri, text), encoding, version }
    }

    /// Takes the changes of one notification, each of which is about the text that the one before it left.
    pub fn change(&mut self, version: i32, changes: Vec<Change>) {
        let mut text = self.file.text().to_owned();
        for change in changes {
            match change {
                Change::TextDocumentContentChangeWholeDocument(whole) => text = whole.text,
                Change::TextDocumentContentChangePartial(partial) => {
                    let span = Lines::new(&text, self.encoding).span(&text, partial.range);
                    text.replace_range(span.start as usize..span.end as usize, &partial.text);
                }
            }
        }
        *self = Self::new(self.file.source().name(), version, text, self.encoding);
    }

    pub fn offset(&self, position: Position) -> u32 {
        self.lines.offset(self.file.text(), position)
    }

    pub fn range(&self, span: Span) -> Range {
        self.lines.range(self.file.text(), span)
    }

    pub fn span(&self, range: Range) -> Span {
        self.lines.span(self.file.text(), range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn changes_are_about_the_text_that_the_one_before_left() {
        let mut document = Document::new("x", 1, "# é😀\nab: 1\n".to_owned(), Encoding::Utf16);
        let at = |line: u32, from: u32, to: u32| json!({ "start": { "line": line, "character": from }, "end": { "line": line, "character": to } });
        let changes = json!([
            { "range": at(0, 3, 5), "text": "\n" },
            { "range": at(2, 0, 2), "text": "c" },
            { "range": at(9, 9, 9), "text": "d: 2" }
        ]);
        document.change(2, serde_json::from_value(changes).unwrap());
        assert_eq!((document.file.text(), document.version), ("# é\n\nc: 1\nd: 2", 2));
        document.change(3, serde_json::from_value(json!([{ "text": "all new" }])).unwrap());
        assert_eq!(document.file.text(), "all new");
    }
}
