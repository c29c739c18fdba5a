//! The shadow of `POST /classify`: the new contract reads the same request and answers it, beside the old one's answer and without
//! effects; what differs is noted by name. Must not keep a text.

use crate::http::problem::Problem;
use crate::http::reason::shadow as new;
use crate::http::trace::TraceContext;
use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use dispatch_pipeline::classify::{Asked, Classify};
use dispatch_pipeline::helm::Helm;
use dispatch_pipeline::ports::flip_watch::ShadowDifference;
use serde_json::{Map, Value};

const ROUTE: &str = "/classify";

/// What the old contract made of a request.
pub(super) enum Old {
    /// A classification, in the old shape.
    Told(Value),
    /// A stream with an error.
    Untold,
    /// A refusal, with this status.
    Refused(StatusCode),
}

/// A request as the new contract has read it.
pub(super) struct Shadow {
    read: Result<Vec<Asked>, Problem>,
    classify: Data<Classify>,
    helm: Data<Helm>,
    trace: TraceContext,
}

impl Shadow {
    pub(super) fn cast(
        request: &HttpRequest,
        body: &[u8],
        classify: Data<Classify>,
        helm: Data<Helm>,
        trace: TraceContext,
    ) -> Self {
        Self { read: new::understood(request, body), classify, helm, trace }
    }

    /// Answers it by the new contract and compares, while nobody waits.
    pub(super) fn compare(this: Option<Self>, old: Old) {
        if let Some(shadow) = this {
            actix_web::rt::spawn(shadow.run(old));
        }
    }

    async fn run(self, old: Old) {
        let new = match self.read {
            Err(problem) => New::Refused(problem.kind().status),
            Ok(mut texts) => match texts.pop() {
                Some(asked) if texts.is_empty() => {
                    new::answered(self.classify.into_inner(), asked).await.map_or(New::Untold, New::Told)
                }
                // Several are a batch, which the old contract does not know.
                _ => New::Told(Value::Null),
            },
        };
        let (trace_id, fields) = (self.trace.trace_id().to_owned(), differing(&old, &new));
        self.helm.over().compared(ShadowDifference { route: ROUTE, trace_id, fields });
    }
}

/// The same of the new contract.
enum New {
    Told(Value),
    Untold,
    Refused(u16),
}

/// What differs, by name. Where one answers and the other one does not, only that; two refusals are alike whatever they say.
fn differing(old: &Old, new: &New) -> Vec<String> {
    match (old, new) {
        (Old::Told(old), New::Told(new)) => members(old, new),
        (Old::Untold, New::Untold) | (Old::Refused(_), New::Refused(_)) => Vec::new(),
        _ => {
            let then = match old {
                Old::Told(_) => "200".to_owned(),
                Old::Untold => "error".to_owned(),
                Old::Refused(status) => status.as_u16().to_string(),
            };
            let now = match new {
                New::Told(_) => "200".to_owned(),
                New::Untold => "error".to_owned(),
                New::Refused(status) => status.to_string(),
            };
            vec![format!("status {then}/{now}")]
        }
    }
}

/// The members of the old shape that say something else in the new one, where what is absent is null in the old one. How sure a
/// mind is, and why, differs always, and is no difference.
fn members(old: &Value, new: &Value) -> Vec<String> {
    let counts = |name: &&String| !matches!(name.as_str(), "confidence" | "explanations");
    let names = old.as_object().into_iter().flat_map(Map::keys).filter(counts);
    names.filter(|name| !is_same(&old[name.as_str()], &new[name.as_str()])).cloned().collect()
}

fn is_same(old: &Value, new: &Value) -> bool {
    match old {
        Value::Object(members) => members.iter().all(|(name, value)| is_same(value, &new[name.as_str()])),
        value => value == new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_differs_is_named() {
        let old = json!({ "message_type": "STRAY", "task_key": null, "listing": { "type": null, "address": "12 Elm St" },
            "confidence": 0.5, "explanations": null });
        let same =
            json!({ "message_type": "STRAY", "listing": { "address": "12 Elm St" }, "confidence": 0.9, "more": 1 });
        let other = json!({ "message_type": "GROUP", "listing": { "type": "SALE", "address": "12 Elm St" } });
        let told = || Old::Told(old.clone());
        for (old, new, names) in [
            (told(), New::Told(same), vec![]),
            (told(), New::Told(other), vec!["message_type", "listing"]),
            (told(), New::Refused(400), vec!["status 200/400"]),
            (told(), New::Untold, vec!["status 200/error"]),
            (Old::Refused(StatusCode::UNPROCESSABLE_ENTITY), New::Refused(400), vec![]),
            (Old::Refused(StatusCode::UNPROCESSABLE_ENTITY), New::Told(json!({})), vec!["status 422/200"]),
            (Old::Untold, New::Untold, vec![]),
        ] {
            assert_eq!(differing(&old, &new), names);
        }
    }
}
