"""One network of instances: facts go up to the parent, directives come down to the children.

Up: what a service lists in `goes_up` is copied from the outbox to `link_facts`, the ledger of
what this instance told its parent, and sent from there to the queue `uplink`, which a shovel
empties into the parent's exchange `uplink`. Down: a directive is a row of `directives`, sent to
the exchange of that name, from which the children's brokers fetch what is for them (federation).
"""
