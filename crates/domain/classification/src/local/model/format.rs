//! The model as a file: a head, the weights of the named features in plain numbers, then one line per gram with a
//! printable character per outcome. A seal over all of it stands above it, so that a file that was edited is refused. Must not
//! know how weights are found or used.

use super::{OUTCOMES, Scores};
use crate::local::FEATURES;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;
use std::hash::{BuildHasherDefault, Hasher};

/// The character that weighs nothing; its neighbours on both sides weigh a step more or less.
const ZERO: u8 = b'P';
/// As many steps fit on either side of [`ZERO`] among the printable characters.
const STEPS: f32 = 46.0;

const ABOVE: &str = "# Made by `cargo xtask train` from data/*.jsonl: never edit, train again.";

/// What a model is made of, as training leaves it.
#[derive(Clone, Debug)]
pub struct Parts {
    /// What it was trained on; see `digest` of the eval example.
    pub digest: String,
    /// How many messages that were.
    pub messages: usize,
    /// Slope and offset that turn the odds of a softmax into odds that were true of unseen messages.
    pub calibration: [f32; 2],
    /// One row per feature, in the order of [`FEATURES`].
    pub features: Vec<Scores>,
    /// One row per gram, in any order.
    pub grams: Vec<(String, Scores)>,
}

impl Parts {
    /// The file. Grams that would weigh nothing anywhere are left out.
    #[must_use]
    pub fn write(&self) -> String {
        let most = self.grams.iter().flat_map(|(_, row)| row).fold(0.0_f32, |most, weight| most.max(weight.abs()));
        let step = (most / STEPS).max(f32::MIN_POSITIVE);
        let mut lines: Vec<String> = self.grams.iter().filter_map(|(gram, row)| line(gram, row, step)).collect();
        lines.sort_unstable();
        let [slope, offset] = self.calibration;
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "digest {}\nmessages {}", self.digest, self.messages);
        let _ = writeln!(text, "calibration {slope:.4} {offset:.4}\nstep {step:.6}\n");
        for (name, row) in FEATURES.iter().zip(&self.features) {
            let weights: Vec<String> = row.iter().map(|weight| format!("{weight:.3}")).collect();
            let _ = writeln!(text, "{name} {}", weights.join(" "));
        }
        text.push('\n');
        lines.iter().for_each(|line| text.extend([line.as_str(), "\n"]));
        format!("{ABOVE}\nseal {}\n{text}", seal(&text))
    }
}

fn line(gram: &str, row: &Scores, step: f32) -> Option<String> {
    let steps = row.map(|weight| (weight / step).round().clamp(-STEPS, STEPS) as i8);
    let shown = steps.map(|steps| char::from(ZERO.wrapping_add_signed(steps)));
    steps.iter().any(|steps| *steps != 0).then(|| shown.iter().collect::<String>() + "\t" + gram)
}

/// A file as it was read: grams stay in its text, found by their hash.
#[derive(Debug)]
pub(super) struct Read {
    text: Cow<'static, str>,
    pub(super) digest: String,
    pub(super) calibration: [f32; 2],
    pub(super) features: Vec<Scores>,
    step: f32,
    grams: HashMap<u64, usize, Hashed>,
}

impl Read {
    pub(super) fn new(text: Cow<'static, str>) -> Result<Self, String> {
        let sealed = text.split_once("\nseal ").and_then(|(_, rest)| rest.split_once('\n'));
        let (given, rest) = sealed.ok_or("the model has no seal")?;
        if given != seal(rest) {
            return Err("the model is not as training wrote it: cargo xtask train".to_owned());
        }
        let mut parts = text.splitn(3, "\n\n");
        let mut part = |what: &str| parts.next().ok_or_else(|| format!("the model has no {what}"));
        let (head, table) = (part("head")?, part("features")?);
        let from = text.len() - part("grams")?.len();
        let value = |name: &str| {
            let found = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            found.ok_or_else(|| format!("the model's head has no {name}"))
        };
        let numbers = numbers(value("calibration")?)?;
        let calibration = numbers.try_into().map_err(|_| "calibration is two numbers".to_owned())?;
        let step = value("step")?.parse().map_err(|_| "step is a number".to_owned())?;
        let digest = value("digest")?.to_owned();
        let features = features(table)?;
        let grams = index(&text, from)?;
        Ok(Self { text, digest, calibration, features, step, grams })
    }

