//! Rhai's own functions that make lists and blobs of any length in one step, with a look at the memory first.

use std::rc::Rc;

use rhai::{Array, Blob, Dynamic, Engine, EvalAltResult};

use super::engine::Stop;
use super::memory::Meter;

/// Rhai's own functions that [`register`] has in its stead.
#[cfg(test)]
pub const NAMES: [&str; 2] = ["pad", "blob"];

/// Lists and blobs of any length in one step are refused before they are made.
pub fn register(engine: &mut Engine, meter: &Rc<Meter>, limit: u64) {
    let fits = |size: usize| {
        let meter = meter.clone();
        move |length: i64| -> Result<usize, Box<EvalAltResult>> {
            let length = usize::try_from(length).unwrap_or(0);
            if meter.room((length as u64).saturating_mul(size as u64)) {
                return Ok(length);
            }
            Err(EvalAltResult::ErrorTerminated(Dynamic::from(Stop::Memory(limit)), rhai::Position::NONE).into())
        }
    };
    let mut module = rhai::Module::new();
    let (list, plain, filled, longer) = (fits(size_of::<Dynamic>()), fits(1), fits(1), fits(1));
    module.set_native_fn("pad", move |array: &mut Array, length: i64, item: Dynamic| {
        let length = list(length)?.max(array.len());
        array.resize(length, item);
        Ok(())
    });
    module.set_native_fn("blob", move |length: i64| Ok(vec![0_u8; plain(length)?]));
    module.set_native_fn("blob", move |length: i64, value: i64| Ok(vec![value as u8; filled(length)?]));
    module.set_native_fn("pad", move |blob: &mut Blob, length: i64, value: i64| {
        let length = longer(length)?.max(blob.len());
        blob.resize(length, value as u8);
        Ok(())
    });
    engine.register_global_module(module.into());
}
