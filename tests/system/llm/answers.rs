//! Good answers, bad ones and none at all, in every format.

use super::{Ear, always, classifier, content, ignore, nth, stray};
use dispatch_classification::classification::Meaning;
use dispatch_classification::classifier::{Classifier, ClassifierError, Silence};
use dispatch_classification::taxonomy::TaskKey;
use dispatch_classification::testing::{classifier_contract, unit};
use dispatch_llm::Kind;
use dispatch_tests::harness::MockLlm;
use serde_json::{Value, json};

const TEXT: &str = "Please order a lockbox for 12 Elm St by Friday";

#[tokio::test]
async fn every_provider_keeps_the_contract_of_classifiers() {
    let asks = json!({ "match": { "userMessage": "lockbox" }, "response": content(&stray()) });
    let mock = MockLlm::start(&[asks, always(&content(&ignore()))]).await;
    for kind in Kind::ALL {
        classifier_contract(&classifier(kind, &mock)).await;
    }
}

#[tokio::test]
async fn an_answer_arrives_in_pieces_with_model_and_costs_in_every_format() {
    for kind in Kind::ALL {
        let (input, output) = match kind {
            Kind::OpenAi => ("prompt_tokens", "completion_tokens"),
            Kind::Anthropic => ("input_tokens", "output_tokens"),
            Kind::Gemini => ("promptTokenCount", "candidatesTokenCount"),
        };
        let mut said = content(&stray());
        said["usage"] = json!({ input: 900, output: 100 });
        let mock = MockLlm::start(&[always(&said)]).await;
        let ear = Ear::default();
        let classified = classifier(kind, &mock).classify(&unit(TEXT), &ear).await.unwrap();
        assert_eq!(classified.classification.meaning, Meaning::Stray(TaskKey::SaleActiveTasks));
        assert_eq!(classified.classification.listing.address.as_deref(), Some("12 Elm St"));
        assert!(ear.heard().len() > 3, "{kind:?} streams");
        assert_eq!(ear.last(), stray().to_string());
        let provenance = classified.provenance;
        assert_eq!((provenance.provider.as_str(), provenance.model.as_str()), (kind.as_str(), kind.default_model()));
        assert_eq!(provenance.prompt_version.as_deref(), Some("classify.v1"));
        let usage = provenance.usage.unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens, usage.cost_micros), (900, 100, Some(1300)), "{kind:?}");
    }
}

#[tokio::test]
async fn the_second_answer_counts_when_the_first_is_none() {
    for kind in Kind::ALL {
        let broken: Value = stray().to_string().trim_end_matches('}').into();
        let mock = MockLlm::start(&[nth(0, &content(&broken)), nth(1, &content(&stray()))]).await;
        let classified = classifier(kind, &mock).classify(&unit(TEXT), &Silence).await.unwrap();
        assert_eq!(classified.classification.meaning, Meaning::Stray(TaskKey::SaleActiveTasks));
        assert_eq!(mock.requests().await.len(), 2, "{kind:?}");
    }
}

#[tokio::test]
async fn twice_no_classification_is_unusable_and_a_refusal_is_so_at_once() {
    for kind in Kind::ALL {
        let mock = MockLlm::start(&[always(&content(&"I would rather talk about the weather.".into()))]).await;
        let error = classifier(kind, &mock).classify(&unit(TEXT), &Silence).await.unwrap_err();
        assert!(matches!(error, ClassifierError::Unusable { code: "invalid_answer", .. }), "{error:?}");
        assert_eq!(mock.requests().await.len(), 2, "{kind:?}");

        let mut refusal = content(&"I cannot help with that.".into());
        // In each provider's own word: the mock hands Anthropic's on as it stands.
        refusal["finishReason"] = if kind == Kind::Anthropic { "refusal" } else { "content_filter" }.into();
        let mock = MockLlm::start(&[always(&refusal)]).await;
        let error = classifier(kind, &mock).classify(&unit(TEXT), &Silence).await.unwrap_err();
        assert!(matches!(error, ClassifierError::Unusable { code: "refused", .. }), "{kind:?}: {error:?}");
        assert_eq!(mock.requests().await.len(), 1, "{kind:?}");
    }
}
