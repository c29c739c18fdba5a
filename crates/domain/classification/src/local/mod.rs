//! The local classifier: rules as data and a small model in the program, no network. What runs when no language model is
//! configured or it fails.
//! Must not know where a message goes, nor any name or address in advance.

mod address;
mod assignee;
mod dates;
mod evidence;
mod explain;
mod lexicon;
mod model;
mod names;
pub mod reading;
mod spelling;
mod text;
mod title;
mod tokens;
mod words;

use crate::classification::{Classification, Confidence, ListingHint, Meaning, Utterance};
use crate::classifier::{Classified, Classifier, ClassifierError, Listener, Provenance};
use crate::taxonomy::{GroupKey, ListingType, TaskKey};
use async_trait::async_trait;
use dates::Due;
use dispatch_mission::zone::Zone;
use evidence::{Evidence, Particulars};
pub use evidence::{FEATURES, Row};
use lexicon::Aspect;
use model::Signals;
pub use model::{Model, OUTCOMES, Parts, Scores, gram_weight};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;
use time::OffsetDateTime;

/// Name and version of rules and model; raise it when an answer may change.
pub const MODEL: &str = "local-2";
/// Its name among classifiers.
const NAME: &str = "local";

/// Reads by rules and judges by a small trained model, in well under a millisecond, the same way every time.
#[derive(Clone, Debug)]
pub struct LocalClassifier {
    zone: Zone,
    model: Arc<Model>,
}

impl LocalClassifier {
    /// A classifier whose due dates are wall times of `zone`. Reads rules and model now, so that no message waits for it.
    #[must_use]
    pub fn new(zone: Zone) -> Self {
        Self::with_model(zone, Model::checked_in())
    }

    /// The same with another model, for training and evaluation.
    #[must_use]
    pub fn with_model(zone: Zone, model: Arc<Model>) -> Self {
        let ready = Self { zone, model };
        let _ = ready.classify_unit(&[Utterance { text: "hello".to_owned(), at: OffsetDateTime::UNIX_EPOCH }]);
        ready
    }

    /// What the messages of one unit mean, oldest first. Pure: the same unit has the same answer.
    #[must_use]
    pub fn classify_unit(&self, unit: &[Utterance]) -> Classification {
        self.judge(&read(&self.zone, unit))
    }

    fn judge(&self, reading: &Reading) -> Classification {
        let Reading { shown, folded, address, assignee, due, particulars, evidence } = reading;
        let verdict = self.model.judge(&Signals::new(evidence.features, folded));
        let words = self.model.telling(folded, verdict.meaning);
        let explanations = explain::explain(&verdict, evidence, particulars, due.problem, &words);
        let confidence = Confidence::clamped(verdict.confidence);
        let meaning = verdict.meaning;
        if meaning == Meaning::Ignore {
            return Classification {
                meaning,
                listing: ListingHint::default(),
                assignee_hint: None,
                due_date: None,
                task_title: None,
                confidence,
                explanations,
            };
        }
        let asks = matches!(meaning, Meaning::Stray(_) | Meaning::InfoRequest);
        Classification {
            meaning,
            listing: ListingHint { kind: listing_type(meaning, evidence), address: address.clone() },
            assignee_hint: assignee.clone(),
            due_date: due.at,
            task_title: asks.then(|| title::title(shown)).flatten(),
            confidence,
            explanations,
        }
    }
}

/// All that was read out of a unit, before it is judged.
struct Reading {
    shown: String,
    /// What cues and grams are looked for in.
    folded: String,
    address: Option<String>,
    assignee: Option<String>,
    due: Due,
    particulars: Particulars,
    evidence: Evidence,
}

fn read(zone: &Zone, unit: &[Utterance]) -> Reading {
    let parts: Vec<String> = unit.iter().map(|utterance| text::relevant(&utterance.text)).collect();
    let dues = parts.iter().zip(unit);
    let dues = dues.map(|(part, utterance)| dates::due(&text::folded(part), zone.wall_time(utterance.at)));
    let due = dates::of_unit(dues.collect());
    let shown = parts.join("\n");
    let address = address::address(&shown);
    let assignee = assignee::assignee(&shown, address.as_deref());
    let particulars = Particulars {
        address: address.is_some(),
        due: due.at.is_some(),
        deadline: due.deadline,
        assignee: assignee.is_some(),
        named: names::named(&shown, assignee.as_deref()),
    };
    let folded = spelling::mended(&text::folded(&without(&shown, address.as_deref())));
    let evidence = evidence::evidence(&folded, &particulars);
    Reading { shown, folded, address, assignee, due, particulars, evidence }
}

