// Package access knows who may do what at the cloud: the operators that sign in,
// their sessions and API tokens, and the clients' credentials, in one SQLite file
// of the cloud's gateway. It decides who somebody is; what each may do is said by
// package contract.
//
// Everything that is shown as proof is 256 random bits behind a prefix that tells
// its kind, and is kept as its SHA-256 alone: who reads the file gains none. The
// passwords, which are weaker, are kept as argon2id.
package access
