//! The brokerage's tables as a whole. It must not know their columns.

/// The condition, in SQL, that both mission tables answer to Dispatch's names: it began with them, or the cut-over's
/// expand is done. A macro, so that statements with it stay constants.
macro_rules! expanded {
    () => {
        "to_regclass('public.dispatch_activities') IS NOT NULL AND to_regclass('public.dispatch_agent_tasks') IS NOT NULL"
    };
}

pub(crate) use expanded;
