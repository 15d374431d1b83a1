package app

import (
	"crypto/tls"
	"fmt"

	"github.com/agata-fl/agata/internal/config"
	"github.com/agata-fl/agata/internal/pki"
)

// certificates are what the section [tls] comes to.
type certificates struct {
	server *tls.Config // nil: servers speak in the clear
	client *tls.Config
}

func (a *App) loadTLS() (err error) {
	if a.tls.server, err = pki.ServerConfig(a.cfg.TLS, a.log); err != nil {
		return err
	}
	a.tls.client, err = pki.ClientConfig(a.cfg.TLS, a.log)
	return err
}

// brokerTLS is how a broker is spoken to, nil in the clear.
func (a *App) brokerTLS(b config.Broker) *tls.Config {
	if !b.TLS {
		return nil
	}
	return a.tls.client
}

// embeddedTLS is what an embedded broker speaks, nil in the clear.
func (a *App) embeddedTLS(side string, b config.Broker) (*tls.Config, error) {
	if !b.TLS {
		return nil, nil
	}
	if a.tls.server == nil {
		return nil, fmt.Errorf("start the embedded %s broker: it is to speak TLS, and there is no certificate: set cert and key in section [tls] of config.ini (agata tls init makes them)", side)
	}
	return a.tls.server, nil
}
