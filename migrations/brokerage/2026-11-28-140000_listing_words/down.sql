DROP INDEX public.listings_address_words;
