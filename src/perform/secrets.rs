//! The secrets of one run: read where they are used, and remembered until its end so that no text shows them.

use std::cell::RefCell;
use std::rc::Rc;

use crate::plan::Mask;

/// Finds a secret by its name.
pub type Fetch = Rc<dyn Fn(&str) -> Result<Vec<u8>, String>>;

/// Where secrets come from, and those that came.
#[derive(Clone)]
pub struct Secrets {
    fetch: Fetch,
    mask: Rc<RefCell<Mask>>,
}

impl Secrets {
    pub fn new(fetch: Fetch) -> Secrets {
        Secrets { fetch, mask: Rc::default() }
    }

    /// # Errors
    /// Why it is not to be had.
    pub fn get(&self, name: &str) -> Result<Vec<u8>, String> {
        let secret = (self.fetch)(name)?;
        self.note(name, &secret);
        Ok(secret)
    }

    /// From now on it shows in no text.
    pub fn note(&self, name: &str, secret: &[u8]) {
        self.mask.borrow_mut().add(name, secret);
    }

    /// The text with the names of secrets in place of their contents.
    pub fn masked(&self, text: &str) -> String {
        self.mask.borrow().text(text).into_owned()
    }
}
