//! Clients of old and new names: each at its pace, with prepared statements, and a ledger of every write that was
//! acknowledged. They must not know what happens to the tables meanwhile.

use crate::stand::{SHARED, Stand};
use anyhow::Result;
use dispatch_cutover::Client;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// 25 operations a second.
const PACE: Duration = Duration::from_millis(40);

/// What all clients write down.
#[derive(Default)]
pub struct Ledger {
    /// Rows by id: the name they must have, or nothing when they were deleted.
    rows: Mutex<HashMap<String, Option<String>>>,
    pub increments: AtomicU64,
    pub errors: Mutex<Vec<String>>,
    pub mismatches: AtomicU64,
    pub operations: AtomicU64,
    /// The old names are about to go: nobody reads by the other name any more.
    pub one_name: AtomicBool,
    /// When an operation began, and how long it took.
    latencies: Mutex<Vec<(Instant, Duration)>>,
}

/// Which names a client uses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Names {
    Old,
    New,
}

impl Names {
    fn words(self) -> [&'static str; 4] {
        match self {
            Self::Old => ["activities", "task_id", "task_category", "status"],
            Self::New => ["dispatch_activities", "mission_id", "mission_type", "mission_status"],
        }
    }

    fn sql(self, text: &str) -> String {
        let [table, id, kind, status] = self.words();
        text.replace("{t}", table).replace("{id}", id).replace("{kind}", kind).replace("{status}", status)
    }

    fn other(self) -> Self {
        if self == Self::Old { Self::New } else { Self::Old }
    }
}

/// Clients of one kind of names that run until they are stopped.
pub struct Clients {
    stop: Arc<AtomicBool>,
    running: Vec<JoinHandle<()>>,
}

impl Clients {
    /// Three of them.
    pub async fn start(stand: &Stand, ledger: &Arc<Ledger>, names: Names, round: &str) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut running = Vec::new();
        for number in 0..3 {
            let word = if names == Names::Old { "old" } else { "new" };
            let client = stand.client(&format!("client {word} {number}")).await?;
            let one = One { client, ledger: Arc::clone(ledger), names, mark: format!("{round}-{word}-{number}") };
            running.push(tokio::spawn(one.run(Arc::clone(&stop))));
        }
        Ok(Self { stop, running })
    }

    pub async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.running {
            let _ended = client.await;
        }
    }
}

struct One {
    client: Client,
    ledger: Arc<Ledger>,
    names: Names,
    mark: String,
}

