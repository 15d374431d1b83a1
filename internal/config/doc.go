// Package config reads the settings of an AGATA instance.
//
// A value comes from the last of four layers that sets it: the built-in
// defaults, config.ini, the environment (AGATA_CLIENT_BROKER_PORT for the key
// port of the section [client.broker]), and flags. Each value remembers its
// layer, so that `agata doctor --settings` can say why a port is what it is.
//
// config.ini is shared with Python programs that read it by configparser.
// Load therefore accepts only what both sides read alike, and refuses the rest
// (continuation lines, duplicates, keys before a section) with a reason. All
// problems of all layers are reported together.
package config
