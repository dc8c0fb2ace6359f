"""What identity does: one function each. `now` is the domain's time, `real` is real time."""

from identity.usecases.accounts import (
    create_account,
    disable_account,
    enable_account,
    first_administrator,
    link_oidc,
    managed,
    place_of,
    reset_password,
    update_account,
)
from identity.usecases.clock import advance_clock, forget_old
from identity.usecases.companies import (
    NewDelegate,
    add_delegate,
    bind_company,
    revoke_mandate,
    tell_turned_mandates,
)
from identity.usecases.keys import ensure_key, remove_key, rotate_key, seal_keys_again
from identity.usecases.sign_in import (
    Fresh,
    Refused,
    SignedIn,
    change_password,
    refresh,
    sign_in,
    sign_in_by_oidc,
    sign_out,
)

__all__ = [
    "Fresh",
    "NewDelegate",
    "Refused",
    "SignedIn",
    "add_delegate",
    "advance_clock",
    "bind_company",
    "change_password",
    "create_account",
    "disable_account",
    "enable_account",
    "ensure_key",
    "first_administrator",
    "forget_old",
    "link_oidc",
    "managed",
    "place_of",
    "refresh",
    "remove_key",
    "reset_password",
    "revoke_mandate",
    "rotate_key",
    "seal_keys_again",
    "sign_in",
    "sign_in_by_oidc",
    "sign_out",
    "tell_turned_mandates",
    "update_account",
]
