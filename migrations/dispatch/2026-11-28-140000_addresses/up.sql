-- One listing per address, whoever writes about it first and however many write at once.
CREATE TABLE dispatch.addresses (
    address    text COLLATE "C" PRIMARY KEY,
    ground     text COLLATE "C" NOT NULL,
    listing_id text,
    created_at timestamptz NOT NULL DEFAULT now(),
    named_at   timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);

COMMENT ON TABLE dispatch.addresses IS
    'Addresses that messages named, in their normal form. Whoever makes a listing holds the row of its ground first.';
COMMENT ON COLUMN dispatch.addresses.address IS 'The normal form: 12 elm st #4, toronto.';
COMMENT ON COLUMN dispatch.addresses.ground IS
    'Number and street alone, which every way to say the address has in common: the address of the row to be locked.';
COMMENT ON COLUMN dispatch.addresses.listing_id IS
    'The listing that was meant last. The listing''s own row tells whether it still is there, and still at this address.';
COMMENT ON COLUMN dispatch.addresses.named_at IS 'When a message last spoke of this ground.';

CREATE INDEX addresses_ground ON dispatch.addresses (ground) WHERE listing_id IS NOT NULL;

ALTER TABLE dispatch.effects ADD COLUMN joined boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN dispatch.effects.joined IS
    'Whether the row was there before: then the unit asks for it like others, and does not take it back.';

SELECT dispatch.revoke_foreign_access();
