package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/pkg/rpc"
	cloudgateway "github.com/agata-fl/agata/services/cloud-gateway"
)

// sealed puts the cloud's seals on a service's transport to the cloud's broker, if
// the cloud asks for credentials.
func (a *App) sealed(service string, t cloudgateway.Transport, reg prometheus.Registerer) (cloudgateway.Transport, error) {
	key, err := a.key()
	if err != nil || key.IsZero() {
		return t, err
	}
	return rpc.Sealed(t, rpc.SealOptions{
		Key: key, Self: rpc.Identity{Kind: rpc.Service, Name: service}, Peers: a.cfg.Auth.Peers,
		Logger: a.log.With("service", service), Registerer: prometheus.WrapRegistererWith(prometheus.Labels{"service": service}, reg),
	}), nil
}

// key is the cloud's; zero if the cloud is open.
func (a *App) key() (rpc.Key, error) {
	if shut, err := closed(a.cfg); err != nil || !shut {
		return rpc.Key{}, err
	}
	return rpc.LoadKey(a.cfg.Auth.KeyFile)
}
