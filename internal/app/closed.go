package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/agata-fl/agata/internal/config"
	cloudgateway "github.com/agata-fl/agata/services/cloud-gateway"
)

// closed tells whether the cloud asks for credentials: by [auth] mode or, with
// mode auto, by whether there is a key file.
func closed(cfg *config.Config) (bool, error) {
	if cfg.Auth.Mode == config.AuthOff {
		return false, nil
	}
	_, err := os.Stat(cfg.Auth.KeyFile)
	switch {
	case err == nil:
		return true, nil
	case !errors.Is(err, fs.ErrNotExist): // in doubt not open
		return false, fmt.Errorf("look for the cloud's key: %w", err)
	case cfg.Auth.Mode == config.AuthOn:
		return false, fmt.Errorf("auth.mode is on, but there is no key %s: make it and the first admin with `agata operator init NAME`, or copy it from the cloud's other services", cfg.Auth.KeyFile)
	}
	return false, nil
}

// gatewayAuth is what the gateway of a closed cloud asks for; nil in an open one.
func (a *App) gatewayAuth() (*cloudgateway.Auth, error) {
	key, err := a.key()
	if err != nil || key.IsZero() {
		return nil, err
	}
	c := a.cfg.Auth
	return &cloudgateway.Auth{Key: key, Peers: c.Peers, Session: c.Session, SignInPerMinute: c.SignInPerMinute, RequestsPerSecond: c.RequestsPerSecond}, nil
}