    /// Adds the gram's weights, times `by`, to `scores`; `false` when the model does not know it.
    pub(super) fn add(&self, gram: u64, by: f32, scores: &mut Scores) -> bool {
        let Some(at) = self.grams.get(&gram) else { return false };
        let row = &self.text.as_bytes()[*at..*at + OUTCOMES];
        let by = by * self.step;
        for (score, shown) in scores.iter_mut().zip(row) {
            *score += by * f32::from(i16::from(*shown) - i16::from(ZERO));
        }
        true
    }

    pub(super) fn len(&self) -> usize {
        self.grams.len()
    }
}

fn features(table: &str) -> Result<Vec<Scores>, String> {
    let row = |(line, name): (&str, &&str)| {
        let values = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' '));
        let values = numbers(values.ok_or_else(|| format!("feature {name} is not where it belongs"))?)?;
        Scores::try_from(values).map_err(|_| format!("feature {name} has not {OUTCOMES} weights"))
    };
    let rows: Vec<Scores> = table.lines().zip(&FEATURES).map(row).collect::<Result<_, _>>()?;
    if rows.len() == FEATURES.len() { Ok(rows) } else { Err("the model has too few features".to_owned()) }
}

/// Where each gram's weights begin.
fn index(text: &str, from: usize) -> Result<HashMap<u64, usize, Hashed>, String> {
    let mut grams = HashMap::with_capacity_and_hasher(text[from..].len() / (OUTCOMES + 8), Hashed::default());
    let mut at = from;
    for line in text[from..].lines() {
        let (weights, gram) = line.split_once('\t').ok_or_else(|| format!("not a gram: {line}"))?;
        if weights.len() != OUTCOMES || !weights.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("not the weights of a gram: {line}"));
        }
        if grams.insert(hash(gram), at).is_some() {
            return Err(format!("{gram} stands twice, or like another"));
        }
        at += line.len() + 1;
    }
    Ok(grams)
}

fn numbers(text: &str) -> Result<Vec<f32>, String> {
    text.split(' ').map(|number| number.parse().map_err(|_| format!("{number} is not a number"))).collect()
}

/// Of everything below it: calibration, step and every weight.
fn seal(text: &str) -> String {
    format!("{:016x}", hash(text))
}

/// For keys that are hashes already.
type Hashed = BuildHasherDefault<AsItIs>;

#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = (self.0 << 8) | u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// FNV-1a: the same everywhere, and short texts need no better.
pub(super) fn hash(gram: &str) -> u64 {
    gram.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut weights = [0.0; OUTCOMES];
        (weights[0], weights[1]) = (1.0, -0.5);
        let grams = vec![("w b".to_owned(), weights), ("w a".to_owned(), [0.0; OUTCOMES])];
        let features = vec![[0.25; OUTCOMES]; FEATURES.len()];
        let parts = Parts { digest: "d".to_owned(), messages: 2, calibration: [1.5, -0.25], features, grams };
        let read = Read::new(Cow::Owned(parts.write())).expect("readable");
        assert_eq!((read.len(), read.digest.as_str(), read.calibration), (1, "d", [1.5, -0.25]));
        let mut scores = [0.0; OUTCOMES];
        assert!(read.add(hash("w b"), 2.0, &mut scores) && !read.add(hash("w a"), 2.0, &mut scores));
        assert!((scores[0] - 2.0).abs() < 0.01 && (scores[1] + 1.0).abs() < 0.03, "{scores:?}");
        assert!((read.features[0][0] - 0.25).abs() < 1e-6);
    }

    #[test]
    fn what_is_broken_is_said() {
        let refused = |text: String| Read::new(Cow::Owned(text)).expect_err("broken");
        assert_eq!(refused(String::new()), "the model has no seal");
        let body = "digest x\ncalibration 1 0\nstep 1\n\nsale 1\n\nPP\tw a\n";
        assert!(refused(format!("{ABOVE}\nseal {}\n{body}", seal(body))).starts_with("feature sale"));
    }

    #[test]
    fn an_edited_model_is_refused() {
        let written = Parts {
            digest: "d".to_owned(),
            messages: 1,
            calibration: [1.0, 0.0],
            features: vec![[0.25; OUTCOMES]; FEATURES.len()],
            grams: vec![("w b".to_owned(), [1.0; OUTCOMES])],
        }
        .write();
        let read = |text: String| Read::new(Cow::Owned(text)).map(|read| read.digest);
        assert_eq!(read(written.clone()), Ok("d".to_owned()));
        for (was, is) in [("calibration 1.0000", "calibration 2.0000"), ("0.250", "0.251"), ("\tw b", "\tw c")] {
            let edited = written.replacen(was, is, 1);
            assert!(edited != written && read(edited).is_err(), "{was}");
        }
    }
}
