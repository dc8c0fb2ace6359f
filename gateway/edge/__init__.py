"""The edge: Envoy's configuration, the OpenAPI document and the API reference, all from the protos."""
