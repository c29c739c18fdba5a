-- Listings are looked for by a word of their address, mostly the house number.
CREATE INDEX listings_address_words ON public.listings
    USING gin (regexp_split_to_array(lower(address_string), '[^0-9a-z]+'));
