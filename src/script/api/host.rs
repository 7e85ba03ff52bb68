//! What a script may ask of the host around the jails.

use rhai::Engine;

use super::Thrown;
use crate::script::convert;
use crate::script::http::{self, Response};

pub fn register(engine: &mut Engine) {
    convert::register::<Response>(engine, "Response");
    engine.register_fn("http_get", |url: &str| -> Thrown<Response> {
        Ok(http::get(url).map_err(|fault| fault.of_verb("http_get"))?)
    });
}
