// Package house holds the tests that keep the house's rules: who may import
// whom, and that every package says what it is.
package house
