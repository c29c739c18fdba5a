//! `LLM_PROVIDER` and what belongs to each provider it names. Without a key a provider is off; without any provider the
//! rules alone classify. Must not know prompts.

use super::reader::Reader;
use dispatch_llm::{Kind, Prices, ProviderOptions};
use secrecy::SecretString;
use std::time::Duration;
use url::Url;

/// The language models that are asked, in order of preference.
#[derive(Clone, Debug, Default)]
pub struct Llm {
    /// Those that can be asked.
    pub providers: Vec<ProviderOptions>,
    /// Those that `LLM_PROVIDER` names but that have no key: the variable that is missing.
    pub keyless: Vec<String>,
    /// For everything that one classification takes at one provider.
    pub timeout: Duration,
    /// Calls at a time to one provider.
    pub concurrency: usize,
}

const PROVIDER: &str = "LLM_PROVIDER";
/// Switches every provider off, whatever keys there are.
const NONE: &str = "none";
const NAMES: &str = "Name openai, anthropic or gemini, or others as name=kind, such as groq=openai, in order of preference \
                     with commas between; or none.";

impl Llm {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let timeout = Duration::from_millis(reader.parsed(
            "LLM_TIMEOUT_MS",
            8_000,
            |ms| (500..=120_000).contains(ms),
            "milliseconds from 500 to 120000",
        ));
        let concurrency =
            reader.parsed("LLM_CONCURRENCY", 8, |calls| (1..=256).contains(calls), "a number from 1 to 256");
        let mut llm = Self { timeout, concurrency, ..Self::default() };
        for (at, (name, kind)) in names(reader).into_iter().enumerate() {
            // What begins with LLM_ belongs to the first.
            let variables = Variables { name, first: at == 0 };
            match variables.provider(reader, kind, timeout, concurrency) {
                Ok(options) => llm.providers.push(options),
                Err(missing) => llm.keyless.push(missing),
            }
        }
        llm
    }
}

/// The providers that are named; else those whose vendor's usual key is there.
fn names(reader: &mut Reader<'_>) -> Vec<(String, Kind)> {
    let Some(text) = reader.text(PROVIDER) else {
        let present = |kind: &Kind| reader.text(&variable(kind.as_str(), "API_KEY")).is_some();
        let found: Vec<_> =
            Kind::ALL.into_iter().filter(present).map(|kind| (kind.as_str().to_owned(), kind)).collect();
        let lone = ["LLM_API_KEY", "LLM_MODEL", "LLM_BASE_URL"].into_iter().find(|name| reader.text(name).is_some());
        if let Some(lone) = lone.filter(|_| found.is_empty()) {
            reader.problem(PROVIDER, format!("is not set, but {lone} is"), NAMES);
        }
        return found;
    };
    if text.eq_ignore_ascii_case(NONE) {
        return Vec::new();
    }
    let mut found: Vec<(String, Kind)> = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        match named(entry) {
            None => reader.problem(PROVIDER, format!("holds {entry:?}"), NAMES),
            Some((name, _)) if found.iter().any(|(other, _)| *other == name) => {
                reader.problem(PROVIDER, format!("names {name} twice"), "Name each provider once.");
            }
            Some(provider) => found.push(provider),
        }
    }
    found
}

/// `kind` or `name=kind`.
fn named(entry: &str) -> Option<(String, Kind)> {
    let (name, kind) = entry.split_once('=').map_or((entry, entry), |(name, kind)| (name.trim(), kind.trim()));
    let letters =
        |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let sound = (1..=32).contains(&name.len()) && name.starts_with(|c: char| c.is_ascii_lowercase()) && letters(name);
    // The rules' own name, what switches off, and the prefix of the first.
    let taken = matches!(name, "local" | NONE | "llm");
    Kind::parse(kind).filter(|_| sound && !taken).map(|kind| (name.to_owned(), kind))
}

fn variable(provider: &str, what: &str) -> String {
    format!("{}_{what}", provider.to_ascii_uppercase())
}

/// Where one provider's settings stand.
struct Variables {
    name: String,
    first: bool,
}

impl Variables {
    fn provider(
        &self,
        reader: &mut Reader<'_>,
        kind: Kind,
        timeout: Duration,
        concurrency: usize,
    ) -> Result<ProviderOptions, String> {
        let base_url = self.base_url(reader, kind);
        let model = self.set(reader, "MODEL").map_or_else(|| kind.default_model().to_owned(), |(_, model)| model);
        let prices = self.prices(reader);
        let api_key = self.set(reader, "API_KEY").map(|(_, key)| SecretString::from(key));
        // A server of one's own may ask for none.
        if api_key.is_none() && (base_url.is_none() || kind != Kind::OpenAi) {
            return Err(variable(&self.name, "API_KEY"));
        }
        let name = self.name.clone();
        Ok(ProviderOptions { name, kind, model, base_url, api_key, prices, timeout, concurrency })
    }

    /// The variable that counts, and what it holds. `LLM_…` is said to us, the other to every program here.
    fn set(&self, reader: &Reader<'_>, what: &str) -> Option<(String, String)> {
        let own = variable(&self.name, what);
        let first = self.first.then(|| format!("LLM_{what}"));
        first.into_iter().chain([own]).find_map(|name| Some((name.clone(), reader.text(&name)?)))
    }

    fn base_url(&self, reader: &mut Reader<'_>, kind: Kind) -> Option<Url> {
        const CURE: &str =
            "Set it to an http(s) URL without a name or password in it, such as https://api.groq.com/openai/v1.";
        let Some((name, text)) = self.set(reader, "BASE_URL") else {
            if kind == Kind::OpenAi && self.name != kind.as_str() {
                // Its key must not go to OpenAI because a line was forgotten.
                let name = variable(&self.name, "BASE_URL");
                reader.problem(name, format!("is not set, but {PROVIDER} names {}", self.name), CURE);
            }
            return None;
        };
        let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
        if url.is_none() {
            reader.problem(name, "is no URL that can be called", CURE);
        }
        url
    }

    fn prices(&self, reader: &mut Reader<'_>) -> Option<Prices> {
        let input = self.price(reader, "PRICE_INPUT");
        let output = self.price(reader, "PRICE_OUTPUT");
        match (input, output) {
            (Some((_, input)), Some((_, output))) => Some(Prices { input: input?, output: output? }),
            (None, None) => None,
            (Some((name, _)), None) => self.lone(reader, &name, "INPUT", "OUTPUT"),
            (None, Some((name, _))) => self.lone(reader, &name, "OUTPUT", "INPUT"),
        }
    }

    /// The variable, and its number where it is one.
    fn price(&self, reader: &mut Reader<'_>, what: &str) -> Option<(String, Option<f64>)> {
        let (name, text) = self.set(reader, what)?;
        let price = text.parse().ok().filter(|price: &f64| price.is_finite() && *price >= 0.0);
        if price.is_none() {
            reader.problem(
                name.clone(),
                format!("is {text:?}"),
                "Set it to US dollars per million tokens, such as 0.4.",
            );
        }
        Some((name, price))
    }

    fn lone(&self, reader: &mut Reader<'_>, is: &str, this: &str, other: &str) -> Option<Prices> {
        let missing = is.replace(this, other);
        reader.problem(missing, format!("is not set, but {is} is"), "Set both, or neither.");
        None
    }
}

#[cfg(test)]
mod tests;
