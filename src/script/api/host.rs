//! What a script may ask of the host around the jails.

use rhai::{Engine, NativeCallContext};

use super::thrown;
use crate::script::convert;
use crate::script::http::{self, Response};

pub fn register(engine: &mut Engine) {
    convert::register::<Response>(engine, "Response");
    engine.register_fn("http_get", |context: NativeCallContext, url: &str| thrown(&context, "http_get", None, http::get(url)));
}
