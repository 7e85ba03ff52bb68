//! No packet makes a keeper or whoever asks it panic, and what they take they say again in the same words.
#![no_main]

use jailsh::jail::keeper::message::{Order, Reply, Request, decode, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(order) = decode::<Order>(bytes) {
        assert_eq!(decode::<Order>(&encode(&order)), Ok(order));
    }
    if let Ok(request) = decode::<Request>(bytes) {
        assert_eq!(decode::<Request>(&encode(&request)), Ok(request));
    }
    if let Ok(reply) = decode::<Reply>(bytes) {
        assert_eq!(decode::<Reply>(&encode(&reply)), Ok(reply));
    }
});
