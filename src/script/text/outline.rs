//! The names that a script gives to things: where, with what words before it, and from where to where they hold. Also of
//! one that is half typed, so without a parser. Pure.

use std::ops::Range;

use super::token::{Kind, Token, tokens};

/// What was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// Index of the first token of its value, if it has one.
    Variable {
        value: Option<usize>,
    },
    Constant {
        value: Option<usize>,
    },
    /// With the names of its parameters; `private` ones are for their file alone.
    Function {
        parameters: Vec<String>,
        private: bool,
    },
    /// Of a function or a closure.
    Parameter,
    /// Of a catch.
    Caught,
    /// Of a `for`: index of the first token of what it goes through.
    Each {
        of: usize,
    },
    /// Of an import: the text between its quotes.
    Module {
        path: String,
    },
}

/// A name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub name: String,
    pub what: Named,
    /// The name itself.
    pub at: Range<usize>,
    /// The whole of it, from its first keyword to its end.
    pub whole: Range<usize>,
    /// Where it can be used.
    pub scope: Range<usize>,
    /// The `///` lines before it, without their slashes.
    pub documentation: String,
    /// In no block and no function.
    pub is_global: bool,
}

/// What there is in one script.
#[derive(Debug, Clone, Default)]
pub struct Outline {
    pub tokens: Vec<Token>,
    pub names: Vec<Name>,
    /// The `//!` lines, without their marks.
    pub documentation: String,
}

impl Outline {
    pub fn of(text: &str) -> Outline {
        let all = tokens(text);
        let documentation = comments(text, all.iter(), "//!");
        let mut reader = Reader { text, tokens: all, names: Vec::new(), blocks: Vec::new() };
        reader.run();
        Outline { tokens: reader.tokens, names: reader.names, documentation }
    }

    /// The meaning of a name at a place: the last one given before it, of those that hold there. A function holds in all
    /// of its file.
    pub fn resolve(&self, name: &str, at: usize) -> Option<&Name> {
        let holds = |known: &&Name| known.name == name && (known.scope.contains(&at) || known.at.contains(&at));
        let inner = self.names.iter().filter(holds).filter(|known| !matches!(known.what, Named::Function { .. }));
        inner.max_by_key(|known| known.at.start).or_else(|| self.function(name))
    }

    pub fn function(&self, name: &str) -> Option<&Name> {
        self.names.iter().find(|known| known.name == name && matches!(known.what, Named::Function { .. }))
    }

    /// Functions that another script can call.
    pub fn functions(&self) -> impl Iterator<Item = &Name> {
        self.names.iter().filter(|known| matches!(known.what, Named::Function { private: false, .. }))
    }

    /// Names that can be used at a place, the nearest first, each once.
    pub fn visible(&self, at: usize) -> Vec<&Name> {
        let mut found: Vec<&Name> = Vec::new();
        for known in self.names.iter().rev().filter(|known| known.scope.contains(&at)) {
            if found.iter().all(|other| other.name != known.name) {
                found.push(known);
            }
        }
        found
    }

    /// Index of the token that a place is in or at the end of.
    pub fn token_at(&self, at: usize) -> Option<usize> {
        let next = self.tokens.partition_point(|token| token.end < at);
        let touches = |index: &usize| self.tokens.get(*index).is_some_and(|token| token.start <= at && at <= token.end);
        // Between two tokens that touch, a word is meant.
        let word = |index: &usize| touches(index) && self.tokens[*index].kind == Kind::Word;
        [next, next + 1].into_iter().find(word).or(Some(next).filter(touches))
    }
}

