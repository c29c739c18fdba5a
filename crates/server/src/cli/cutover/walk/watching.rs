//! The watch after the flip: the engine looks at the tables, the replicas at what they answer, and either's word counts. Where
//! nobody gives one there is no going on. It must not know how either looks.

use super::Walk;
use super::flag::{self, Kept, kept};
use super::recorder::Recorder;
use super::steps::{ROLLED_BACK, SWITCHED, done};
use super::verdict::Verdict;
use dispatch_cutover::{Options, Remark, Stage, Stop, remark};
use dispatch_pipeline::failpoint;
use serde_json::Value;

/// A remark of the run: the watch is over, and all was well.
const WATCHED: &str = "watched";
/// How a good watch ends.
const WELL: &str = "all was well";

impl Walk<'_> {
    /// The engine watches the tables, the replicas guard the flag; either takes its own back, and the engine both.
    pub(super) async fn watch(&mut self) -> Result<(), Stop> {
        let known = self.remarks().await?;
        if is_watched(&known) {
            return Ok(());
        }
        self.switched().await?;
        self.begin("watch").await?;
        let options = Options { watch: Some(self.words.watch), ..self.options.clone() };
        let recorder = Recorder::new(self.shown);
        let mut outcome = Box::pin(self.looked_on(&known, &options, &recorder)).await;
        failpoint::pass("cutover.watched", String::new);
        if let Err(Stop::RolledBack(why)) = &outcome
            && !matches!(kept(&self.remarks().await?), Kept::Nothing)
        {
            let told = flag::back(self.door, &options, super::configuration).await.unwrap_or_else(|told| told);
            outcome = Err(Stop::RolledBack(format!("{why}; {told}")));
        }
        if outcome.is_ok() {
            remark(self.door, &options, WATCHED, &Value::Null).await?;
        }
        let figures = recorder.figures();
        self.end("watch", outcome.map(|well| done(&well, false)), figures).map(drop)
    }

    /// Until the time is over and the replicas have judged it, or until there is no going on. Answers how well all was.
    async fn looked_on(&self, known: &[Remark], options: &Options, told: &Recorder<'_>) -> Result<String, Stop> {
        let (kept, desk) = (kept(known), self.flag.clone().map_err(Stop::Failed)?);
        let mark = if let Kept::Flipped { mark, .. } = &kept { Some(&**mark) } else { None };
        let disturbed = async {
            match mark {
                Some(mark) => desk.disturbed(mark).await,
                None => std::future::pending().await,
            }
        };
        let tables = Box::pin(self.door.stage(Stage::Switch, options, told));
        let verdict = tokio::select! {
            outcome = tables => match (outcome, mark) {
                (Ok(_), Some(mark)) => desk.verdict(mark).await,
                (outcome, _) => return outcome.map(|_| WELL.to_owned()),
            },
            verdict = disturbed => verdict,
            why = desk.forsaken() => Verdict::Unknown(why),
        };
        match verdict {
            Verdict::Passed(figures) => Ok(format!("{WELL}; the guard: {figures}")),
            Verdict::WentBack(why) => Err(self.guard_went_back(&why).await),
            Verdict::Unknown(why) => Err(self.nobody_judged(&kept, &why).await),
        }
    }

    /// Nothing is wrong as far as anybody knows, and nobody knows: no leave to take the old names away.
    async fn nobody_judged(&self, kept: &Kept, why: &str) -> Stop {
        let known = flag::nobody_judged(self.door, &self.options, kept, why).await;
        let unknown = known.err().map(|stop| format!(" ({stop})")).unwrap_or_default();
        Stop::Failed(format!(
            "the flip was not judged: {why}{unknown}. The tables stay switched and work by both names, the flag stays where it is: \
             start the server and run this again, or `dispatch cutover rollback`"
        ))
    }

    /// The flag is back by itself; the tables work by either name and stay where they are.
    async fn guard_went_back(&self, why: &str) -> Stop {
        let known = flag::guard_went_back(self.door, &self.options, why).await;
        let unknown = known.err().map(|stop| format!(" ({stop})")).unwrap_or_default();
        Stop::RolledBack(format!(
            "the guard took the flag back: {why}{unknown}. The tables stay switched and work by both names: mend what failed and \
             run this again, or `dispatch cutover rollback`"
        ))
    }
}

/// Whether the watch over the newest switch and the newest flip is over.
fn is_watched(remarks: &[Remark]) -> bool {
    let all = [SWITCHED, flag::FLIPPED, WATCHED, ROLLED_BACK];
    let last = remarks.iter().rev().find(|remark| all.contains(&&*remark.what));
    last.is_some_and(|remark| remark.what == WATCHED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_counts_for_the_switch_before_it() {
        let all = |words: &[&str]| -> Vec<Remark> {
            words.iter().map(|what| Remark { what: (*what).to_owned(), detail: Value::Null }).collect()
        };
        assert!(is_watched(&all(&[SWITCHED, "flag_flipped", WATCHED, "flag_back"])));
        let flipped_again = &[SWITCHED, flag::FLIPPED, WATCHED, "flag_back", flag::FLIPPED];
        for words in
            [&[][..], &[SWITCHED], &[SWITCHED, WATCHED, ROLLED_BACK], &[SWITCHED, WATCHED, SWITCHED], flipped_again]
        {
            assert!(!is_watched(&all(words)), "{words:?}");
        }
    }
}
