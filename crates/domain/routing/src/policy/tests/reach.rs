//! Which rules can never speak: what is said about them, against trying everything there is.

use super::*;
use crate::policy::reach::warnings;
use crate::policy::{Action, Band, Bound, Circumstances, Condition, Doubt, Facts, Files, Hours, Rule, Rules, To};
use dispatch_classification::taxonomy::MessageType;
use std::collections::BTreeSet;
use time::{PrimitiveDateTime, Weekday};

/// Numbers that conditions are made of, and between them numbers that none is.
const EDGES: [f32; 4] = [0.0, 0.5, 0.7, 1.0];
const CONFIDENCES: [f32; 7] = [0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 1.0];
const CHANNELS: [Option<&str>; 4] = [Some("C1"), Some("C2"), Some("C3"), None];
const SOURCES: [Option<Source>; 3] = [Some(Source::Slack), Some(Source::Sms), None];
/// A Friday, Saturday, Sunday and Monday.
const TIMES: [PrimitiveDateTime; 12] = [
    datetime!(2026-11-20 07:59),
    datetime!(2026-11-20 08:00),
    datetime!(2026-11-20 20:00),
    datetime!(2026-11-21 07:59),
    datetime!(2026-11-21 08:00),
    datetime!(2026-11-21 20:00),
    datetime!(2026-11-22 00:00),
    datetime!(2026-11-22 19:59),
    datetime!(2026-11-22 23:59),
    datetime!(2026-11-23 00:00),
    datetime!(2026-11-23 19:59),
    datetime!(2026-11-23 23:59),
];

fn some<T: Clone + std::fmt::Debug + 'static>(all: &[T], most: usize) -> impl Strategy<Value = Vec<T>> + use<T> {
    proptest::sample::subsequence(all.to_vec(), 1..=most.min(all.len()))
}

fn any_bound() -> impl Strategy<Value = Bound> {
    prop_oneof![proptest::sample::select(&EDGES).prop_map(Bound::Number), Just(Bound::Threshold)]
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let keys: Vec<_> =
        GroupKey::ALL.into_iter().map(Meaning::Group).chain(TaskKey::ALL.into_iter().map(Meaning::Stray)).collect();
    let days = [Weekday::Friday, Weekday::Saturday, Weekday::Sunday];
    let hours = [Hours { from: 0, until: 480 }, Hours { from: 480, until: 1440 }, Hours { from: 1200, until: 480 }];
    prop_oneof![
        3 => some(&MessageType::ALL, 3).prop_map(Condition::Type),
        2 => some(&keys, 24).prop_map(Condition::Key),
        3 => (proptest::option::of(any_bound()), proptest::option::of(any_bound()))
            .prop_map(|(at_least, below)| Condition::Confidence(Band { at_least, below })),
        2 => some(&[Source::Slack, Source::Sms], 2).prop_map(Condition::Source),
        2 => some(&["C1".to_owned(), "C2".to_owned()], 2).prop_map(Condition::Channel),
        1 => some(&["U1".to_owned()], 1).prop_map(Condition::Author),
        1 => some(&["T1".to_owned()], 1).prop_map(Condition::Workspace),
        2 => some(&hours, 2).prop_map(Condition::Time),
        2 => some(&days, 3).prop_map(Condition::Weekday),
        1 => any::<bool>().prop_map(Condition::Wordless),
        1 => any::<bool>().prop_map(Condition::Attachments),
    ]
}

/// What a rule does; where it sends something, it does so however unsure that is.
fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::Nothing),
        Just(Action::Hold { reason: "held".into(), expires_after: None, then: vec![] }),
        Just(Action::Send { to: vec![To::TaskOrchestrator, To::Receipt], threshold: Some(0.0) }),
    ]
}

fn rule(name: usize, when: Vec<Condition>, action: Action) -> Rule {
    Rule { name: format!("r{name}"), when, action, because: None, line: name + 1 }
}

/// Any policy of a few rules, which overlap more often than not.
pub fn any_policy() -> impl Strategy<Value = Policy> {
    let when = proptest::collection::vec(any_condition(), 1..3);
    proptest::collection::vec((when, any_action()), 0..7).prop_map(|listed| {
        let mut rules: Vec<_> =
            listed.into_iter().enumerate().map(|(at, (when, action))| rule(at, when, action)).collect();
        rules.push(rule(rules.len(), Vec::new(), Action::Nothing));
        Policy { rules: Rules::in_order(rules).expect("the last one takes everything"), ..Policy::default() }
    })
}

