-- The refresh token that a vendor gave in place of the one in the tenant's file, with what names that one; sealed.
ALTER TABLE connections ADD COLUMN refresh bytea;
