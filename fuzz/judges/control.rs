//! No packet on a control socket makes a supervisor or whoever asks it panic; what they take they say again in the same words,
//! and a request that was taken is a short one.

use jailsh::supervise::message::{MAX_REQUEST, Reply, Request, decode, encode};

pub fn judge(input: &[u8]) {
    if let Ok(request) = decode::<Request>(input) {
        let again = encode(&request);
        // Escapes of a text may be longer than what they stand for, but no number of them doubles it six times.
        assert!(again.len() <= MAX_REQUEST.max(6 * input.len() + 64), "{} bytes out of {}", again.len(), input.len());
        assert_eq!(decode::<Request>(&again), Ok(request));
    }
    if let Ok(reply) = decode::<Reply>(input) {
        assert_eq!(decode::<Reply>(&encode(&reply)), Ok(reply));
    }
}
