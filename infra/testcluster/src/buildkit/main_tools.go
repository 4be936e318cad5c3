//go:build tools

// Package tools names the commands that are built in this module, so that go.mod keeps what they need.
package tools

import (
	_ "github.com/moby/buildkit/cmd/buildctl"
	_ "github.com/moby/buildkit/cmd/buildkitd"
)
