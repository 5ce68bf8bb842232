"""Identity: who a party is, proved by certificates, and who may vouch for it."""
