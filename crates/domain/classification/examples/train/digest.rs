//! A fingerprint of all that training looks at, so that a test can tell whether the model belongs to it. What came of the
//! training has a seal of its own in the model's file.

use crate::fit::{self, Example};

/// Another digest, another model: it changes with a message, a label, a cue, a way to read them, or a number that training
/// goes by.
pub fn digest(examples: &[Example]) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut feed = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    feed(fit::rules().as_bytes());
    for example in examples {
        feed(format!("{:?} {:?}\n", example.meaning, example.row).as_bytes());
        example.grams.iter().for_each(|gram| feed(gram.as_bytes()));
    }
    format!("{hash:016x}")
}
