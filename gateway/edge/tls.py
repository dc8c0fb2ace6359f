"""Certificates: the one that browsers see, and the one that our own parts show each other."""

from __future__ import annotations

from pathlib import Path

from edge.envoy import EXTENSIONS, Tree
from edge.settings import Settings

_TLS = f"{EXTENSIONS}transport_sockets.tls.v3."
_PUBLIC, _OWN, _AUTHORITY = "certificate", "own", "authority"


def public(folder: Path) -> Tree:
    """Return the socket of the way in, for whoever comes."""
    return _socket(
        "DownstreamTlsContext",
        {
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
                "tls_certificate_sds_secret_configs": [_read_from(folder, _PUBLIC)],
            }
        },
    )


def inner(folder: Path) -> Tree:
    """Return the socket of a port that only our own parts may speak to."""
    return _socket(
        "DownstreamTlsContext",
        {
            "require_client_certificate": True,
            "common_tls_context": {
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
                "tls_certificate_sds_secret_configs": [_read_from(folder, _OWN)],
                "validation_context_sds_secret_config": _read_from(folder, _AUTHORITY),
            },
        },
    )


def towards(folder: Path, host: str, *, alpn: str) -> Tree:
    """Return the socket to another part, which must be who it is called."""
    named = {"san_type": "DNS", "matcher": {"exact": host}}
    return _socket(
        "UpstreamTlsContext",
        {
            "sni": host,
            "common_tls_context": {
                "alpn_protocols": [alpn],
                "tls_certificate_sds_secret_configs": [_read_from(folder, _OWN)],
                "combined_validation_context": {
                    "default_validation_context": {"match_typed_subject_alt_names": [named]},
                    "validation_context_sds_secret_config": _read_from(folder, _AUTHORITY),
                },
            },
        },
    )


def files(settings: Settings) -> dict[str, Tree]:
    """Return what names each certificate, by file: Envoy reads one again when it is moved in anew."""
    named: dict[str, Tree] = {}
    if settings.certificate:
        chain, key = Path(settings.certificate), Path(settings.certificate_key)
        named[_PUBLIC] = _pair(chain.absolute(), key.absolute())
    if settings.tls:
        folder = Path(settings.tls).absolute()
        named[_OWN] = _pair(folder / "tls.crt", folder / "tls.key")
        named[_AUTHORITY] = {
            "validation_context": {
                "trusted_ca": {"filename": str(folder / "ca.crt")},
                "watched_directory": {"path": str(folder)},
            }
        }
    return {
        f"{name}.yaml": {"resources": [{"@type": f"{_TLS}Secret", "name": name, **secret}]}
        for name, secret in named.items()
    }


def _pair(chain: Path, key: Path) -> Tree:
    return {
        "tls_certificate": {
            "certificate_chain": {"filename": str(chain)},
            "private_key": {"filename": str(key)},
            "watched_directory": {"path": str(chain.parent)},
        }
    }


def _read_from(folder: Path, name: str) -> Tree:
    return {
        "name": name,
        "sds_config": {
            "resource_api_version": "V3",
            "path_config_source": {"path": str(folder / f"{name}.yaml")},
        },
    }


def _socket(kind: str, context: Tree) -> Tree:
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {"@type": f"{_TLS}{kind}", **context},
    }
