//! The words around a date that say what part it plays. Must not know dates.

use regex::Regex;
use std::sync::LazyLock;

/// What stands before a date that must be met.
pub(super) static BEFORE_DEADLINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?-u:\b)(?:by|before|b4|be4|due(?: date)?(?: is| on| by| at)?|deadline(?: is| of)?|no later than|not later than|latest|cut-?off(?: is| of)?|avant(?: le)?|d'ici(?: le| au)?|au plus tard(?: le)?|para(?: el)?|antes del?|a mas tardar(?: el)?|need(?:ed|s)? (?:it |this |them )?(?:for|on|by)|in time for|prior to)(?: like| around| about)?[ :]*(?:the )?(?:end of |this |eod |cob )?$|在$",
    )
    .expect("a valid pattern")
});
/// What stands after one.
pub(super) static AFTER_DEADLINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[ ,(]*(?:is (?:the|our) )?(?:deadline|cut-?off|at (?:the )?latest|latest|au plus tard|a mas tardar|hard stop)|^ ?(?:之?前|以前|截止)")
        .expect("a valid pattern")
});
/// What stands before a date that lies behind.
pub(super) static BEFORE_PAST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?-u:\b)(?:closed|was|were|since|happened|withdrawn|expired|dated|sold|received|listed|started|sent|signed|ended|firmed up|went firm|missed|as of|was due|back in|ran out|lapsed|moved in|from last)(?: on| as of| at| back)?[ ,]*(?:the )?$",
    )
    .expect("a valid pattern")
});
/// "by 6 tonight": a bare number after such a word is a time.
pub(super) static INTRODUCES_TIME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u:\b)(?:by|before|b4|at|until|til|till|after|@|around) ?$").expect("a valid pattern")
});
/// "signed today" is news, not a date to meet.
pub(super) static REPORTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u:\b)(?:signed|sold|leased|got|went|accepted|approved|came|closed|received|met|won|landed|listed|slow|down|moved)(?-u:\b)[^.!?\n]*$").expect("a valid pattern")
});
/// "Thursday not Wednesday" means Thursday.
pub(super) static INSTEAD_OF: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u:\b)(?:not|instead of|rather than|and not)(?: on| the)? $").expect("a valid pattern")
});
/// "sellers will be out by noon" is no deadline of ours.
pub(super) static OUT_BY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u:\b)(?:out|gone|home|away|back|there|moved) (?:by|before) ?$").expect("a valid pattern")
});
/// "by 6" at the end of a sentence, without a day.
pub(super) static BY_BARE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?-u:\b)(?:by|before|b4) ?$").expect("a valid pattern"));
/// "details tomorrow" says when more is said.
pub(super) static TOLD_LATER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:explain|details|more info|tell you|let you know|fill you in)(?-u:\b)[^.!?\n]{0,20}$")
        .expect("a valid pattern")
});
/// How people take back what they just wrote.
pub(super) static TAKEN_BACK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u:\b)(?:wait,? no|no,? wait|scratch that|never ?mind|nvm|they removed|no longer|not anymore|correction|i mean|make that|sorry,?|oops|actually)(?-u:\b)")
        .expect("a valid pattern")
});
/// What stands between two dates of which only one is meant.
pub(super) static CHOICE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[ ,?]*(?:or|ou|vs\.?|还是)[ ,]+(?:is it |on |the |maybe )*$").expect("a valid pattern")
});
