//! Reads variables and collects mistakes, so that all of them are told at once. Must not know any section.

use secrecy::SecretString;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;
use url::Url;

/// One mistake, and what to do about it. Never contains a secret's value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigProblem {
    /// The variable.
    pub variable: Cow<'static, str>,
    /// What is wrong with it.
    pub wrong: String,
    /// What to do.
    pub cure: String,
}

/// Everything that is wrong with the configuration.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub struct ConfigError(pub Vec<ConfigProblem>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(f, "the configuration has {count} {}:", if count == 1 { "problem" } else { "problems" })?;
        for ConfigProblem { variable, wrong, cure } in &self.0 {
            write!(f, "\n  {variable} {wrong}\n    {cure}")?;
        }
        Ok(())
    }
}

pub(super) struct Reader<'a> {
    env: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<ConfigProblem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { env, problems: Vec::new() }
    }

    pub(super) fn problem(
        &mut self,
        variable: impl Into<Cow<'static, str>>,
        wrong: impl Into<String>,
        cure: impl Into<String>,
    ) {
        self.problems.push(ConfigProblem { variable: variable.into(), wrong: wrong.into(), cure: cure.into() });
    }

    /// The value, trimmed; an empty one counts as none, as in `FOO= dispatch serve`.
    pub(super) fn text(&self, variable: &str) -> Option<String> {
        (self.env)(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    pub(super) fn secret(&self, variable: &str) -> Option<SecretString> {
        self.text(variable).map(SecretString::from)
    }

    /// The value as an `http` or `https` URL with a host.
    pub(super) fn http_url(&mut self, variable: &'static str, cure: &str) -> Option<Url> {
        let text = self.text(variable)?;
        let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if url.is_none() {
            self.problem(variable, format!("is {text:?}"), cure);
        }
        url
    }

    /// The value as several such URLs, separated by commas.
    pub(super) fn http_urls(&mut self, variable: &'static str, cure: &str) -> Vec<Url> {
        let Some(text) = self.text(variable) else { return Vec::new() };
        let is_whole = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        let read = |text: &str| Url::parse(text.trim()).ok().filter(is_whole);
        let urls: Option<Vec<Url>> = text.split(',').map(read).collect();
        urls.unwrap_or_else(|| {
            self.problem(variable, format!("is {text:?}"), cure);
            Vec::new()
        })
    }

    /// The value read as a `T` that is `right`, or the default.
    pub(super) fn parsed<T: FromStr>(
        &mut self,
        variable: &'static str,
        default: T,
        right: impl Fn(&T) -> bool,
        expected: &str,
    ) -> T {
        let Some(text) = self.text(variable) else { return default };
        match text.parse() {
            Ok(value) if right(&value) => value,
            _ => {
                self.problem(variable, format!("is {text:?}"), format!("Set it to {expected}."));
                default
            }
        }
    }

    pub(super) fn finish<T>(self, value: T) -> Result<T, ConfigError> {
        if self.problems.is_empty() { Ok(value) } else { Err(ConfigError(self.problems)) }
    }
}