impl One {
    async fn run(self, stop: Arc<AtomicBool>) {
        let Ok(prepared) = Prepared::new(&self.client, self.names).await else {
            self.ledger.errors.lock().expect("a lock").push("cannot prepare".to_owned());
            return;
        };
        let mut number = 0_u64;
        let mut next = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            let since = Instant::now();
            if let Err(error) = self.operation(&prepared, number).await {
                let text = error.as_db_error().map_or_else(|| error.to_string(), |answer| answer.to_string());
                self.ledger.errors.lock().expect("a lock").push(format!(
                    "{} operation {}: {text}",
                    self.mark,
                    number % 8
                ));
                if error.is_closed() {
                    return;
                }
            }
            self.ledger.latencies.lock().expect("a lock").push((since, since.elapsed()));
            self.ledger.operations.fetch_add(1, Ordering::Relaxed);
            number += 1;
            next += PACE;
            tokio::time::sleep_until(next.into()).await;
        }
    }

    /// In turn: insert, read by the other name, update, upsert, shared increment, list, insert, delete.
    async fn operation(&self, on: &Prepared, number: u64) -> Result<(), tokio_postgres::Error> {
        let id = |round: u64, letter: &str| format!("{}-{letter}{round}", self.mark);
        let (round, step) = (number / 8, number % 8);
        let mine = id(round, "a");
        match step {
            0 => {
                let row = self.client.query_one(&on.insert, &[&mine, &"first"]).await?;
                self.expect(row.get::<_, Option<&str>>(1) == Some("OPEN"));
                self.wrote(&mine, Some("first"));
            }
            1 => self.read_by_the_other_name(on, &mine, Some("first")).await?,
            2 => {
                self.client.execute(&on.update, &[&mine, &"second"]).await?;
                self.wrote(&mine, Some("second"));
                self.read_by_the_other_name(on, &mine, Some("second")).await?;
            }
            3 => {
                self.client.execute(&on.upsert, &[&mine, &"third"]).await?;
                self.wrote(&mine, Some("third"));
            }
            4 => {
                let shared = format!("shared-{}", number as usize / 8 % SHARED + 1);
                self.client.execute(&on.increment, &[&shared]).await?;
                self.ledger.increments.fetch_add(1, Ordering::Relaxed);
            }
            5 => drop(self.client.query(&on.list, &[]).await?),
            6 => {
                let doomed = id(round, "b");
                self.client.query_one(&on.insert, &[&doomed, &"doomed"]).await?;
                self.wrote(&doomed, Some("doomed"));
            }
            _ => {
                let doomed = id(round, "b");
                self.client.execute(&on.delete, &[&doomed]).await?;
                self.wrote(&doomed, None);
                self.read_by_the_other_name(on, &doomed, None).await?;
            }
        }
        Ok(())
    }

    fn wrote(&self, id: &str, name: Option<&str>) {
        self.ledger.rows.lock().expect("a lock").insert(id.to_owned(), name.map(str::to_owned));
    }

    fn expect(&self, holds: bool) {
        if !holds {
            self.ledger.mismatches.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What was just written, by the other name where there is one.
    async fn read_by_the_other_name(
        &self,
        on: &Prepared,
        id: &str,
        name: Option<&str>,
    ) -> Result<(), tokio_postgres::Error> {
        if self.ledger.one_name.load(Ordering::Relaxed) {
            return Ok(());
        }
        match self.client.query(on.read_other.as_str(), &[&id]).await {
            Ok(rows) => self.expect(rows.first().map(|row| row.get::<_, &str>(0)) == name),
            // Before expand and after contract there is one name.
            Err(error) if error.code().is_some_and(|code| code.code() == "42P01") => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// A client's statements. What is read by the other name is not prepared, for it may not be there.
struct Prepared {
    insert: tokio_postgres::Statement,
    update: tokio_postgres::Statement,
    upsert: tokio_postgres::Statement,
    increment: tokio_postgres::Statement,
    list: tokio_postgres::Statement,
    delete: tokio_postgres::Statement,
    read_other: String,
}

impl Prepared {
    async fn new(client: &Client, names: Names) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            insert: client.prepare(&names.sql("INSERT INTO {t} ({id}, listing_id, name) VALUES ($1, 'l1', $2) RETURNING {id}, {status}, priority")).await?,
            update: client.prepare(&names.sql("UPDATE {t} SET name = $2, {status} = 'DONE' WHERE {id} = $1")).await?,
            upsert: client.prepare(&names.sql("INSERT INTO {t} ({id}, listing_id, name) VALUES ($1, 'l1', $2) ON CONFLICT ({id}) DO UPDATE SET name = excluded.name")).await?,
            increment: client.prepare(&names.sql("UPDATE {t} SET description = (description::int + 1)::text WHERE {id} = $1")).await?,
            list: client.prepare(&names.sql("SELECT * FROM {t} WHERE {status} = 'OPEN' AND deleted_at IS NULL ORDER BY {id} LIMIT 20")).await?,
            delete: client.prepare(&names.sql("DELETE FROM {t} WHERE {id} = $1")).await?,
            read_other: names.other().sql("SELECT name FROM {t} WHERE {id} = $1"),
        })
    }
}

impl Ledger {
    /// The longest operation that began after this.
    pub fn longest_since(&self, since: Instant) -> Duration {
        let all = self.latencies.lock().expect("a lock");
        all.iter().filter(|(began, _)| *began >= since).map(|(_, took)| *took).max().unwrap_or_default()
    }

    /// How many acknowledged writes are missing, stale or resurrected by this name.
    pub async fn lost(&self, stand: &Stand, names: Names) -> Result<usize> {
        let client = stand.client("rehearse: comparing").await?;
        let sql = names.sql("SELECT {id}, name FROM {t} WHERE {id} LIKE '%-%-%'");
        let Ok(rows) = client.query(sql.as_str(), &[]).await else { return Ok(usize::MAX) };
        let mut found: HashMap<String, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let rows = self.rows.lock().expect("a lock");
        let wrong = rows.iter().filter(|(id, name)| found.remove(*id) != **name).count();
        Ok(wrong + found.len())
    }

    /// What is counted in the shared rows, minus what was acknowledged.
    pub async fn surplus(&self, stand: &Stand, names: Names) -> i64 {
        let counted =
            stand.number(&names.sql("SELECT sum(description::int) FROM {t} WHERE {id} LIKE 'shared-%'")).await;
        counted - i64::try_from(self.increments.load(Ordering::Relaxed)).unwrap_or(i64::MAX)
    }
}
