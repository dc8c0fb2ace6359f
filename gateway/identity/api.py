"""The gRPC edge of identity."""

from __future__ import annotations

from kaigong.identity.v1 import identity_pb2_grpc as pb_grpc

from identity.edge.accounts import Accounts
from identity.edge.companies import Companies
from identity.edge.platform import Platform
from identity.edge.sign_in import SignIns


class Identity(Accounts, Companies, Platform, SignIns, pb_grpc.IdentityServiceServicer):
    """Sign-in and sessions live in real time; authority and the facts told in the domain's."""
