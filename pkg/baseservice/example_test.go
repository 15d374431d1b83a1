package baseservice_test

import (
	"context"
	"fmt"
	"net"

	"golang.org/x/sync/errgroup"

	"github.com/agata-fl/agata/internal/amqpd"
	"github.com/agata-fl/agata/pkg/amqpx"
	"github.com/agata-fl/agata/pkg/baseservice"
	"github.com/agata-fl/agata/pkg/contract"
	"github.com/agata-fl/agata/pkg/rpc"
)

// A service that knows one user, and a program that asks it.
func Example() {
	broker, err := amqpd.New(amqpd.Options{Addr: "127.0.0.1:0"}) // RabbitMQ will do as well
	if err != nil {
		panic(err)
	}
	transport, err := amqpx.New(amqpx.Options{Host: "127.0.0.1", Port: broker.Addr().(*net.TCPAddr).Port})
	if err != nil {
		panic(err)
	}
	schemas, err := contract.CompileSchemas()
	if err != nil {
		panic(err)
	}
	svc, err := baseservice.New(baseservice.Options{Name: "user-manager", Transport: transport, Schemas: schemas})
	if err != nil {
		panic(err)
	}
	baseservice.Handle(svc, contract.GetUser, func(_ context.Context, req contract.UserIDRequest) (contract.User, error) {
		if req.UserID != "ada" {
			return contract.User{}, rpc.Text(rpc.NotFound, contract.UserNotRegistered(req.UserID))
		}
		return contract.User{ID: "ada", Sensors: []string{"camera"}}, nil
	}, baseservice.Concurrency(16))

	brokerCtx, stopBroker := context.WithCancel(context.Background())
	serviceCtx, stopService := context.WithCancel(context.Background())
	var broke, served errgroup.Group
	broke.Go(func() error { return broker.Run(brokerCtx) })
	broke.Go(func() error { return transport.Run(brokerCtx) })
	served.Go(func() error { return svc.Run(serviceCtx) })
	<-svc.Started()

	for _, id := range []string{"ada", "bob"} {
		user, err := rpc.Call(context.Background(), transport, contract.GetUser, contract.UserIDRequest{UserID: id})
		fmt.Println(user.Sensors, err)
	}
	stopService()
	fmt.Println("service:", served.Wait())
	stopBroker()
	fmt.Println("broker:", broke.Wait())
	// Output:
	// [camera] <nil>
	// [] User with ID=bob not registered
	// service: <nil>
	// broker: <nil>
}
