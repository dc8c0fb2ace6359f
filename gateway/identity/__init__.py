"""Who somebody is: accounts, sign-in, tokens, companies' delegates, and the movable clock."""
