//! The secrets that `[endpoints]` and `[agents]` of the policy file name. A missing one switches its endpoint off; nothing
//! is ever sent unsigned.

use super::reader::Reader;
use dispatch_outbound::is_public;
use dispatch_routing::policy::{Endpoint, Endpoints};
use dispatch_webhook::Signer;
use secrecy::SecretString;
use std::collections::BTreeMap;
use url::Host;

/// What signs for whom, by name.
#[derive(Clone, Debug, Default)]
pub struct Programs {
    /// For `[endpoints.NAME]`.
    pub webhooks: BTreeMap<String, Signing>,
    /// For `[agents.NAME]`.
    pub agents: BTreeMap<String, Signing>,
}

/// What signs for one of them.
#[derive(Clone, Debug)]
pub struct Signing {
    /// None: it is not called.
    pub signer: Option<Signer>,
    /// The variables that are not set.
    pub missing: Vec<String>,
}

impl Programs {
    pub(super) fn read(reader: &mut Reader<'_>, endpoints: &Endpoints) -> Self {
        let mut read = |table: &str, name: &String, endpoint: &Endpoint| {
            address(reader, &format!("{table}.{name}"), endpoint);
            (name.clone(), signing(reader, &format!("{table}.{name}"), endpoint))
        };
        let webhooks = endpoints.webhooks.iter().map(|(name, endpoint)| read("endpoints", name, endpoint)).collect();
        let agents = endpoints.agents.iter().map(|(name, agent)| read("agents", name, &agent.endpoint)).collect();
        Self { webhooks, agents }
    }
}

/// An address that is never called is a slip of the pen. What a name leads to is known when it is called.
fn address(reader: &mut Reader<'_>, place: &str, endpoint: &Endpoint) {
    let is_private = match endpoint.url.host() {
        Some(Host::Ipv4(address)) => !is_public(address.into()),
        Some(Host::Ipv6(address)) => !is_public(address.into()),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    };
    if is_private && endpoint.allow.is_empty() {
        reader.problem(
            "DISPATCH_POLICY",
            format!("names a private address in {place}.url"),
            "Such an address is not called; add `allow` with its host and port if it is your own program.",
        );
    }
}

fn signing(reader: &mut Reader<'_>, place: &str, endpoint: &Endpoint) -> Signing {
    let found: Vec<(&String, Option<SecretString>)> =
        endpoint.secrets.iter().map(|name| (name, reader.secret(name))).collect();
    let missing: Vec<String> =
        found.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| (*name).clone()).collect();
    // The first one signs. A receiver that knows only the old one would refuse what is signed with that alone as soon as it
    // has changed.
    if found.first().is_none_or(|(_, value)| value.is_none()) {
        return Signing { signer: None, missing };
    }
    let (names, values): (Vec<_>, Vec<_>) = found.into_iter().filter_map(|(name, value)| Some((name, value?))).unzip();
    let signer = Signer::new(&values);
    if let Err((which, error)) = &signer {
        let name = names.get(*which).map_or("", |name| name.as_str());
        reader.problem(
            name.to_owned(),
            format!("(for {place}) {error}"),
            "Make one: echo \"whsec_$(openssl rand -base64 32)\", and give it to the receiver too.",
        );
    }
    Signing { signer: signer.ok(), missing }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Role};

    fn config(secrets: &[(&str, &str)], url: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("policy.toml");
        let default = include_str!("../../../domain/routing/src/policy/default.toml");
        let tables = format!(
            "[endpoints.crm]\nurl = {url:?}\nsecrets = [\"CRM_NEW\", \"CRM_OLD\"]\n\
             [agents.photos]\nurl = {url:?}\nsecrets = [\"PHOTOS\"]\ndescription = \"Books.\"\ncapabilities = []\n"
        );
        std::fs::write(&file, format!("{default}\n{tables}")).expect("written");
        let path = file.display().to_string();
        let env = |name: &str| match name {
            "DISPATCH_POLICY" => Some(path.clone()),
            _ => secrets.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
        };
        Config::from_env(&env, Role::Inspect).map_err(|error| error.to_string())
    }

    const SOUND: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const CRM: &str = "https://crm.example/";

    #[test]
    fn without_its_first_secret_an_endpoint_is_off() {
        for (secrets, signs, missing) in [
            (&[("CRM_NEW", SOUND), ("CRM_OLD", SOUND)][..], true, &[][..]),
            (&[("CRM_NEW", SOUND)], true, &["CRM_OLD"]),
            (&[("CRM_OLD", SOUND)], false, &["CRM_NEW"]),
            (&[], false, &["CRM_NEW", "CRM_OLD"]),
        ] {
            let programs = config(secrets, CRM).expect("valid").programs;
            let crm = &programs.webhooks["crm"];
            assert_eq!(
                (crm.signer.is_some(), &crm.missing[..]),
                (signs, &missing.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()[..])
            );
            assert!(programs.agents["photos"].signer.is_none());
        }
    }

    #[test]
    fn what_is_no_secret_and_where_nobody_is_called_is_refused_at_start() {
        let told = config(&[("CRM_NEW", "hunter2")], CRM).expect_err("no secret");
        assert!(told.contains("CRM_NEW (for endpoints.crm)") && told.contains("openssl"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
        for private in ["https://169.254.169.254/", "https://[::1]/", "https://localhost:9/"] {
            let told = config(&[], private).expect_err(private);
            assert!(told.contains("endpoints.crm.url") && told.contains("agents.photos.url"), "{told}");
        }
    }
}
