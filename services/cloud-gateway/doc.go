// Package cloudgateway is the cloud's door: an HTTP server that turns POST
// /<function> into a call on the cloud broker and the answer into bare JSON, so
// that clients need no AMQP. It also tells how the cloud is: health, readiness,
// metrics, and what every service says about itself.
package cloudgateway