/// What a model would be asked about this unit, for training: the features in the order of [`FEATURES`], and all grams, each
/// once and in order.
#[must_use]
pub fn signals(zone: &Zone, unit: &[Utterance]) -> (Row, BTreeSet<String>) {
    let reading = read(zone, unit);
    let mut grams = BTreeSet::new();
    model::each_gram(&reading.folded, &mut |gram| {
        if !grams.contains(gram) {
            grams.insert(gram.to_owned());
        }
    });
    (reading.evidence.features, grams)
}

/// `shown` with a stand-in for the address, so that nobody hears a closing in "9 Closing Lane".
fn without(shown: &str, address: Option<&str>) -> String {
    address.map_or_else(|| shown.to_owned(), |address| shown.replace(address, model::PLACEHOLDER))
}

/// Sale or lease: what the key implies, else what the words say, else nothing.
fn listing_type(meaning: Meaning, evidence: &Evidence) -> Option<ListingType> {
    let (sale, lease) = (evidence.scores[Aspect::Sale], evidence.scores[Aspect::Lease]);
    let said = match (sale, lease) {
        _ if evidence.scores[Aspect::Both] > 0.0 && sale > 0.0 && lease > 0.0 => None,
        _ if sale > lease => Some(ListingType::Sale),
        _ if lease > sale => Some(ListingType::Lease),
        _ => None,
    };
    match meaning {
        Meaning::Group(GroupKey::SaleListing) => Some(ListingType::Sale),
        Meaning::Group(GroupKey::LeaseListing) => Some(ListingType::Lease),
        Meaning::Group(GroupKey::SaleLeaseListing) | Meaning::Ignore => None,
        Meaning::Stray(key) => match key {
            TaskKey::SaleActiveTasks
            | TaskKey::SaleSoldTasks
            | TaskKey::SaleClosingTasks
            | TaskKey::RelistListingDealSale
            | TaskKey::BuyerDeal
            | TaskKey::BuyerDealClosingTasks
            | TaskKey::PreconDeal => Some(ListingType::Sale),
            TaskKey::LeaseActiveTasks
            | TaskKey::LeaseLeasedTasks
            | TaskKey::LeaseClosingTasks
            | TaskKey::LeaseActiveTasksArlyn
            | TaskKey::RelistListingDealLease
            | TaskKey::LeaseTenantDeal
            | TaskKey::LeaseTenantDealClosingTasks => Some(ListingType::Lease),
            // A deal that is undone is a sale unless the words say lease.
            TaskKey::MutualReleaseSteps => said.or(Some(ListingType::Sale)),
            TaskKey::OpsMiscTask => None,
        },
        // What is sold, bought or put up again without a word of rent is a sale.
        Meaning::Group(
            GroupKey::SoldSaleLeaseListing
            | GroupKey::RelistListing
            | GroupKey::RelistListingDealSaleOrLease
            | GroupKey::BuyOrLeased,
        ) => said.or(Some(ListingType::Sale)),
        Meaning::Group(GroupKey::MarketingAgendaTemplate) | Meaning::InfoRequest => said,
    }
}

#[async_trait]
impl Classifier for LocalClassifier {
    fn name(&self) -> &'static str {
        NAME
    }

    fn waits(&self) -> bool {
        false
    }

    /// It never waits: the more at once, the fewer commits.
    fn width(&self) -> usize {
        400
    }

    async fn classify(&self, unit: &[Utterance], _: &dyn Listener) -> Result<Classified, ClassifierError> {
        let begun = Instant::now();
        let classification = self.classify_unit(unit);
        let latency_us = i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX);
        let provenance = Provenance {
            provider: NAME.to_owned(),
            model: MODEL.to_owned(),
            prompt_version: None,
            latency_us,
            usage: None,
            fallback_reason: None,
        };
        Ok(Classified { classification, provenance })
    }
}
