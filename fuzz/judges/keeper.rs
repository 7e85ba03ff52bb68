//! No packet makes a keeper or whoever asks it panic, and what they take they say again in the same words.

use jailsh::jail::keeper::message::{Order, Reply, Request, decode, encode};

pub fn judge(input: &[u8]) {
    if let Ok(order) = decode::<Order>(input) {
        assert_eq!(decode::<Order>(&encode(&order)), Ok(order));
    }
    if let Ok(request) = decode::<Request>(input) {
        assert_eq!(decode::<Request>(&encode(&request)), Ok(request));
    }
    if let Ok(reply) = decode::<Reply>(input) {
        assert_eq!(decode::<Reply>(&encode(&reply)), Ok(reply));
    }
}