/// The words of comments that begin so, an empty line between those that do not follow each other.
fn comments<'a>(text: &str, tokens: impl Iterator<Item = &'a Token>, mark: &str) -> String {
    let lines = tokens.filter(|token| token.kind == Kind::Comment).filter_map(|token| {
        let line = token.of(text).strip_prefix(mark)?.trim_end();
        Some(line.strip_prefix(' ').unwrap_or(line))
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

struct Block {
    /// Names from here on end with it.
    first: usize,
    /// A map's braces hold no names.
    is_map: bool,
}

struct Reader<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    names: Vec<Name>,
    blocks: Vec<Block>,
}

impl Reader<'_> {
    fn run(&mut self) {
        for at in 0..self.tokens.len() {
            match self.word(at) {
                "let" => self.variable(at, false),
                "const" => self.variable(at, true),
                "fn" => self.function(at),
                "import" => self.import(at),
                "for" => self.each(at),
                "catch" => self.caught(at + 1),
                "|" if self.begins_operand(at) => self.closure(at),
                "#{" => self.blocks.push(Block { first: self.names.len(), is_map: true }),
                "{" | "${" => self.blocks.push(Block { first: self.names.len(), is_map: false }),
                "}" => self.close(at),
                _ => {}
            }
        }
    }

    /// Text of a token that is no text or comment itself.
    fn word(&self, at: usize) -> &str {
        let code = |token: &&Token| matches!(token.kind, Kind::Word | Kind::Symbol | Kind::Number);
        self.tokens.get(at).filter(code).map_or("", |token| token.of(self.text))
    }

    fn name(&self, at: usize) -> Option<(String, Range<usize>)> {
        let token = self.tokens.get(at).filter(|token| token.kind == Kind::Word)?;
        Some((token.of(self.text).to_owned(), token.start..token.end))
    }

    fn add(&mut self, named: (String, Range<usize>), what: Named, whole: Range<usize>, scope: Range<usize>) {
        let is_global = self.blocks.iter().all(|block| block.is_map);
        let documentation = self.documentation(whole.start);
        self.names.push(Name { name: named.0, what, at: named.1, whole, scope, documentation, is_global });
    }

    /// The `///` lines right before a place.
    fn documentation(&self, start: usize) -> String {
        let before = self.tokens.partition_point(|token| token.start < start);
        let is_line = |token: &&Token| token.kind == Kind::Comment && token.of(self.text).starts_with("///");
        let count = self.tokens[..before].iter().rev().take_while(is_line).count();
        comments(self.text, self.tokens[before - count..before].iter(), "///")
    }

    fn start(&self, at: usize) -> usize {
        let private = at > 0 && matches!(self.word(at - 1), "private" | "export");
        self.tokens[if private { at - 1 } else { at }].start
    }

    fn variable(&mut self, at: usize, constant: bool) {
        let Some(named) = self.name(at + 1) else { return };
        let value = (self.word(at + 2) == "=").then_some(at + 3);
        let ended = self.end_before(at, &[";"]);
        let end = ended.unwrap_or(self.text.len());
        // Its own value does not know it yet.
        let from = if value.is_some() { ended.unwrap_or(self.text.len() + 1) } else { named.1.end };
        let scope = from..self.text.len() + 1;
        let what = if constant { Named::Constant { value } } else { Named::Variable { value } };
        self.add(named, what, self.start(at)..end, scope);
    }

    fn function(&mut self, at: usize) {
        // `fn Type.name(...)` is a method.
        let at_name = if self.word(at + 2) == "." { at + 3 } else { at + 1 };
        let Some(named) = self.name(at_name) else { return };
        let start = self.start(at);
        let private = at > 0 && self.word(at - 1) == "private";
        let closing = self.matching(at_name + 1);
        let parameters = (at_name + 2..closing.unwrap_or(at_name + 2)).filter_map(|at| self.name(at)).collect::<Vec<_>>();
        let body = closing.map_or(at_name + 1, |closing| closing + 1);
        let end = self.matching(body).map_or(self.text.len(), |end| self.tokens[end].end);
        let what = Named::Function { parameters: parameters.iter().map(|(name, _)| name.clone()).collect(), private };
        self.add(named, what, start..end, 0..self.text.len() + 1);
        for parameter in parameters {
            let whole = parameter.1.clone();
            self.add(parameter, Named::Parameter, whole.clone(), whole.start..end);
            self.inner();
        }
    }

    /// The name added last is in a block that is yet to open.
    fn inner(&mut self) {
        if let Some(name) = self.names.last_mut() {
            name.is_global = false;
        }
    }

    fn import(&mut self, at: usize) {
        let Some(path) = self.tokens.get(at + 1).filter(|token| token.is_text()).copied() else { return };
        if self.word(at + 2) != "as" {
            return;
        }
        let Some(named) = self.name(at + 3) else { return };
        let what = Named::Module { path: path.content(self.text).to_owned() };
        let start = self.tokens[at].start;
        let scope = named.1.end..self.text.len() + 1;
        self.add(named.clone(), what, start..named.1.end, scope);
    }

    fn each(&mut self, at: usize) {
        let Some(of) = (at + 1..at + 8).find(|at| self.word(*at) == "in") else { return };
        let open = (of + 1..self.tokens.len()).find(|at| self.word(*at) == "{").filter(|open| self.word(open - 1) != "#");
        let end = open.and_then(|open| self.matching(open)).map_or(self.text.len(), |end| self.tokens[end].end);
        let names: Vec<_> = (at + 1..of).filter_map(|at| self.name(at)).collect();
        for (index, named) in names.into_iter().enumerate() {
            let whole = named.1.clone();
            // The second one of `for (item, index)` counts.
            let what = if index == 0 { Named::Each { of: of + 1 } } else { Named::Parameter };
            self.add(named, what, whole.clone(), whole.start..end);
            self.inner();
        }
    }

    /// `(error)` of a catch; holds in the block after it.
    fn caught(&mut self, open: usize) {
        let Some(closing) = self.matching(open) else { return };
        let end = self.matching(closing + 1).map_or(self.text.len(), |end| self.tokens[end].end);
        for at in open + 1..closing {
            let Some(named) = self.name(at) else { continue };
            let whole = named.1.clone();
            self.add(named, Named::Caught, whole.clone(), whole.start..end);
            self.inner();
        }
    }

    /// `|` begins a closure where a value is due, and is "or" after one.
    fn begins_operand(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1) else { return true };
        match self.tokens[before].kind {
            Kind::Word => matches!(self.word(before), "return" | "in" | "else" | "throw"),
            Kind::Symbol => !matches!(self.word(before), ")" | "]" | "}" | "|"),
            _ => false,
        }
    }

    fn closure(&mut self, at: usize) {
        let Some(closing) = (at + 1..(at + 40).min(self.tokens.len())).find(|at| self.word(*at) == "|") else { return };
        let body = closing + 1;
        let end = match self.word(body) {
            "{" => self.matching(body).map(|end| self.tokens[end].end),
            _ => self.expression_end(body),
        };
        let end = end.unwrap_or(self.text.len());
        for at in at + 1..closing {
            let Some(named) = self.name(at) else { continue };
            let whole = named.1.clone();
            self.add(named, Named::Parameter, whole.clone(), whole.start..end + 1);
            self.inner();
        }
    }

    /// A block ends, and with it the names that were given in it.
    fn close(&mut self, at: usize) {
        let Some(block) = self.blocks.pop() else { return };
        if block.is_map {
            return;
        }
        let end = self.tokens[at].end;
        for name in &mut self.names[block.first..] {
            if !matches!(name.what, Named::Function { .. }) {
                name.scope.end = name.scope.end.min(end);
            }
        }
    }

    /// The bracket that closes the one at `open`.
    fn matching(&self, open: usize) -> Option<usize> {
        matching(self.text, &self.tokens, open)
    }

    fn expression_end(&self, at: usize) -> Option<usize> {
        self.end_before(at, &[";", ","])
    }

    /// Where one of these stands, or the bracket ends that all is in.
    fn end_before(&self, at: usize, ends: &[&str]) -> Option<usize> {
        let mut depth = 0_usize;
        for index in at..self.tokens.len() {
            match self.word(index) {
                "(" | "[" | "{" | "#{" | "${" | "?[" => depth += 1,
                ")" | "]" | "}" => match depth.checked_sub(1) {
                    Some(less) => depth = less,
                    None => return Some(self.tokens[index].start),
                },
                word if depth == 0 && ends.contains(&word) => return Some(self.tokens[index].end),
                _ => {}
            }
        }
        None
    }
}

/// The bracket that closes the one at `open`, if that is one.
pub fn matching(text: &str, tokens: &[Token], open: usize) -> Option<usize> {
    let symbol = |at: usize| tokens.get(at).filter(|token| token.kind == Kind::Symbol).map_or("", |token| token.of(text));
    if !matches!(symbol(open), "(" | "[" | "{" | "#{" | "${" | "?[") {
        return None;
    }
    let mut depth = 0;
    for at in open..tokens.len() {
        match symbol(at) {
            "(" | "[" | "{" | "#{" | "${" | "?[" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests;
