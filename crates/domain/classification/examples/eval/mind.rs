//! Asks any classifier what messages mean. Must not know what it answers.

use crate::corpus::Message;
use crate::measure::Judged;
use dispatch_classification::classifier::{Classifier, Silence};
use dispatch_classification::local::LocalClassifier;
use dispatch_mission::zone::Zone;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

/// The classifier that is part of the program.
pub fn local() -> LocalClassifier {
    LocalClassifier::new(Zone::toronto())
}

/// The language models that the environment configures.
pub fn llm() -> Result<Box<dyn Classifier>, Box<dyn std::error::Error>> {
    Err("--classifier llm is not there yet: the language models' adapter is not a part of this program".into())
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
