//! The closed vocabularies of classifications on the wire. Each mirrors one enum of the domain.

use crate::http::missions::mirror;
use dispatch_classification::taxonomy::{GroupKey, ListingType, MessageType, TaskKey};
use dispatch_mission::signal::Source;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

mirror! {
    /// What sort of message it is.
    #[schema(as = MessageType, example = "STRAY")]
    MessageTypeDto of MessageType, "SCREAMING_SNAKE_CASE", {
        /// Declares or updates a listing or a deal.
        Group,
        /// One piece of work.
        Stray,
        /// About operations, but too incomplete to act on.
        InfoRequest,
        /// Chatter.
        Ignore,
    }
}

mirror! {
    /// What a GROUP message declares.
    #[schema(as = GroupKey, example = "SALE_LISTING")]
    #[allow(missing_docs)] // the names are the brokerage's own
    GroupKeyDto of GroupKey, "SCREAMING_SNAKE_CASE", {
        SaleListing, LeaseListing, SaleLeaseListing, SoldSaleLeaseListing, RelistListing, RelistListingDealSaleOrLease,
        BuyOrLeased, MarketingAgendaTemplate,
    }
}

mirror! {
    /// What work a STRAY message asks for.
    #[schema(as = TaskKey, example = "OPS_MISC_TASK")]
    #[allow(missing_docs)] // the names are the brokerage's own
    TaskKeyDto of TaskKey, "SCREAMING_SNAKE_CASE", {
        SaleActiveTasks, SaleSoldTasks, SaleClosingTasks, LeaseActiveTasks, LeaseLeasedTasks, LeaseClosingTasks,
        LeaseActiveTasksArlyn, RelistListingDealSale, RelistListingDealLease, BuyerDeal, BuyerDealClosingTasks,
        LeaseTenantDeal, LeaseTenantDealClosingTasks, PreconDeal, MutualReleaseSteps, OpsMiscTask,
    }
}

mirror! {
    /// The side of a listing.
    #[schema(as = ListingType, example = "SALE")]
    #[allow(missing_docs)] // the names are the brokerage's own
    ListingTypeDto of ListingType, "SCREAMING_SNAKE_CASE", { Sale, Lease }
}

mirror! {
    /// Where a message was written.
    #[schema(as = MessageSource, example = "slack")]
    MessageSourceDto of Source, "snake_case", {
        /// In Slack.
        Slack,
        /// By text message.
        Sms,
        /// Nowhere: it was asked about over HTTP.
        Api,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn enums_spell_as_the_domain_does() {
        for key in MessageType::ALL {
            assert_eq!(json!(MessageTypeDto::from(key)), json!(key.as_str()));
        }
        for key in GroupKey::ALL {
            assert_eq!(json!(GroupKeyDto::from(key)), json!(key.as_str()));
        }
        for key in TaskKey::ALL {
            assert_eq!(json!(TaskKeyDto::from(key)), json!(key.as_str()));
        }
        for key in ListingType::ALL {
            assert_eq!(json!(ListingTypeDto::from(key)), json!(key.as_str()));
        }
    }
}
