//go:build tools

// Package tools names the command that is built in this module, so that go.mod keeps what it needs.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
