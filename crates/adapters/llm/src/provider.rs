//! One provider of language models: what it is called, which wire format it speaks, which model answers there, and the
//! gate that all calls to it share. Must not know what is asked.

use crate::answer::printable;
use crate::gate::{Gate, State, Use};
use crate::leave_out::LeaveOut;
use crate::transport::Transport;
use dispatch_classification::classifier::Usage;
use dispatch_outbound::{Outbound, OutboundOptions, SetupError, Url, authority};
use rig_core::DynModel;
use rig_core::catalog::{Catalog, Sampling};
use rig_core::completion::CompletionResponse;
use rig_core::http_client::HttpClientExt;
use rig_core::operation::Completion;
use rig_core::providers::anthropic::AnthropicConfig;
use rig_core::providers::gemini::GeminiConfig;
use rig_core::providers::openai::{OpenAIConfig, Route};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The wire format a provider speaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// OpenAI's Chat Completions, which many others speak too: Azure, Groq, Ollama, vLLM.
    OpenAi,
    /// Anthropic's Messages.
    Anthropic,
    /// Google's generateContent.
    Gemini,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OpenAi, Self::Anthropic, Self::Gemini];

    /// As configured.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// A model that is quick, cheap, keeps to a JSON schema and takes temperature 0.
    #[must_use]
    pub fn default_model(self) -> &'static str {
        match self {
            Self::OpenAi => "gpt-4.1-mini",
            Self::Anthropic => "claude-haiku-4-5",
            Self::Gemini => "gemini-2.5-flash",
        }
    }

    /// What the library's catalogue calls the vendor.
    fn vendor(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gcp.gemini",
        }
    }
}

/// What tokens cost, in US dollars per million.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Prices {
    /// Those that are sent.
    pub input: f64,
    /// Those that are written.
    pub output: f64,
}

impl Prices {
    /// A dollar for a million tokens is a millionth of a dollar for one.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(crate) fn micros(self, usage: Usage) -> u64 {
        (usage.input_tokens as f64 * self.input + usage.output_tokens as f64 * self.output).round().max(0.0) as u64
    }
}

/// One provider as configured.
#[derive(Clone, Debug)]
pub struct ProviderOptions {
    /// Its name among agents and in provenance.
    pub name: String,
    /// The wire format.
    pub kind: Kind,
    /// The model that is asked.
    pub model: String,
    /// Where it is, unless at its vendor's.
    pub base_url: Option<Url>,
    /// None for a server that asks for no key.
    pub api_key: Option<SecretString>,
    /// Without them, nothing is said about costs.
    pub prices: Option<Prices>,
    /// For everything that one classification takes.
    pub timeout: Duration,
    /// How many calls at a time.
    pub concurrency: usize,
}

/// A provider of language models.
pub struct Provider {
    name: String,
    kind: Kind,
    model: String,
    pub(crate) handle: DynModel<Completion>,
    pub(crate) prices: Option<Prices>,
    pub(crate) timeout: Duration,
    pub(crate) gate: Gate,
    pub(crate) leave_out: LeaveOut,
}

/// No call lasts longer, whatever its time budget.
const LONGEST_CALL: Duration = Duration::from_secs(300);

/// The configured providers, in their order. Hosts that were named by whoever runs this may be anywhere; the vendors' own
/// are public.
///
/// # Errors
/// [`SetupError`] when the HTTP client cannot be made.
pub fn providers(options: Vec<ProviderOptions>) -> Result<Vec<Arc<Provider>>, SetupError> {
    let allow = options.iter().filter_map(|options| options.base_url.as_ref()).filter_map(authority).collect();
    let outbound = Outbound::new(&OutboundOptions { allow, ..OutboundOptions::default() })?;
    let transport = Transport::new(outbound, LONGEST_CALL);
    Ok(options.into_iter().map(|options| Arc::new(Provider::new(options, transport.clone()))).collect())
}

impl Provider {
    pub(crate) fn new(options: ProviderOptions, transport: impl HttpClientExt + 'static) -> Self {
        let handle = handle(&options, transport);
        let ProviderOptions { name, kind, model, prices, timeout, concurrency, .. } = options;
        let known = Catalog::builtin().resolve(&format!("{}/{model}", kind.vendor()));
        let untempered = known.is_some_and(|model| model.sampling == Some(Sampling::Never));
        Self {
            name,
            kind,
            model,
            handle,
            prices,
            timeout,
            gate: Gate::new(concurrency),
            leave_out: LeaveOut::new(untempered),
        }
    }

    /// Its name among agents and in provenance.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The wire format.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The model that is asked.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// How many calls of this use go through at a time; none while it is left alone. One that only looks whether it is
    /// back must not set the pace.
    pub(crate) fn width(&self, of: Use) -> usize {
        if self.state() == State::Closed { self.gate.width(of) } else { 0 }
    }

    /// The model that answered, as far as it says so.
    pub(crate) fn who_answered(&self, response: &CompletionResponse) -> String {
        let name: String = printable(response.model().unwrap_or_default()).chars().take(200).collect();
        if name.is_empty() { self.model.clone() } else { name }
    }

    /// Whether calls go through now.
    #[must_use]
    pub fn state(&self) -> State {
        self.gate.state()
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({} {:?} {} {:?})", self.name, self.kind, self.model, self.state())
    }
}

fn handle(options: &ProviderOptions, transport: impl HttpClientExt + 'static) -> DynModel<Completion> {
    let key = options.api_key.as_ref().map_or("", |key| key.expose_secret());
    let base = options.base_url.as_ref().map(|url| url.as_str().trim_end_matches('/'));
    let model = options.model.as_str();
    match options.kind {
        Kind::OpenAi => {
            // Chat Completions, not Responses: it is what everybody else speaks too.
            let config = OpenAIConfig::new(key).with_route(Route::Chat);
            let config = base.map_or_else(|| config.clone(), |base| config.clone().with_base_url(base));
            config.connect(transport).chat(model).erase()
        }
        Kind::Anthropic => {
            let config = AnthropicConfig::new(key);
            let config = base.map_or_else(|| config.clone(), |base| config.clone().with_base_url(base));
            config.connect(transport).completion(model).erase()
        }
        Kind::Gemini => {
            let config = GeminiConfig::new(key);
            let config = base.map_or_else(|| config.clone(), |base| config.clone().with_base_url(base));
            config.connect(transport).completion(model).erase()
        }
    }
}
