// Package pki makes and uses certificates: a private authority for a cloud and
// its clients, so that nobody needs a public one to encrypt, and the tls.Config of
// servers and of those who connect to them, as the section [tls] says.
//
// A certificate that is renewed on disk is served from the next handshake on. The
// authorities that are trusted are read once, at the start.
package pki
