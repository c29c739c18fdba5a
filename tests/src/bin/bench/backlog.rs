//! What waits, asked over one kept connection, so that asking costs the measured machine little. Must not know what is measured.

use crate::sql::Database;
use anyhow::{Context as _, Result};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What nobody has finished: messages, units, deliveries. By partial indexes, and no further than a bound: counting all that
/// waits took a sixth of both processors.
const DUE: &str = "SELECT (SELECT count(*) FROM (SELECT FROM dispatch.signals \
     WHERE unit_id IS NULL AND state = 'queued' LIMIT 4000) AS a) \
     + (SELECT count(*) FROM (SELECT FROM dispatch.units WHERE state = 'pending' AND ordinal > 0 LIMIT 4000) AS b) \
     + (SELECT count(*) FROM (SELECT FROM dispatch.deliveries WHERE state = 'pending' LIMIT 4000) AS c);";

/// Whether there is any.
const ANY: &str = "SELECT (EXISTS (SELECT FROM dispatch.signals WHERE unit_id IS NULL AND state = 'queued') \
     OR EXISTS (SELECT FROM dispatch.units WHERE state = 'pending' AND ordinal > 0) \
     OR EXISTS (SELECT FROM dispatch.deliveries WHERE state = 'pending'))::int;";

/// A `psql` that stays.
pub struct Backlog {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Backlog {
    /// Over this database.
    pub fn of(database: &Database) -> Result<Self> {
        let mut psql = Command::new(database.program("psql")?);
        psql.args(["-XAtq", database.url()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = psql.spawn().context("cannot start psql")?;
        let input = child.stdin.take().context("psql has no input")?;
        let output = BufReader::new(child.stdout.take().context("psql has no output")?);
        let mut backlog = Self { child, input, output };
        // By statistics of when much waited, all of a table would be read to see whether anything does.
        backlog.tell("SET enable_seqscan = off;")?;
        Ok(backlog)
    }

    /// How much is due, of each kind up to 4,000.
    pub fn due(&mut self) -> Result<u64> {
        self.ask(DUE)
    }

    /// Whether nothing is.
    pub fn is_empty(&mut self) -> Result<bool> {
        Ok(self.ask(ANY)? == 0)
    }

    fn tell(&mut self, sql: &str) -> Result<()> {
        writeln!(self.input, "{sql}")?;
        Ok(self.input.flush()?)
    }

    fn ask(&mut self, sql: &str) -> Result<u64> {
        self.tell(sql)?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        line.trim().parse().with_context(|| format!("no number: {line}"))
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _waited = self.child.wait();
    }
}
