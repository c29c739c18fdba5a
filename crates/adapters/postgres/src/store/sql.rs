//! A statement with `$n` placeholders whose plan each connection keeps.
//!
//! `diesel::sql_query` is prepared anew at every call, for its text may come from anywhere. Ours is written here, once.
//! It must not know any table.

use std::borrow::Cow;
use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Untyped};

/// A statement, and the values bound so far.
#[derive(Debug)]
pub(crate) struct Sql(Cow<'static, str>);

/// A statement with one more value bound.
#[derive(Debug)]
pub(crate) struct Bound<Before, Value, Type> {
    before: Before,
    value: Value,
    sql_type: PhantomData<Type>,
}

/// This text as a statement. Only for text of our own making: the connection remembers it for ever.
pub(crate) fn sql(text: impl Into<Cow<'static, str>>) -> Sql {
    Sql(text.into())
}

impl Sql {
    /// Binds `$1`.
    pub(crate) fn bind<Type, Value>(self, value: Value) -> Bound<Self, Value, Type> {
        Bound { before: self, value, sql_type: PhantomData }
    }
}

impl<Before, Value, Type> Bound<Before, Value, Type> {
    /// Binds the next placeholder.
    pub(crate) fn bind<Next, V>(self, value: V) -> Bound<Self, V, Next> {
        Bound { before: self, value, sql_type: PhantomData }
    }
}

impl QueryFragment<Pg> for Sql {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(&self.0);
        Ok(())
    }
}

impl<Before, Value, Type> QueryFragment<Pg> for Bound<Before, Value, Type>
where
    Before: QueryFragment<Pg>,
    Value: ToSql<Type, Pg>,
    Pg: Backend + HasSqlType<Type>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.before.walk_ast(out.reborrow())?;
        out.push_bind_param_value_only(&self.value)
    }
}

impl QueryId for Sql {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Before, Value, Type> QueryId for Bound<Before, Value, Type> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Sql {
    type SqlType = Untyped;
}

impl<Before, Value, Type> Query for Bound<Before, Value, Type> {
    type SqlType = Untyped;
}
