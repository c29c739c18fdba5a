//! Judges every message by a model that never saw it, and calibrates by what comes out. Must not print.

use crate::corpus::Message;
use crate::fit::{self, Example};
use crate::measure::{self, Judged};
use dispatch_classification::classification::Confidence;
use dispatch_classification::local::{LocalClassifier, Model, Parts};
use dispatch_mission::zone::Zone;
use std::sync::Arc;

/// Message `at` belongs to part `parts[at]`; each part is judged by a model of the others. The confidences of a part are
/// calibrated by what the rest of the parts came to. Answers in the order of `corpus`.
pub fn blind<'m>(corpus: &'m [Message], examples: &[Example], parts: &[usize]) -> Result<Vec<Judged<'m>>, String> {
    let mut judged = uncalibrated(corpus, examples, parts)?;
    let curves: Vec<[f32; 2]> =
        (0..count(parts)).map(|part| fit::calibrate(&outcomes(&judged, parts, Some(part)))).collect();
    for (judged, part) in judged.iter_mut().zip(parts) {
        judged.answer.confidence = calibrated(judged.confidence(), curves[*part]);
    }
    Ok(judged)
}

fn count(parts: &[usize]) -> usize {
    parts.iter().max().map_or(0, |most| most + 1)
}

/// The same with the confidences as the softmax has them.
pub fn uncalibrated<'m>(
    corpus: &'m [Message],
    examples: &[Example],
    parts: &[usize],
) -> Result<Vec<Judged<'m>>, String> {
    let count = count(parts);
    let models: Vec<Result<LocalClassifier, String>> = std::thread::scope(|scope| {
        // Two at a time: a model takes a second or two and a hundred megabytes.
        let lanes: Vec<_> = (0..2)
            .map(|lane| {
                scope.spawn(move || (lane..count).step_by(2).map(|part| without(examples, parts, part)).collect())
            })
            .collect();
        let mut lanes: Vec<std::vec::IntoIter<_>> = lanes
            .into_iter()
            .map(|lane| lane.join().unwrap_or_else(|_| vec![Err("a lane died".to_owned())]).into_iter())
            .collect();
        (0..count).filter_map(|part| lanes[part % 2].next()).collect()
    });
    let models: Vec<LocalClassifier> = models.into_iter().collect::<Result<_, _>>()?;
    Ok(corpus.iter().zip(parts).map(|(message, part)| measure::judge(&models[*part], message)).collect())
}

/// A classifier whose model saw all but one part.
fn without(examples: &[Example], parts: &[usize], part: usize) -> Result<LocalClassifier, String> {
    let others: Vec<&Example> =
        examples.iter().zip(parts).filter(|(_, of)| **of != part).map(|(example, _)| example).collect();
    classifier(&fit::fit(&others))
}

/// A classifier with this model, as it would be read from its file.
pub fn classifier(parts: &Parts) -> Result<LocalClassifier, String> {
    Ok(LocalClassifier::with_model(Zone::toronto(), Arc::new(Model::read(parts.write())?)))
}

/// What was believed and whether it was right, of all parts but one.
pub fn outcomes(judged: &[Judged<'_>], parts: &[usize], but: Option<usize>) -> Vec<(f64, bool)> {
    let of_others = judged.iter().zip(parts).filter(|(_, part)| Some(**part) != but);
    of_others.map(|(judged, _)| (f64::from(judged.confidence()), judged.meaning_right())).collect()
}

fn calibrated(p: f32, [slope, offset]: [f32; 2]) -> Confidence {
    let p = p.clamp(1e-4, 1.0 - 1e-4);
    Confidence::clamped(1.0 / (1.0 + (-(slope * (p / (1.0 - p)).ln() + offset)).exp()))
}
