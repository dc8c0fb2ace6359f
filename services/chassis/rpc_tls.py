"""A certificate (chassis.tls) as gRPC wants it; apart, since a worker has no gRPC."""

from __future__ import annotations

import grpc

from chassis.tls import Certificate


def for_server(own: Certificate) -> grpc.ServerCredentials:
    """Return what refuses whoever shows no certificate of our authority."""
    seen = [own.stamp()]

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        """Asked at each handshake; None keeps what was said last."""
        now = own.stamp()
        if now == seen[0]:
            return None
        seen[0] = now
        return _configuration(own)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(own),
        renewed,  # type: ignore[arg-type]  # the stub does not know that None is an answer
        require_client_authentication=True,
    )


def for_client(own: Certificate) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(
        own.authority.read_bytes(), own.key.read_bytes(), own.chain.read_bytes()
    )


def _configuration(own: Certificate) -> grpc.ServerCertificateConfiguration:
    pair = (own.key.read_bytes(), own.chain.read_bytes())
    return grpc.ssl_server_certificate_configuration([pair], own.authority.read_bytes())
