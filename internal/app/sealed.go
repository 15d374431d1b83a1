package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/agata-fl/agata/pkg/rpc"
	cloudgateway "github.com/agata-fl/agata/services/cloud-gateway"
)

// sealed puts the cloud's seals on a service's transport to the cloud's broker, if
// the cloud asks for credentials.
func (a *App) sealed(service string, t cloudgateway.Transport, reg prometheus.Registerer) (cloudgateway.Transport, error) {
	shut, err := closed(a.cfg)
	if err != nil || !shut {
		return t, err
	}
	key, err := rpc.LoadKey(a.cfg.Auth.KeyFile)
	if err != nil {
		return nil, err
	}
	return rpc.Sealed(t, rpc.SealOptions{
		Key: key, Self: rpc.Identity{Kind: rpc.Service, Name: service}, Peers: a.cfg.Auth.Peers,
		Logger: a.log.With("service", service), Registerer: prometheus.WrapRegistererWith(prometheus.Labels{"service": service}, reg),
	}), nil
}
