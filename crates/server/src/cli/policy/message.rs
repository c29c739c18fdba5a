//! The message that a policy is explained by: from options, from a text that the local classifier reads, or from a database.

use crate::config::process_env;
use anyhow::{Context, Result, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;
use dispatch_classification::classification::{Classification, Confidence, ListingHint, Meaning};
use dispatch_classification::local::LocalClassifier;
use dispatch_classification::taxonomy::{GroupKey, MessageType, TaskKey};
use dispatch_mission::ids::{ClassificationId, SignalId, UnitId};
use dispatch_mission::signal::{Attachment, Conversation, Source};
use dispatch_mission::zone::Zone;
use dispatch_postgres::connect::{self, DatabaseUrl};
use dispatch_postgres::store::PgHeldWork;
use dispatch_routing::held_work::{HeldWork, HeldWorkError};
use dispatch_routing::queue::ClaimToken;
use dispatch_routing::unit::{ClaimedUnit, Member};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// Stands for what nobody said.
const UNKNOWN: &str = "-";

#[derive(Args)]
#[group(skip)]
pub(super) struct Arguments {
    /// What the message says, or the id of a unit that is held in the database of DATABASE_URL, or of its classification
    #[arg(value_name = "TEXT|ID", required_unless_present_any = ["kind", "key"])]
    text: Option<String>,
    /// What it means, instead of what the local classifier says
    #[arg(long = "type", value_name = "TYPE", value_parser = PossibleValuesParser::new(MessageType::ALL.map(MessageType::as_str)))]
    kind: Option<String>,
    /// The key of a GROUP or a STRAY, such as SALE_LISTING
    #[arg(long)]
    key: Option<String>,
    /// How sure that is, from 0 to 1; 1 with --type or --key
    #[arg(long)]
    confidence: Option<f32>,
    /// Where it is written
    #[arg(long, value_parser = PossibleValuesParser::new(["slack", "sms"]), default_value = "slack")]
    source: String,
    /// Slack team id, or Twilio account
    #[arg(long)]
    workspace: Option<String>,
    /// Slack channel id, or one of your numbers
    #[arg(long)]
    channel: Option<String>,
    /// Slack user id, or phone number
    #[arg(long)]
    author: Option<String>,
    /// When, such as 2026-11-20T22:30:00-05:00; now unless said
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Files come with it; without TEXT, they come alone
    #[arg(long)]
    attachments: bool,
}

/// A message, and what it was understood to mean.
pub(super) struct Understood {
    pub unit: ClaimedUnit,
    pub classification: Classification,
}

impl Arguments {
    /// What is to be explained.
    pub async fn understood(&self, zone: &Zone) -> Result<Understood> {
        if let Some(id) = self.text.as_deref().and_then(|text| Uuid::try_parse(text).ok()) {
            return held(id).await;
        }
        let unit = self.unit()?;
        let classification = match self.meaning()? {
            Some(meaning) => of_meaning(meaning, self.share()?.unwrap_or_else(|| Confidence::clamped(1.0))),
            None => {
                let read = LocalClassifier::new(*zone).classify_unit(&unit.utterances());
                Classification { confidence: self.share()?.unwrap_or(read.confidence), ..read }
            }
        };
        Ok(Understood { unit, classification })
    }

    fn share(&self) -> Result<Option<Confidence>> {
        self.confidence.map(Confidence::try_from).transpose().context("--confidence")
    }

    fn meaning(&self) -> Result<Option<Meaning>> {
        let (group, task) = match &self.key {
            Some(key) => (GroupKey::parse(key), TaskKey::parse(key)),
            None => (None, None),
        };
        if let (Some(key), None, None) = (&self.key, group, task) {
            bail!("--key: there is no key {key:?}; keys are such as SALE_LISTING or OPS_MISC_TASK");
        }
        let by_key = group.map(|_| MessageType::Group).or(task.map(|_| MessageType::Stray));
        let Some(kind) = self.kind.as_deref().and_then(MessageType::parse).or(by_key) else { return Ok(None) };
        let meaning = Meaning::from_parts(kind, group, task);
        meaning.map(Some).context("--type: a GROUP or a STRAY takes a --key of its own, and nothing else does")
    }

    fn unit(&self) -> Result<ClaimedUnit> {
        let or_unknown = |text: &Option<String>| text.clone().unwrap_or_else(|| UNKNOWN.to_owned());
        let at = match &self.at {
            Some(text) => {
                OffsetDateTime::parse(text, &Rfc3339).context("--at takes a time such as 2026-11-20T22:30:00-05:00")?
            }
            None => OffsetDateTime::now_utc(),
        };
        let file = Attachment { name: None, media_type: None, url: None };
        Ok(ClaimedUnit {
            replay: None,
            unit_id: UnitId::mint(),
            token: ClaimToken(Uuid::nil()),
            attempts: 1,
            conversation: Conversation {
                source: if self.source == "sms" { Source::Sms } else { Source::Slack },
                workspace: or_unknown(&self.workspace),
                channel: or_unknown(&self.channel),
                thread: None,
            },
            author: or_unknown(&self.author),
            members: vec![Member {
                signal_id: SignalId::mint(),
                message_ref: UNKNOWN.to_owned(),
                text: self.text.clone().unwrap_or_else(|| if self.attachments { "" } else { UNKNOWN }.to_owned()),
                attachments: if self.attachments { vec![file] } else { Vec::new() },
                at,
            }],
            trace_id: String::new(),
            revision: None,
        })
    }
}

fn of_meaning(meaning: Meaning, confidence: Confidence) -> Classification {
    Classification {
        meaning,
        listing: ListingHint::default(),
        assignee_hint: None,
        due_date: None,
        task_title: None,
        confidence,
        explanations: Vec::new(),
    }
}

/// A unit that is held, by its own id or that of its classification.
async fn held(id: Uuid) -> Result<Understood> {
    let url = process_env("DATABASE_URL").filter(|url| !url.trim().is_empty());
    let url: DatabaseUrl =
        url.context("an id is looked up in the database of DATABASE_URL, which is not set")?.trim().parse()?;
    let pool = connect::pool(&url, 1)?;
    let work = PgHeldWork::new(pool.clone());
    let found = match work.find(UnitId(id)).await? {
        Some(unit) => Ok(unit),
        None => work.of_classification(ClassificationId(id)).await,
    };
    pool.close();
    match found {
        Ok(held) => Ok(Understood { unit: held.unit, classification: held.classified.classification }),
        Err(error @ HeldWorkError::Unavailable(_)) => Err(error.into()),
        Err(_) => bail!("{id} is no unit that is held, nor the classification of one"),
    }
}
