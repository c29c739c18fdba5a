//! A small invented brokerage for `dispatch dev`: people and listings to send messages about.
//!
//! It must not touch a table that has rows, nor invent missions.

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};

/// Everything is invented: 555 numbers, example.com, streets without such houses. The labelled messages that
/// `cargo xtask demo` replays mention some of these people.
const STAFF: &str = "
INSERT INTO public.staff (staff_id, email, name, role, slack_user_id, phone)
SELECT * FROM (VALUES
    ('staff-sam', 'sam@brokerage.example.com', 'Sam Whitfield', 'admin', 'U01ADMIN001', '+14165550110'),
    ('staff-emma', 'emma@brokerage.example.com', 'Emma Lindqvist', 'admin', 'U01ADMIN002', '+14165550111'),
    ('staff-nadine', 'nadine@brokerage.example.com', 'Nadine Okafor', 'operations', 'U01OPS001', '+14165550112'),
    ('staff-priya', 'priya@brokerage.example.com', 'Priya Raman', 'operations', 'U01OPS002', '+14165550113'),
    ('staff-devon', 'devon@brokerage.example.com', 'Devon Clarke', 'operations', 'U01OPS003', '+14165550114'),
    ('staff-beatriz', 'beatriz@brokerage.example.com', 'Beatriz Almeida', 'marketing', 'U01MKT001', '+14165550115'),
    ('staff-carlo', 'carlo@brokerage.example.com', 'Carlo Bellini', 'marketing', 'U01MKT002', '+14165550116'),
    ('staff-mei', 'mei@brokerage.example.com', 'Mei Tanaka', 'support', 'U01SUP001', '+14165550117')
) AS invented
WHERE NOT EXISTS (SELECT FROM public.staff)";

const REALTORS: &str = "
INSERT INTO public.realtors (realtor_id, email, name, phone, license_number, brokerage, slack_user_id, territories)
SELECT * FROM (VALUES
    ('realtor-amelia', 'amelia@realtors.example.com', 'Amelia Hart', '+14165550121', 'ON-100001', 'Harbour Realty',
     'U01REAL001', ARRAY['Leslieville', 'Riverside']),
    ('realtor-daniel', 'daniel@realtors.example.com', 'Daniel Cho', '+14165550122', 'ON-100002', 'Harbour Realty',
     'U01REAL002', ARRAY['Liberty Village']),
    ('realtor-fatima', 'fatima@realtors.example.com', 'Fatima Rahimi', '+14165550123', 'ON-100003', 'Harbour Realty',
     'U01REAL003', ARRAY['North York']),
    ('realtor-george', 'george@realtors.example.com', 'George Papadakis', '+14165550124', 'ON-100004',
     'Harbour Realty', 'U01REAL004', ARRAY['The Danforth']),
    ('realtor-ines', 'ines@realtors.example.com', 'Ines Moreau', '+14165550125', 'ON-100005', 'Harbour Realty',
     'U01REAL005', ARRAY['The Annex']),
    ('realtor-arlyn', 'arlyn@realtors.example.com', 'Arlyn Santos', '+14165550126', 'ON-100006', 'Harbour Realty',
     'U01REAL006', ARRAY['Etobicoke']),
    ('realtor-liam', 'liam@realtors.example.com', 'Liam Ashworth', '+14165550127', 'ON-100007', 'Lakeshore Homes',
     'U02REAL001', ARRAY['Mimico'])
) AS invented
WHERE NOT EXISTS (SELECT FROM public.realtors)";

const LISTINGS: &str = "
INSERT INTO public.listings (listing_id, address_string, status, realtor_id, type, notes)
SELECT * FROM (VALUES
    ('listing-carlaw', '9041 Carlaw Avenue, Toronto', 'in_progress', 'realtor-amelia', 'SALE', 'Semi with a garden'),
    ('listing-atlantic', '1207-9 Atlantic Avenue, Toronto', 'new', 'realtor-daniel', 'LEASE', 'Loft, second floor'),
    ('listing-finch', '8802 Finch Avenue West, North York', 'in_progress', 'realtor-fatima', 'SALE', 'Bungalow'),
    ('listing-logan', '7715 Logan Avenue, Toronto', 'completed', 'realtor-george', 'SALE', 'Sold in spring'),
    ('listing-bathurst', '6604 Bathurst Street, Toronto', 'new', 'realtor-ines', 'LEASE', 'Two bedrooms, parking')
) AS invented (listing_id, address_string, status, realtor_id, type, notes)
WHERE NOT EXISTS (SELECT FROM public.listings)
    AND EXISTS (SELECT FROM public.realtors WHERE realtor_id = invented.realtor_id)";

/// Fills those of the brokerage's tables that are empty. Calling it again changes nothing.
///
/// # Errors
///
/// What the database says, such as that the tables are not there.
pub async fn brokerage(connection: &mut AsyncPgConnection) -> Result<(), diesel::result::Error> {
    connection
        .transaction(async |connection| {
            for table in [STAFF, REALTORS, LISTINGS] {
                connection.batch_execute(table).await?;
            }
            Ok(())
        })
        .await
}
