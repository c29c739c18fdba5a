//! Asks any classifier what messages mean. Must not know what it answers.

use crate::corpus::Message;
use crate::measure::Judged;
use dispatch_classification::classifier::{Classifier, Silence};
use dispatch_classification::local::LocalClassifier;
use dispatch_llm::{Kind, LlmClassifier, ProviderOptions};
use dispatch_mission::zone::Zone;
use std::env;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// The classifier that is part of the program.
pub fn local() -> LocalClassifier {
    LocalClassifier::new(Zone::toronto())
}

/// Long enough for a model that thinks; nobody waits for a measurement.
const PATIENCE: Duration = Duration::from_secs(60);

/// The language model that the environment names, by the server's variables: `LLM_PROVIDER` (openai, anthropic or gemini;
/// else whose key is there), its `…_API_KEY`, `…_MODEL` and `…_BASE_URL`, or `LLM_…` for these.
pub fn llm() -> Result<Box<dyn Classifier>, Box<dyn std::error::Error>> {
    let set = |kind: Kind, what: &str| {
        let own = format!("{}_{what}", kind.as_str().to_ascii_uppercase());
        env::var(format!("LLM_{what}")).or_else(|_| env::var(own)).ok().filter(|value| !value.is_empty())
    };
    let named = env::var("LLM_PROVIDER").ok().and_then(|name| Kind::parse(&name));
    let kind = named.or_else(|| Kind::ALL.into_iter().find(|kind| set(*kind, "API_KEY").is_some()));
    let kind = kind.ok_or("set LLM_PROVIDER to openai, anthropic or gemini, and its key")?;
    let options = ProviderOptions {
        name: kind.as_str().to_owned(),
        kind,
        model: set(kind, "MODEL").unwrap_or_else(|| kind.default_model().to_owned()),
        base_url: set(kind, "BASE_URL").map(|url| url.parse()).transpose()?,
        api_key: set(kind, "API_KEY").map(Into::into),
        prices: None,
        timeout: PATIENCE,
        concurrency: 1,
    };
    let provider = dispatch_llm::providers(vec![options])?.remove(0);
    Ok(Box::new(LlmClassifier::new(provider, Zone::toronto())))
}

/// One message after the other.
pub fn ask<'m>(mind: &dyn Classifier, corpus: &'m [Message]) -> Result<Vec<Judged<'m>>, Box<dyn std::error::Error>> {
    corpus.iter().map(|message| Ok(one(mind, message)?)).collect()
}

fn one<'m>(
    mind: &dyn Classifier,
    message: &'m Message,
) -> Result<Judged<'m>, dispatch_classification::classifier::ClassifierError> {
    let begun = Instant::now();
    let answer = wait(mind.classify(std::slice::from_ref(&message.utterance), &Silence))?.classification;
    Ok(Judged::new(message, answer, begun.elapsed().as_micros()))
}

/// Runs `future` on this thread.
fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
