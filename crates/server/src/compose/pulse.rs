//! One pulse for all who ask at once, and for a second after: anybody may ask for health, as often as he likes. Must not
//! know how it is taken.

use async_trait::async_trait;
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::vitals::{VitalSigns, Vitals};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long an answer, good or bad, is good for.
const FRESH: Duration = Duration::from_secs(1);

/// What was found and when. An error is kept too: a database that is down is not asked more often than one that is up.
type Found = (Instant, Result<VitalSigns, Arc<StoreUnavailable>>);
type Flight = watch::Receiver<Option<Found>>;

/// A pulse that is taken at home (see [`AtHome`](super::home::AtHome)), one at a time.
pub struct SharedPulse {
    vitals: Arc<dyn Vitals>,
    home: Handle,
    last: Mutex<Option<Flight>>,
}

impl SharedPulse {
    /// Over `vitals`; the runtime that this is called on is home.
    pub fn new(vitals: Arc<dyn Vitals>) -> Arc<Self> {
        Arc::new(Self { vitals, home: Handle::current(), last: Mutex::default() })
    }

    /// The pulse that is being taken or was just taken, else a new one. It goes on when its first asker is gone.
    fn flight(&self) -> Flight {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = last.as_ref().filter(|flight| counts(flight)) {
            return flight.clone();
        }
        let (land, flight) = watch::channel(None);
        let vitals = Arc::clone(&self.vitals);
        self.home.spawn(async move {
            let found = vitals.take().await.map_err(Arc::new);
            land.send_replace(Some((Instant::now(), found)));
        });
        *last = Some(flight.clone());
        flight
    }
}

fn counts(flight: &Flight) -> bool {
    match &*flight.borrow() {
        Some((at, _)) => at.elapsed() < FRESH,
        // Still being taken, unless whoever took it panicked.
        None => flight.has_changed().is_ok(),
    }
}

#[async_trait]
impl Vitals for SharedPulse {
    async fn take(&self) -> Result<VitalSigns, StoreUnavailable> {
        let mut flight = self.flight();
        let found = flight.wait_for(Option::is_some).await.map_err(|gone| StoreUnavailable(gone.into()))?;
        match &*found {
            Some((_, Ok(signs))) => Ok(signs.clone()),
            Some((_, Err(error))) => Err(StoreUnavailable(Box::new(Arc::clone(error)))),
            None => Err(StoreUnavailable("no pulse".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeVitals;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::time::sleep;

    /// Takes a while, and counts; says no to all but the first.
    #[derive(Default)]
    struct Slow(AtomicUsize);

    #[async_trait]
    impl Vitals for Slow {
        async fn take(&self) -> Result<VitalSigns, StoreUnavailable> {
            let before = self.0.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_millis(300)).await;
            if before == 0 { FakeVitals { live: true }.take().await } else { Err(StoreUnavailable("down".into())) }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_asks_once_and_again_after_a_second() {
        let slow = Arc::new(Slow::default());
        let pulse = SharedPulse::new(slow.clone());
        let crowd: Vec<_> = (0..100)
            .map(|_| {
                tokio::spawn({
                    let pulse = pulse.clone();
                    async move { pulse.take().await }
                })
            })
            .collect();
        for one in crowd {
            assert!(one.await.expect("no panic").is_ok());
        }
        sleep(Duration::from_millis(900)).await;
        assert!(pulse.take().await.is_ok());
        assert_eq!(slow.0.load(Ordering::SeqCst), 1);
        sleep(Duration::from_millis(200)).await;
        assert!(pulse.take().await.is_err() && pulse.take().await.is_err(), "what is bad is shared too");
        assert_eq!(slow.0.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pulse_goes_on_when_its_first_asker_is_gone() {
        let slow = Arc::new(Slow::default());
        let pulse = SharedPulse::new(slow.clone());
        assert!(tokio::time::timeout(Duration::from_millis(50), pulse.take()).await.is_err());
        assert!(pulse.take().await.is_ok());
        assert_eq!(slow.0.load(Ordering::SeqCst), 1);
    }

    struct Bad;

    #[async_trait]
    impl Vitals for Bad {
        async fn take(&self) -> Result<VitalSigns, StoreUnavailable> {
            panic!("in a test")
        }
    }

    #[tokio::test]
    async fn a_panic_is_no_pulse_and_not_for_ever() {
        let pulse = SharedPulse::new(Arc::new(Bad));
        for _ in 0..2 {
            assert!(tokio::time::timeout(Duration::from_secs(5), pulse.take()).await.expect("an answer").is_err());
        }
    }

    #[tokio::test]
    async fn it_is_taken_from_a_thread_that_has_no_runtime_of_home() {
        let pulse = SharedPulse::new(Arc::new(FakeVitals { live: true }));
        let elsewhere = tokio::task::spawn_blocking(move || {
            let small = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            small.block_on(async { pulse.take().await.map(|signs| signs.workers.len()) })
        });
        assert_eq!(elsewhere.await.expect("no panic").expect("a pulse"), 1);
    }
}
