//! The checklist before anything is changed: each item is looked at here, or answered by a person. It changes nothing, and
//! must not know what comes after.

use super::flag::words;
use super::recorder::Recorder;
use super::report::{Answer, Item, now};
use super::{TOLD_A_SECRET, Walk, counted, tells_a_secret};
use anyhow::{Context, Result};
use dispatch_cutover::{Finding, Level, Position, Stage, Stop};
use dispatch_outbound::{Credentials, Outbound, OutboundOptions, Url, authority};
use serde_json::json;
use time::OffsetDateTime;

/// An item: good, questionable, or in the way with what cures it.
pub(super) enum Found {
    Ok(String),
    Warn(String),
    Block { reason: String, cure: &'static str },
}

impl Walk<'_> {
    /// Looks at everything; what is in the way stops the walk, with all of it at once.
    pub(super) async fn checklist(&mut self, at: Position) -> Result<String, Stop> {
        let mut items = vec![("database", self.database(at).await?)];
        items.extend(self.backend().await);
        items.push(("flag", self.flag_store().await));
        items.push(("monitoring", self.monitoring().await));
        items.push(("backup", answered(self.journal.report.answers.backup_proof.as_ref())));
        items.push(("people told", answered(self.journal.report.answers.told.as_ref())));
        items.push(("quiet hours", self.quiet_hours()));
        self.judge(items)
    }