/// Everything that rules of [`any_policy`] can tell apart, the parts that these rules ask for; the rest stays as it is.
fn everything(policy: &Policy) -> Vec<Facts<'static>> {
    let asked: BTreeSet<_> = policy.rules.iter().flat_map(|rule| &rule.when).map(Condition::name).collect();
    let asks = |names: &[&str]| names.iter().any(|name| asked.contains(name));
    fn part<T: Copy>(all: &[T], asked: bool) -> Vec<T> {
        if asked { all.to_vec() } else { all[..1].to_vec() }
    }
    let meanings: Vec<_> = GroupKey::ALL
        .into_iter()
        .map(Meaning::Group)
        .chain(TaskKey::ALL.into_iter().map(Meaning::Stray))
        .chain([Meaning::InfoRequest, Meaning::Ignore])
        .collect();
    // Of a text whose source is not known, nothing else is known either.
    let mut places = Vec::new();
    for source in part(&SOURCES, asks(&["source", "channel", "workspace", "author"])) {
        for channel in part(&CHANNELS, asks(&["channel"])) {
            for (workspace, author) in
                [(Some("T1"), Some("U1")), (Some("T2"), Some("U1")), (Some("T1"), Some("U2")), (Some("T2"), Some("U2"))]
            {
                let known = source.is_some();
                places.push((source, channel.filter(|_| known), workspace.filter(|_| known), author.filter(|_| known)));
            }
        }
    }
    places.dedup();
    let mut all = Vec::new();
    for meaning in part(&meanings, asks(&["type", "key"])) {
        for confidence in part(&CONFIDENCES, asks(&["confidence"])) {
            for (source, channel, workspace, author) in &places {
                for at in part(&TIMES, asks(&["time", "weekday"])) {
                    for files in
                        part(&[Files::None, Files::WithWords, Files::Alone], asks(&["wordless", "attachments"]))
                    {
                        let circumstances = Circumstances {
                            source: *source,
                            workspace: *workspace,
                            channel: *channel,
                            author: *author,
                            at,
                            files,
                        };
                        all.push(Facts { meaning, confidence, circumstances });
                    }
                }
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    #[test]
    fn a_rule_is_warned_of_exactly_when_nothing_there_is_reaches_it(policy in any_policy()) {
        let mut never: BTreeSet<_> = policy.rules.iter().map(|rule| rule.name.clone()).collect();
        for facts in everything(&policy) {
            never.remove(&policy.rules.first(&facts, policy.threshold).name);
        }
        let warnings = policy.warnings();
        let warned: BTreeSet<_> = warnings.iter().map(|warning| warning.rule.clone()).collect();
        prop_assert_eq!(&warned, &never);
        for warning in warnings {
            let mine = warning.line - 1;
            match warning.doubt {
                // Named are earlier ones, and without them it would speak.
                Doubt::Shadowed(by) => {
                    prop_assert!(!by.is_empty());
                    let earlier: Vec<_> = policy.rules.iter().take(mine).map(|rule| rule.name.as_str()).collect();
                    prop_assert!(by.iter().all(|name| earlier.contains(&name.as_str())));
                    let left: Vec<_> = policy.rules.iter().filter(|rule| !by.contains(&rule.name)).cloned().collect();
                    let alone = Policy { rules: Rules::in_order(left).expect("as before"), ..policy.clone() };
                    let speaks = |facts: &Facts<'_>| alone.rules.first(facts, alone.threshold).name == warning.rule;
                    let reachable = everything(&policy).iter().any(speaks);
                    let others = alone.warnings().iter().any(|other| other.rule == warning.rule);
                    prop_assert!(reachable || others);
                }
                Doubt::Contradiction => {
                    let rule = policy.rules.iter().nth(mine).expect("there");
                    prop_assert!(!everything(&policy).iter().any(|facts| rule.matches(facts, policy.threshold)));
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}

#[test]
fn too_many_rules_that_overlap_are_said_to_be_too_many() {
    let keys: Vec<_> = TaskKey::ALL.into_iter().map(Meaning::Stray).collect();
    let names = |of: char| (0..16).map(|at| format!("{of}{at}")).collect::<Vec<_>>();
    let (channels, authors) = (names('C'), names('U'));
    let hours: Vec<_> = (0..24).map(|hour| Hours { from: hour * 60, until: hour * 60 + 60 }).collect();
    // Half of everything, another half each time, without a pattern.
    let mut dice = fastrand::Rng::with_seed(7);
    fn half<T: Clone>(dice: &mut fastrand::Rng, all: &[T]) -> Vec<T> {
        dice.choose_multiple(all, all.len() / 2).into_iter().cloned().collect()
    }
    let mut rules: Vec<_> = (0..12)
        .map(|at| {
            let when = vec![
                Condition::Key(half(&mut dice, &keys)),
                Condition::Channel(half(&mut dice, &channels)),
                Condition::Author(half(&mut dice, &authors)),
                Condition::Time(half(&mut dice, &hours)),
            ];
            rule(at, when, Action::Nothing)
        })
        .collect();
    rules.push(rule(12, Vec::new(), Action::Nothing));
    let rules = Rules::in_order(rules).expect("sound");
    let last = warnings(&rules, 0.7, 50).pop().expect("a warning");
    assert_eq!((last.rule.as_str(), last.doubt), ("r12", Doubt::Unknown));
    assert_eq!(warnings(&rules, 0.7, 5_000), []);
}
