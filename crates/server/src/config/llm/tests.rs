//! What is set, and which providers come of it.

use super::super::reader::{ConfigError, Reader};
use super::*;
use secrecy::ExposeSecret;
use std::collections::HashMap;

fn read(variables: &[(&str, &str)]) -> Result<Llm, ConfigError> {
    let variables: HashMap<_, _> = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let env = |name: &str| variables.get(name).cloned();
    let mut reader = Reader::new(&env);
    let llm = Llm::read(&mut reader);
    reader.finish(llm)
}

fn wrong(variables: &[(&str, &str)]) -> Vec<String> {
    read(variables).expect_err("refused").0.into_iter().map(|problem| problem.variable.into_owned()).collect()
}

fn names(llm: &Llm) -> Vec<&str> {
    llm.providers.iter().map(|provider| provider.name.as_str()).collect()
}

fn key(provider: &ProviderOptions) -> Option<&str> {
    provider.api_key.as_ref().map(|key| key.expose_secret())
}

const OPENAI: (&str, &str) = ("OPENAI_API_KEY", "hunter2-openai");
const ANTHROPIC: (&str, &str) = ("ANTHROPIC_API_KEY", "hunter2-anthropic");

#[test]
fn without_a_key_nobody_is_asked_and_the_defaults_are_documented() {
    let llm = read(&[]).expect("valid");
    assert!(llm.providers.is_empty() && llm.keyless.is_empty());
    assert_eq!((llm.timeout, llm.concurrency), (Duration::from_secs(8), 8));
}

#[test]
fn a_vendors_usual_key_is_enough_and_none_switches_off() {
    let llm = read(&[ANTHROPIC, OPENAI]).expect("valid");
    assert_eq!(names(&llm), ["openai", "anthropic"]);
    assert_eq!(llm.providers[1].model, "claude-haiku-4-5");
    assert!(read(&[OPENAI, ("LLM_PROVIDER", "None")]).expect("valid").providers.is_empty());
}

#[test]
fn the_order_is_as_named_and_who_has_no_key_is_off() {
    let llm = read(&[OPENAI, ("LLM_PROVIDER", " anthropic ,openai, gemini,")]).expect("valid");
    assert_eq!(names(&llm), ["openai"]);
    assert_eq!(llm.keyless, ["ANTHROPIC_API_KEY", "GEMINI_API_KEY"]);
}

#[test]
fn what_begins_with_llm_belongs_to_the_first() {
    let llm = read(&[
        OPENAI,
        ANTHROPIC,
        ("LLM_PROVIDER", "anthropic,openai"),
        ("LLM_API_KEY", "hunter2-first"),
        ("LLM_MODEL", "claude-opus-4-5"),
        ("LLM_BASE_URL", "http://127.0.0.1:9/llm"),
        ("LLM_PRICE_INPUT", "5"),
        ("LLM_PRICE_OUTPUT", "25"),
        ("OPENAI_MODEL", "gpt-4.1"),
        ("LLM_TIMEOUT_MS", "1500"),
        ("LLM_CONCURRENCY", "2"),
    ]);
    let llm = llm.expect("valid");
    let [first, second] = &llm.providers[..] else { panic!("{llm:?}") };
    assert_eq!((key(first), first.model.as_str()), (Some("hunter2-first"), "claude-opus-4-5"));
    assert_eq!(first.base_url.as_ref().map(Url::as_str), Some("http://127.0.0.1:9/llm"));
    assert_eq!(first.prices, Some(Prices { input: 5.0, output: 25.0 }));
    assert_eq!((key(second), second.model.as_str()), (Some("hunter2-openai"), "gpt-4.1"));
    assert!(second.base_url.is_none() && second.prices.is_none());
    assert_eq!((second.timeout, second.concurrency), (Duration::from_millis(1500), 2));
    assert!(!format!("{llm:?}").contains("hunter2"), "a key never reaches a log");
}

#[test]
fn others_that_speak_a_known_format_have_names_of_their_own() {
    let llm = read(&[
        ("LLM_PROVIDER", "groq=openai,ollama=openai"),
        ("GROQ_API_KEY", "hunter2"),
        ("GROQ_BASE_URL", "https://api.groq.com/openai/v1"),
        ("GROQ_MODEL", "openai/gpt-oss-120b"),
        ("OLLAMA_BASE_URL", "http://localhost:11434/v1"),
        ("OLLAMA_MODEL", "qwen3:8b"),
    ])
    .expect("valid");
    assert_eq!(names(&llm), ["groq", "ollama"]);
    assert_eq!((llm.providers[1].kind, key(&llm.providers[1])), (Kind::OpenAi, None));
}

#[test]
fn mistakes_name_the_variable_that_is_meant() {
    for (variables, expected) in [
        (&[("LLM_PROVIDER", "openai,mistral")][..], &["LLM_PROVIDER"][..]),
        (&[("LLM_PROVIDER", "openai,openai")], &["LLM_PROVIDER"]),
        (&[("LLM_PROVIDER", "local=openai")], &["LLM_PROVIDER"]),
        (&[("LLM_PROVIDER", "a-b=openai")], &["LLM_PROVIDER"]),
        (&[("LLM_API_KEY", "hunter2")], &["LLM_PROVIDER"]),
        (&[("LLM_PROVIDER", "groq=openai"), ("GROQ_API_KEY", "hunter2")], &["GROQ_BASE_URL"]),
        (&[OPENAI, ("OPENAI_BASE_URL", "localhost")], &["OPENAI_BASE_URL"]),
        (&[OPENAI, ("LLM_BASE_URL", "https://me:hunter2@a.example")], &["LLM_BASE_URL"]),
        (&[OPENAI, ("LLM_PRICE_INPUT", "0.4")], &["LLM_PRICE_OUTPUT"]),
        (&[OPENAI, ("OPENAI_PRICE_INPUT", "-1"), ("OPENAI_PRICE_OUTPUT", "1")], &["OPENAI_PRICE_INPUT"]),
        (&[("LLM_TIMEOUT_MS", "100"), ("LLM_CONCURRENCY", "0")], &["LLM_TIMEOUT_MS", "LLM_CONCURRENCY"]),
    ] {
        assert_eq!(wrong(variables), expected, "{variables:?}");
        assert!(!read(variables).expect_err("refused").to_string().contains("hunter2"));
    }
}
