//! The brokerage's taxonomy, schema version 1. Names are stored and shown as they stand here.

use serde::{Deserialize, Serialize};

/// What sort of message it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)] // the names are the brokerage's own
pub enum MessageType {
    Group,
    Stray,
    InfoRequest,
    Ignore,
}

impl MessageType {
    /// All of them, in the taxonomy's order.
    pub const ALL: [Self; 4] = [Self::Group, Self::Stray, Self::InfoRequest, Self::Ignore];

    /// The spelling of API, policy file and column alike.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Group => "GROUP",
            Self::Stray => "STRAY",
            Self::InfoRequest => "INFO_REQUEST",
            Self::Ignore => "IGNORE",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.as_str() == text)
    }
}

/// What a GROUP message declares about a listing or a deal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)] // the names are the brokerage's own
pub enum GroupKey {
    SaleListing,
    LeaseListing,
    SaleLeaseListing,
    SoldSaleLeaseListing,
    RelistListing,
    RelistListingDealSaleOrLease,
    BuyOrLeased,
    MarketingAgendaTemplate,
}

impl GroupKey {
    /// All of them, in the taxonomy's order.
    pub const ALL: [Self; 8] = [
        Self::SaleListing,
        Self::LeaseListing,
        Self::SaleLeaseListing,
        Self::SoldSaleLeaseListing,
        Self::RelistListing,
        Self::RelistListingDealSaleOrLease,
        Self::BuyOrLeased,
        Self::MarketingAgendaTemplate,
    ];

    /// The spelling of API, policy file and column alike.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SaleListing => "SALE_LISTING",
            Self::LeaseListing => "LEASE_LISTING",
            Self::SaleLeaseListing => "SALE_LEASE_LISTING",
            Self::SoldSaleLeaseListing => "SOLD_SALE_LEASE_LISTING",
            Self::RelistListing => "RELIST_LISTING",
            Self::RelistListingDealSaleOrLease => "RELIST_LISTING_DEAL_SALE_OR_LEASE",
            Self::BuyOrLeased => "BUY_OR_LEASED",
            Self::MarketingAgendaTemplate => "MARKETING_AGENDA_TEMPLATE",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.as_str() == text)
    }
}

/// What a STRAY message asks for. The more specific key wins: CLOSING over ACTIVE.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)] // the names are the brokerage's own
pub enum TaskKey {
    SaleActiveTasks,
    SaleSoldTasks,
    SaleClosingTasks,
    LeaseActiveTasks,
    LeaseLeasedTasks,
    LeaseClosingTasks,
    LeaseActiveTasksArlyn,
    RelistListingDealSale,
    RelistListingDealLease,
    BuyerDeal,
    BuyerDealClosingTasks,
    LeaseTenantDeal,
    LeaseTenantDealClosingTasks,
    PreconDeal,
    MutualReleaseSteps,
    OpsMiscTask,
}

impl TaskKey {
    /// All of them, in the taxonomy's order.
    pub const ALL: [Self; 16] = [
        Self::SaleActiveTasks,
        Self::SaleSoldTasks,
        Self::SaleClosingTasks,
        Self::LeaseActiveTasks,
        Self::LeaseLeasedTasks,
        Self::LeaseClosingTasks,
        Self::LeaseActiveTasksArlyn,
        Self::RelistListingDealSale,
        Self::RelistListingDealLease,
        Self::BuyerDeal,
        Self::BuyerDealClosingTasks,
        Self::LeaseTenantDeal,
        Self::LeaseTenantDealClosingTasks,
        Self::PreconDeal,
        Self::MutualReleaseSteps,
        Self::OpsMiscTask,
    ];

    /// The spelling of API, policy file and column alike.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SaleActiveTasks => "SALE_ACTIVE_TASKS",
            Self::SaleSoldTasks => "SALE_SOLD_TASKS",
            Self::SaleClosingTasks => "SALE_CLOSING_TASKS",
            Self::LeaseActiveTasks => "LEASE_ACTIVE_TASKS",
            Self::LeaseLeasedTasks => "LEASE_LEASED_TASKS",
            Self::LeaseClosingTasks => "LEASE_CLOSING_TASKS",
            Self::LeaseActiveTasksArlyn => "LEASE_ACTIVE_TASKS_ARLYN",
            Self::RelistListingDealSale => "RELIST_LISTING_DEAL_SALE",
            Self::RelistListingDealLease => "RELIST_LISTING_DEAL_LEASE",
            Self::BuyerDeal => "BUYER_DEAL",
            Self::BuyerDealClosingTasks => "BUYER_DEAL_CLOSING_TASKS",
            Self::LeaseTenantDeal => "LEASE_TENANT_DEAL",
            Self::LeaseTenantDealClosingTasks => "LEASE_TENANT_DEAL_CLOSING_TASKS",
            Self::PreconDeal => "PRECON_DEAL",
            Self::MutualReleaseSteps => "MUTUAL_RELEASE_STEPS",
            Self::OpsMiscTask => "OPS_MISC_TASK",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.as_str() == text)
    }
}

/// The side of a listing, when it is explicit or clearly implied.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)] // the names are the brokerage's own
pub enum ListingType {
    Sale,
    Lease,
}

impl ListingType {
    /// All of them, in the taxonomy's order.
    pub const ALL: [Self; 2] = [Self::Sale, Self::Lease];

    /// The spelling of API, policy file and column alike.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "SALE",
            Self::Lease => "LEASE",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.as_str() == text)
    }
}
