//! What a script may ask of the host around the jails.

use std::rc::Rc;

use rhai::{Engine, NativeCallContext};

use super::thrown;
use crate::script::http::{self, Response};
use crate::script::{Session, convert};

pub fn register(engine: &mut Engine, session: &Rc<Session>) {
    convert::register::<Response>(engine, "Response");
    let asked = session.clone();
    engine.register_fn("http_get", move |context: NativeCallContext, url: &str| {
        let looked = match asked.is_planning() {
            // Who answers is known once the plan was performed.
            true => asked.look(None).and_then(|_| http::get(url, asked.deadline.within(None))),
            false => http::get(url, asked.deadline.within(None)),
        };
        thrown(&context, "http_get", None, looked)
    });
    let session = session.clone();
    engine.register_fn("planning", move || session.is_planning());
}
