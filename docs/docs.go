// Package docs carries the project's documents that a program needs: the
// description of the HTTP API, which the cloud gateway serves.
package docs

import _ "embed"

// OpenAPI describes /api/v1 in OpenAPI 3.1, as YAML.
//
//go:embed openapi.yaml
var OpenAPI []byte