    fn judge(&mut self, items: Vec<(&'static str, Found)>) -> Result<String, Stop> {
        let (mut blocks, mut warnings, count) = (Vec::new(), 0, items.len());
        let sitting = self.journal.sitting();
        for (name, found) in items {
            let (state, detail) = match found {
                Found::Ok(detail) => ("ok", detail),
                Found::Warn(detail) => {
                    warnings += 1;
                    ("warn", detail)
                }
                Found::Block { reason, cure } => {
                    let (subject, cure) = (name.to_owned(), cure.to_owned());
                    let detail = format!("{reason}. {cure}");
                    blocks.push(Finding { level: Level::Block, code: "checklist", subject, reason, cure });
                    ("block", detail)
                }
            };
            let line = json!({ "event": "check", "name": name, "state": state, "detail": detail });
            self.shown.happened(&line, &format!("{state:5} {name}: {detail}"));
            self.journal.report.checklist.push(Item {
                sitting,
                name: name.to_owned(),
                state: state.to_owned(),
                detail,
            });
        }
        self.journal.write()?;
        if !blocks.is_empty() {
            return Err(Stop::Blocked(blocks));
        }
        Ok(format!("{count} items, {}", counted(warnings, "warning", "warnings")))
    }

    /// The engine's own preflight, until the tables have their new names.
    async fn database(&self, at: Position) -> Result<Found, Stop> {
        if at >= Position::Switched {
            return Ok(Found::Ok(format!("the tables are {}", at.as_str())));
        }
        let recorder = Recorder::new(self.shown);
        match self.door.stage(Stage::Preflight, &self.options, &recorder).await {
            Ok(done) => Ok(Found::Ok(done.summary)),
            Err(Stop::Blocked(findings)) => {
                let reason = findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                Ok(Found::Block { reason, cure: "Each says what to do" })
            }
            Err(stop) => Err(stop),
        }
    }

    async fn flag_store(&self) -> Found {
        let block = |reason: String| Found::Block { reason, cure: "Run `dispatch migrate`, and start the servers" };
        match &self.flag {
            Err(why) => block(why.clone()),
            Ok(desk) => match desk.look().await {
                Err(error) => block(format!("{error:#}")),
                Ok((_, _, 0)) => block("no replica serves from this database".to_owned()),
                Ok((flag, store, replicas)) => {
                    let says = flag.map_or("nothing yet".to_owned(), |flag| words(flag.steering));
                    Found::Ok(format!("in {store}: {says}; {}", counted(replicas, "replica lives", "replicas live")))
                }
            },
        }
    }

    async fn monitoring(&self) -> Found {
        let Some(Answer { text, .. }) = &self.journal.report.answers.monitoring_url else { return answered(None) };
        let asked = async {
            // The whole address is only on the command line; the report has it without what may be secret in it.
            let given = self.words.monitoring_url.clone();
            let url = given.map_or_else(|| Url::parse(text).context("it is no URL"), Ok)?;
            let allow = authority(&url).into_iter().collect();
            let outbound = Outbound::new(&OutboundOptions { allow, ..OutboundOptions::default() })?;
            Ok::<u16, anyhow::Error>(outbound.get(&url, Credentials::None, &[]).await?.status)
        };
        let cure = "Look on while you switch: mend it, or give another --monitoring-url";
        match asked.await {
            Ok(status) if status < 500 => Found::Ok(format!("{text} answers {status}")),
            Ok(status) => Found::Block { reason: format!("{text} answers {status}"), cure },
            Err(error) => Found::Block { reason: format!("{text} does not answer ({error:#})"), cure },
        }
    }

    fn quiet_hours(&self) -> Found {
        let (quiet, zone) = (self.words.quiet_hours.unwrap_or(self.config.quiet_hours), self.config.routing.zone);
        let wall = zone.wall_time(OffsetDateTime::now_utc());
        let told = format!("it is {:02}:{:02} in {}, quiet are {quiet}", wall.hour(), wall.minute(), zone.name());
        if quiet.contain(wall.time()) { Found::Ok(told) } else { Found::Warn(told) }
    }

    /// What only a person knows, from the command line, the report, or the terminal. Missing without anybody to ask: all at once.
    pub(super) async fn answers(&mut self) -> Result<(), Stop> {
        let words = self.words;
        let told = (!words.told.is_empty()).then(|| words.told.join(", "));
        let (person, who) = (self.person, self.who.clone());
        let answers = &mut self.journal.report.answers;
        let monitoring = words.monitoring_url.as_ref().map(bare);
        let mut missing = Vec::new();
        for (into, given, option, question) in [
            (
                &mut answers.backup_proof,
                words.backup_proof.clone(),
                "--backup-proof",
                "What proves that a backup was taken (an id, a time, a place)?",
            ),
            (&mut answers.told, told, "--told", "Who was told (on-call, users), and how?"),
            (
                &mut answers.monitoring_url,
                monitoring,
                "--monitoring-url",
                "Where is the monitoring (a URL that answers)?",
            ),
        ] {
            let given = given.filter(|text| !text.trim().is_empty());
            if given.is_none() && into.is_some() {
                continue;
            }
            let text = match given {
                Some(text) => text,
                None if person.can_answer() && !self.options.dry_run => person.answer(question).await?,
                None => String::new(),
            };
            if text.is_empty() {
                missing.push(option);
            } else {
                let url = Url::parse(&text).ok().filter(|_| option == "--monitoring-url");
                if url.as_ref().is_some_and(tells_a_secret) {
                    return Err(Stop::Usage(TOLD_A_SECRET.to_owned()));
                }
                let text = url.map_or(text, |url| bare(&url));
                *into = Some(Answer { text, by: who.clone(), at: now() });
            }
        }
        let is_refused = !missing.is_empty() && !self.options.dry_run;
        // What somebody has typed is kept; where nobody was there to ask, nothing was begun.
        if !is_refused || person.can_answer() {
            self.journal.write()?;
        }
        if is_refused {
            return Err(Stop::Usage(format!("there is nobody to ask: give {}", missing.join(", "))));
        }
        Ok(())
    }
}

fn answered(answer: Option<&Answer>) -> Found {
    match answer {
        Some(Answer { text, by, at }) => Found::Ok(format!("{text} (said by {by}, {at})")),
        None => Found::Warn("to be answered".to_owned()),
    }
}

/// A URL without what may be secret in it.
fn bare(url: &Url) -> String {
    let mut url = url.clone();
    let _without_a_host = url.set_username("").and_then(|()| url.set_password(None));
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}
