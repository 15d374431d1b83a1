// Package deploytest holds the files of a deployment to the program that they
// deploy: docker-compose.yml, the Dockerfile and the guides in docs. It has tests
// only, and needs neither a container engine nor a network. Where the docker
// client has its compose plugin, that one reads docker-compose.yml as well.
package deploytest
